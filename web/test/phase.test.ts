import { describe, expect, it } from 'vitest'
import { sides, stack, twice } from '../src/charts/stack'
import { cell, formatOrder, ordered, parseOrder, tooSmall, type Group } from '../src/phase/breakdown'
import { edges, isolated } from '../src/charts/axes'
import { changes, verdict } from '../src/phase/change'
import { ownerText, verdict as sentence, type Comparison, type Difference } from '../src/phase/difference'
import { mergeRows, shade, tailEdge } from '../src/phase/heat'
import { loadPoints, nearest } from '../src/phase/load'
import { quantileName } from '../src/phase/parts'
import { meanSegments, requestSegments, sum, ttftSegments, type PartMean } from '../src/phase/segments'
import { chunkGaps, extent, factsOf, lanes, type Span, type Trace } from '../src/phase/waterfall'

const provenance = { network: 'derived', queue: 'measured', prefill: 'measured', decode: 'measured', ttft: 'measured' }

// The complete case: a streaming client and a vLLM engine.
const complete = {
  total_ns: 1412880310,
  network_ns: 22187760,
  queue_ns: 32118000,
  prefill_ns: 201455000,
  decode_ns: 1120906000,
  unattributed_ns: 36213550,
  provenance,
}

describe('the segments of a request', () => {
  it('add up to the total exactly, in the order of every bar', () => {
    const segments = requestSegments(complete)
    expect(sum(segments)).toBe(complete.total_ns)
    expect(segments.map((segment) => segment.part)).toEqual(['network', 'queue', 'prefill', 'decode', 'unattributed'])
    expect(segments.map((segment) => segment.look)).toEqual([
      'derived',
      'measured',
      'measured',
      'measured',
      'unattributed',
    ])
  })

  it('leave unknown phases out and never hatch their time', () => {
    const segments = requestSegments({
      total_ns: 10,
      unattributed_ns: 4,
      decode_ns: 6,
      network_ns: null,
      provenance: { ...provenance, decode: 'derived' },
    })
    expect(segments.map(({ part, look, ns }) => [part, look, ns])).toEqual([
      ['decode', 'derived', 6],
      ['unattributed', 'unknown', 4],
    ])
  })

  it('show a request of which nothing is known as one dotted whole', () => {
    expect(requestSegments({ total_ns: 5, unattributed_ns: 5, provenance })).toMatchObject([
      { part: 'unattributed', look: 'unknown', ns: 5 },
    ])
  })

  it('keep a known zero apart from unknown', () => {
    expect(requestSegments({ ...complete, queue_ns: 0 }).some((segment) => segment.part === 'queue')).toBe(true)
  })

  it('split TTFT into its own parts', () => {
    const segments = ttftSegments({
      ttft_ns: 100,
      ttft_network_ns: 10,
      ttft_queue_ns: 20,
      ttft_prefill_ns: 60,
      ttft_rest_ns: 10,
      provenance,
    })
    expect(sum(segments)).toBe(100)
    expect(segments.at(-1)).toMatchObject({ part: 'rest', look: 'unattributed', ns: 10 })
    expect(ttftSegments({ ttft_ns: 100, provenance })).toMatchObject([{ part: 'rest', look: 'unknown', ns: 100 }])
    expect(ttftSegments({ ttft_ns: null, provenance })).toEqual([])
  })
})

describe('the segments of a mean', () => {
  const means: PartMean[] = [
    { part: 'rest', mean_ns: 5, coverage: 1 },
    { part: 'prefill', mean_ns: 3, coverage: 1 },
    { part: 'network', mean_ns: 1, coverage: 1 },
    { part: 'queue', mean_ns: 2, coverage: 1 },
  ]

  it('come in the fixed order whatever the answer’s', () => {
    expect(meanSegments('ttft', means).map((segment) => segment.part)).toEqual(['network', 'queue', 'prefill', 'rest'])
    expect(sum(meanSegments('ttft', means))).toBe(11)
  })

  it('dot the remainder where some request misses some phase', () => {
    expect(meanSegments('ttft', means).at(-1)!.look).toBe('unattributed')
    const partial = means.map((mean) => (mean.part === 'queue' ? { ...mean, coverage: 0.5 } : mean))
    expect(meanSegments('ttft', partial).at(-1)!.look).toBe('unknown')
  })
})

