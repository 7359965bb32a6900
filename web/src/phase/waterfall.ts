import type { Schemas } from '../api/client'

export type Span = Schemas['Span']
export type Trace = Schemas['Trace']

export interface Placed {
  span: Span
  depth: number
}

export interface Lane {
  clock: Schemas['Clock']
  spans: Placed[]
}

/**
 * The spans of a trace by clock, each lane in the order of its tree: parents
 * before children, siblings by start. A parent on another clock does not count.
 */
export function lanes(trace: Trace): Lane[] {
  return trace.clocks.map((clock, index) => {
    const spans = trace.spans.filter((span) => span.clock === index)
    const ids = new Set(spans.map((span) => span.span_id))
    const children = new Map<string, Span[]>()
    for (const span of spans) {
      const parent = ids.has(span.parent_span_id) && span.parent_span_id !== span.span_id ? span.parent_span_id : ''
      children.set(parent, [...(children.get(parent) ?? []), span])
    }
    const placed: Placed[] = []
    const seen = new Set<Span>()
    const visit = (parent: string, depth: number) => {
      for (const span of (children.get(parent) ?? []).sort((a, b) => a.offset_ns - b.offset_ns)) {
        if (seen.has(span)) continue
        seen.add(span)
        placed.push({ span, depth })
        visit(span.span_id, depth + 1)
      }
    }
    visit('', 0)
    // Spans that are one another's parents have no root; they are shown all the same.
    for (const span of spans) if (!seen.has(span)) placed.push({ span, depth: 0 })
    return { clock, spans: placed }
  })
}

/** The longest lane, in ns: all lanes are drawn to one scale, each from its own start. */
export function extent(trace: Trace): number {
  return Math.max(1, ...trace.clocks.map((clock) => clock.extent_ns))
}

/** The facts of one request that rest on a span. */
export function factsOf(span: Span, requestSpanID: string): string[] {
  return span.evidence.filter((use) => use.request_span_id === requestSpanID).flatMap((use) => use.facts)
}

export interface Gaps {
  events: string
  count: number
  median: number
  longest: number
}

/** Gaps between the chunk events of a span, on its one clock; null without enough of them. */
export function chunkGaps(span: Span): Gaps | null {
  if (span.dropped_events > 0) return null
  const byName = new Map<string, number[]>()
  for (const event of span.events) {
    if (/chunk|token|stream/i.test(event.name))
      byName.set(event.name, [...(byName.get(event.name) ?? []), event.offset_ns])
  }
  const [name, offsets] = [...byName].sort((a, b) => b[1].length - a[1].length)[0] ?? ['', []]
  if (offsets.length < 3) return null
  offsets.sort((a, b) => a - b)
  const gaps = offsets.slice(1).map((offset, i) => offset - offsets[i]!)
  gaps.sort((a, b) => a - b)
  return {
    events: name,
    count: gaps.length,
    median: gaps[Math.floor(gaps.length / 2)]!,
    longest: gaps[gaps.length - 1]!,
  }
}
