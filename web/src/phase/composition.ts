import type { Schemas } from '../api/client'
import { percent } from '../format/number'
import { partName, quantileName, type Metric } from './parts'
import { meanSegments, type Segment } from './segments'

export type CompositionGroup = Schemas['CompositionGroup']
export type QuantileComposition = Schemas['QuantileComposition']

/** The segments of the window around a quantile; they add up to the window's mean. */
export function compositionSegments(metric: Metric, row: QuantileComposition): Segment[] {
  return meanSegments(metric, row.parts)
}

/** What the picture rests on, where it does not rest on everything. */
export function caveat(metric: Metric, group: CompositionGroup): string {
  if (group.n === 0) return ''
  if (group.complete_only) {
    if (group.complete === group.n) return ''
    return `Over the ${percent(group.complete / group.n)} of the requests whose evidence is complete.`
  }
  const row = group.compositions.find((candidate) => candidate.parts.length > 0)
  if (!row) return ''
  const partial = compositionSegments(metric, row).filter(
    (segment) => segment.coverage < 1 && segment.part !== 'rest' && segment.part !== 'unattributed',
  )
  if (partial.length === 0) return ''
  const list = partial.map((segment) => `${partName(segment.part)} for ${percent(segment.coverage)}`).join(', ')
  return `Around ${quantileName(row.q)}, ${list} of the requests is known; the others’ time is in the dotted part.`
}