const quantile = (q: number, value: number | null, half = 0) => ({
  q,
  value_ns: value,
  low_ns: value === null || half === 0 ? null : value - half,
  high_ns: value === null || half === 0 ? null : value + half,
  overdispersion: 1,
  n_effective: 100,
  n_required: 72,
  n_too_small: false,
})

function group(name: string, n: number, p95: number | null, half = 0, queue = 0): Group {
  return {
    labels: [{ dimension: 'service', value: name }],
    counts: { n, ok: n, errors: 0, cancelled: 0, cache_hits: 0 },
    counted: n,
    rate_per_second: 1,
    error_rate: 0,
    coverage: { ttft: 1, tpot: 1, network: 1, queue: 1, prefill: 1, decode: 1 },
    metrics: [{ metric: 'ttft', n, mean_ns: p95, quantiles: [quantile(0.95, p95, half)] }],
    total_parts: [],
    ttft_parts: [
      { part: 'queue', mean_ns: queue, coverage: 1 },
      { part: 'prefill', mean_ns: 10, coverage: 1 },
    ],
    mean_input_tokens: null,
    mean_output_tokens: null,
  }
}

describe('a percentile table', () => {
  it('orders by any column, unknown values last either way', () => {
    const groups = [group('a', 5, 300), group('b', 9, null), group('c', 7, 100)]
    const names = (text: string) => ordered(groups, parseOrder(text)).map((g) => g.labels[0]!.value)
    expect(names('-n')).toEqual(['b', 'c', 'a'])
    expect(names('-ttft.p95')).toEqual(['a', 'c', 'b'])
    expect(names('ttft.p95')).toEqual(['c', 'a', 'b'])
  })

  it.each(['-n', 'errors', '-queue.p99', 'total.mean', '-ttft.p50'])('keeps the order %s in the URL', (text) => {
    expect(formatOrder(parseOrder(text))).toBe(text)
  })

  it.each(['', 'drop table', '-nonsense.p95'])('orders by n for %s', (text) => {
    expect(formatOrder(parseOrder(text))).toBe('-n')
  })

  it('replaces a value that too few requests vouch for', () => {
    expect(tooSmall(cell(group('a', 12, 300), 'ttft', 0.95))).toBe(true)
    expect(tooSmall(cell(group('a', 72, 300), 'ttft', 0.95))).toBe(false)
    expect(tooSmall(cell(group('a', 5, null), 'ttft', 0.95))).toBe(false)
  })

  it('names quantiles', () => {
    expect([0.5, 0.95, 0.999].map(quantileName)).toEqual(['p50', 'p95', 'p99.9'])
  })
})

describe('what changed most', () => {
  it('calls a change one only if the intervals do not overlap', () => {
    const at = (value: number, half: number) => cell(group('a', 1000, value, half), 'ttft', 0.95)
    expect(verdict(at(200, 10), at(100, 10))).toBe('higher')
    expect(verdict(at(100, 10), at(200, 10))).toBe('lower')
    expect(verdict(at(105, 10), at(100, 10))).toBe('within')
    expect(verdict(at(200, 0), at(100, 10))).toBe('unknown')
  })

  it('ranks sure changes before large ones, and one-sided groups last', () => {
    const now = [group('noisy', 900, 900, 500), group('sure', 900, 200, 10, 90), group('new', 900, 50, 5)]
    const past = [group('noisy', 900, 300, 200), group('sure', 900, 100, 10, 5), group('gone', 900, 80, 5)]
    const ranked = changes('ttft', 0.95, now, past)
    expect(ranked.map((change) => change.labels[0]!.value)).toEqual(['sure', 'noisy', 'new', 'gone'])
    expect(ranked[0]!.owner).toEqual({ part: 'queue', ns: 85 })
    expect(ranked[3]!.n).toEqual({ now: 0, before: 900 })
  })
})

