import type { Schemas } from '../api/client'
import { PHASES, TOTAL_PARTS, type Metric } from './parts'
import { meanSegments, type PartMean, type Segment } from './segments'

export type Row = Schemas['BreakdownRow']
export type Quantile = Schemas['Quantile']

/**
 * The mean composition of the total over a row's counted requests. A phase's
 * mean is over the requests that know it, so it weighs as often as it is known;
 * what is left of the total's mean is the remainder.
 */
export function meanTotal(row: Row): Segment[] {
  const n = row.total.known
  const total = row.total.mean_ns
  if (!n || total == null) return []
  let left = total
  const means: PartMean[] = TOTAL_PARTS.map((part) => {
    if (part === 'unattributed' || part === 'rest') return { part, mean_ns: Math.max(0, left), coverage: 1 }
    const summary = row[part]
    const mean_ns = Math.round(((summary.mean_ns ?? 0) * summary.known) / n)
    left -= mean_ns
    return { part, mean_ns, coverage: summary.known / n }
  })
  return meanSegments('total', means)
}

/** What one cell of a percentile table has to say. */
export interface Cell {
  value: number | null
  low: number | null
  high: number | null
  known: number
  needed: number
  /** There is a value, but too few requests to vouch for it. */
  tooSmall: boolean
}

export function cell(row: Row, metric: Metric, q: number | 'mean'): Cell {
  const summary = row[metric]
  if (q === 'mean') {
    return { value: summary.mean_ns ?? null, low: null, high: null, known: summary.known, needed: 1, tooSmall: false }
  }
  const quantile = summary.quantiles.find((candidate) => Math.abs(candidate.q - q) < 1e-9)
  const value = quantile?.value_ns ?? null
  const needed = quantile?.n_needed ?? 0
  return {
    value,
    low: quantile?.low_ns ?? null,
    high: quantile?.high_ns ?? null,
    known: summary.known,
    needed,
    tooSmall: value !== null && summary.known < needed,
  }
}

/** Whether every counted request of the row has all its phases. */
export function isComplete(row: Row): boolean {
  return PHASES.every((phase) => row[phase].known === row.total.known)
}

/** The name of a group: its values in order; null stands for one that no span gave. */
export function groupValues(group: Record<string, string>, groupBy: readonly string[]): (string | null)[] {
  return groupBy.map((dimension) => group[dimension] || null)
}

export function groupLabels(
  group: Record<string, string>,
  groupBy: readonly string[],
): { dimension: string; value: string }[] {
  return groupBy.map((dimension) => ({ dimension, value: group[dimension] ?? '' }))
}
