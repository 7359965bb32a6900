import { partName, partsOf, PHASES, type Metric, type Part, type Phase } from './parts'

/** How a segment is drawn, which says what it rests on. */
export type Look = 'measured' | 'derived' | 'estimated' | 'unattributed' | 'unknown'

export interface Segment {
  part: Part
  ns: number
  look: Look
  /** The share of the requests for which the part is known, 0 to 1. */
  coverage: number
}

export interface PartMean {
  part: Part
  mean_ns: number
  coverage: number
}

/**
 * The segments of a mean composition in their fixed order. The remainder is
 * drawn as unknown where some phase is missing from some request, since it then
 * holds time that an instrumentation could have split.
 */
export function meanSegments(metric: Metric, means: readonly PartMean[]): Segment[] {
  const complete = means.every((mean) => !(PHASES as readonly string[]).includes(mean.part) || mean.coverage >= 1)
  return partsOf(metric).flatMap((part) => {
    const mean = means.find((candidate) => candidate.part === part)
    if (!mean) return []
    const remainder = part === 'unattributed' || part === 'rest'
    const look: Look = remainder ? (complete ? 'unattributed' : 'unknown') : 'measured'
    return [{ part, ns: mean.mean_ns, look, coverage: mean.coverage }]
  })
}

export interface SplitRequest {
  total_ns: number
  network_ns?: number | null
  queue_ns?: number | null
  prefill_ns?: number | null
  decode_ns?: number | null
  unattributed_ns: number
  provenance: Record<Phase | 'ttft', string>
}

/** The segments of one request: its known phases, then what is left. */
export function requestSegments(request: SplitRequest): Segment[] {
  const segments: Segment[] = []
  for (const phase of PHASES) {
    const ns = request[`${phase}_ns`]
    if (ns != null) segments.push({ part: phase, ns, look: lookOf(request.provenance[phase]), coverage: 1 })
  }
  if (request.unattributed_ns > 0 || segments.length === 0) {
    const look = segments.length === PHASES.length ? 'unattributed' : 'unknown'
    segments.push({ part: 'unattributed', ns: request.unattributed_ns, look, coverage: 1 })
  }
  return segments
}

export interface SplitTTFT {
  ttft_ns?: number | null
  ttft_network_ns?: number | null
  ttft_queue_ns?: number | null
  ttft_prefill_ns?: number | null
  ttft_rest_ns?: number | null
  provenance: Record<Phase | 'ttft', string>
}

/** The segments of one request's TTFT; all of it is one unsplit segment where its parts are unknown. */
export function ttftSegments(request: SplitTTFT): Segment[] {
  if (request.ttft_ns == null) return []
  const segments: Segment[] = []
  for (const phase of ['network', 'queue', 'prefill'] as const) {
    const ns = request[`ttft_${phase}_ns`]
    if (ns != null)
      segments.push({
        part: phase,
        ns,
        look: phase === 'network' ? 'derived' : lookOf(request.provenance[phase]),
        coverage: 1,
      })
  }
  const rest = request.ttft_ns - sum(segments)
  if (rest > 0)
    segments.push({ part: 'rest', ns: rest, look: segments.length === 3 ? 'unattributed' : 'unknown', coverage: 1 })
  return segments
}

export function lookOf(provenance: string): Look {
  if (provenance === 'derived' || provenance === 'estimated' || provenance === 'measured') return provenance
  return 'unknown'
}

export function sum(segments: readonly Segment[]): number {
  return segments.reduce((total, segment) => total + segment.ns, 0)
}

export function segmentName(segment: Segment): string {
  return segment.look === 'unknown' ? 'not split' : partName(segment.part)
}