describe('the heatmap', () => {
  const buckets = Array.from({ length: 10 }, (_, i) => ({ low_ns: i * 10, high_ns: (i + 1) * 10 }))
  const counts = [
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 2],
    [90, 5, 0, 0, 0, 0, 0, 0, 1, 1],
  ]

  it('merges rows without losing a request', () => {
    const rows = mergeRows({ buckets, counts }, 4)
    expect(rows.edges).toEqual([0, 30, 60, 90, 100])
    expect(rows.total).toBe(100)
    expect(rows.counts.flat().reduce((a, b) => a + b, 0)).toBe(100)
    expect(rows.largest).toBe(95)
  })

  it('finds the edge of the tail', () => {
    expect(tailEdge({ buckets, counts }, 0.01)).toBe(100)
    expect(tailEdge({ buckets, counts }, 0.03)).toBe(90)
    expect(tailEdge({ buckets, counts }, 0.05)).toBe(20)
    expect(tailEdge({ buckets: [], counts: [] }, 0.05)).toBeNull()
  })

  it('shows single requests, and nothing where there is none', () => {
    expect(shade(0, 100)).toBe(0)
    expect(shade(1, 100)).toBeGreaterThan(0.2)
    expect(shade(100, 100)).toBeCloseTo(1)
  })
})

describe('load', () => {
  it('is arrivals times mean total, without the steps that the range cuts off', () => {
    const points = loadPoints(10e9, [9, 20, 0, 40, 5], [1e9, 1e9, null, 2e9, 1e9], [70, 100, null, 300, 50])
    expect(points).toEqual([
      { inFlight: 2, ns: 100, step: 1 },
      { inFlight: 8, ns: 300, step: 3 },
    ])
  })

  it('means the dot next to the pointer, and none far from it', () => {
    const points = [
      { inFlight: 1, ns: 0, step: 4 },
      { inFlight: 2, ns: 5, step: 7 },
    ]
    const at = (left: number, top: number) =>
      nearest(
        points,
        ({ inFlight, ns }) => ({ x: inFlight / 2, y: 1 - ns / 10 }),
        { width: 200, height: 100 },
        left,
        top,
      )
    expect(at(195, 55)).toBe(7)
    expect(at(105, 95)).toBe(4)
    expect(at(150, 20)).toBeNull()
  })
})

describe('the sentence of a comparison', () => {
  const difference = (ns: number, half: number, owner: Difference['owner'], bound: number): Difference => ({
    ns: ns * 1e6,
    low_ns: (ns - half) * 1e6,
    high_ns: (ns + half) * 1e6,
    relative: ns / 100,
    relative_bound: bound,
    parts: [{ part: 'queue', ns: ns * 0.8e6, low_ns: null, high_ns: null, share: 0.8 }],
    owner,
  })
  const said = (mean: Difference | null, ...quantiles: [number, Difference | null][]) =>
    sentence(
      {
        mean,
        quantiles: quantiles.map(([q, each]) => ({ q, value_ns: null, difference: each })),
      } as unknown as Comparison,
      'ttft',
    )

  it('names the owner at the highest percentile', () => {
    expect(said(difference(10, 2, 'queue', 0.12), [0.99, difference(200, 31, 'queue', 2.3)])).toBe(
      'p99 TTFT +200 ms (±31, +200 %): queue owns it with +160 ms.',
    )
  })

  it('keeps what is certain apart from what may be chance', () => {
    expect(said(difference(10, 2, 'queue', 0.12), [0.99, difference(200, 300, 'none', 5)])).toBe(
      'mean TTFT +10.0 ms (±2, +10 %): queue owns it with +8.00 ms. ' +
        'p99 TTFT +200 ms, +200 % may be chance: the 95 % interval reaches from −100 ms to +500 ms.',
    )
  })

  it('names the phase that moved most where none is sure', () => {
    expect(said(difference(100, 50, 'shared', 1.5))).toBe(
      'mean TTFT +100 ms (±50, +100 %): no phase owns it for sure; queue moved most, +80.0 ms.',
    )
  })

  it('bounds what is too small to matter, and only that', () => {
    expect(said(difference(1, 3, 'none', 0.04))).toBe('mean TTFT: no difference larger than ±4.0 %.')
    expect(ownerText(difference(1, 3, 'none', 0.04))).toBe('no difference larger than ±4.0 %')
    expect(ownerText(difference(200, 300, 'none', 5))).toBe('may be chance')
  })

  it('says so where nothing can be told', () => {
    const untold = { ...difference(5, 1, 'none', 0), low_ns: null, high_ns: null }
    for (const answer of [said(null), said(untold), said(null, [0.5, null])])
      expect(answer).toContain('Too few time blocks')
  })
})

describe('steps of time', () => {
  it('end where the next starts, the last where the range ends', () => {
    const times = ['2026-03-01T10:00:00Z', '2026-03-01T10:00:30Z']
    const start = Date.parse(times[0]!) / 1000
    expect(edges(times, 30e9, { to: '2026-03-01T10:00:40Z' })).toEqual([start, start + 30, start + 40])
    expect(edges(times, 30e9, { to: '2026-03-01T11:00:00Z' })).toEqual([start, start + 30, start + 60])
    expect(edges([], 30e9, { to: '2026-03-01T11:00:00Z' })).toEqual([])
  })

  it('stand alone between gaps, where a line cannot show them', () => {
    expect(isolated([null, 5, null, 1, 2, null, 7])).toEqual([1, 6])
    expect(isolated([3])).toEqual([0])
  })
})

describe('stacked areas', () => {
  it('are as wide beside an empty step as elsewhere', () => {
    const [first, last] = [sides([0, 30, 60]), twice([5, null])]
    expect(first).toEqual([0, expect.closeTo(29.97), 30, expect.closeTo(59.97)])
    expect(last).toEqual([5, 5, null, null])
  })

  it('sum up, and leave empty steps empty', () => {
    expect(
      stack([
        [1, null, null],
        [2, 3, null],
      ]),
    ).toEqual([
      [1, 0, null],
      [3, 3, null],
    ])
  })
})

function span(
  id: string,
  parent: string,
  clock: number,
  offset: number,
  length: number,
  more: Partial<Span> = {},
): Span {
  return {
    span_id: id,
    parent_span_id: parent,
    name: id,
    kind: 'internal',
    scope: '',
    clock,
    offset_ns: offset,
    duration_ns: length,
    status: 'unset',
    status_message: '',
    attributes: {},
    events: [],
    dropped_events: 0,
    evidence: [],
    ...more,
  }
}

describe('the waterfall', () => {
  const clock = (service: string, length: number) => ({
    service,
    service_namespace: '',
    instance: '',
    start: '2026-03-01T12:00:00Z',
    extent_ns: length,
  })
  const trace = (spans: Span[]): Trace => ({
    trace_id: '',
    clocks: [clock('app', 100), clock('vllm', 80)],
    spans,
    span_count: spans.length,
    requests: [],
  })

  it('puts children under their parents, each clock in a lane of its own', () => {
    const all = lanes(
      trace([span('c', 'a', 0, 50, 10), span('a', '', 0, 0, 100), span('b', 'a', 0, 10, 20), span('e', 'b', 1, 0, 80)]),
    )
    expect(all.map((lane) => lane.spans.map(({ span: s, depth }) => [s.span_id, depth]))).toEqual([
      [
        ['a', 0],
        ['b', 1],
        ['c', 1],
      ],
      [['e', 0]],
    ])
    expect(extent(trace([]))).toBe(100)
  })

  it('shows spans that are one another’s parents', () => {
    const [lane] = lanes(trace([span('a', 'b', 0, 0, 1), span('b', 'a', 0, 0, 1), span('x', 'x', 0, 0, 1)]))
    expect(lane!.spans.map((placed) => placed.span.span_id).sort()).toEqual(['a', 'b', 'x'])
  })

  it('marks what one request took from a span', () => {
    const evidence = [
      { request_span_id: 'r1', facts: ['queue_ns'] },
      { request_span_id: 'r2', facts: ['total_ns'] },
    ]
    expect(factsOf(span('e', '', 1, 0, 80, { evidence }), 'r1')).toEqual(['queue_ns'])
  })

  it('measures gaps between chunks only where no event was dropped', () => {
    const events = [30, 10, 20, 60].map((offset_ns) => ({ name: 'gen_ai.content.chunk', offset_ns, attributes: {} }))
    expect(chunkGaps(span('a', '', 0, 0, 100, { events }))).toEqual({
      events: 'gen_ai.content.chunk',
      count: 3,
      median: 10,
      longest: 30,
    })
    expect(chunkGaps(span('a', '', 0, 0, 100, { events, dropped_events: 1 }))).toBeNull()
    expect(chunkGaps(span('a', '', 0, 0, 100))).toBeNull()
  })
})
