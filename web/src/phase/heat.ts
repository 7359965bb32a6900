import type { Schemas } from '../api/client'

export type HeatmapAnswer = Schemas['Heatmap']

export interface Rows {
  /** Durations, ascending: row j is (edges[j], edges[j+1]]. */
  edges: number[]
  /** counts[i][j]: requests of column i in row j. */
  counts: number[][]
  largest: number
  total: number
}

/** Merges neighbouring buckets until at most `most` rows are left. */
export function mergeRows(answer: Pick<HeatmapAnswer, 'buckets' | 'counts'>, most: number): Rows {
  const by = Math.max(1, Math.ceil(answer.buckets.length / most))
  const edges: number[] = []
  answer.buckets.forEach((bucket, j) => {
    if (j % by === 0) edges.push(bucket.low_ns)
    if (j === answer.buckets.length - 1) edges.push(bucket.high_ns)
  })
  let largest = 0
  let total = 0
  const counts = answer.counts.map((column) => {
    const merged = new Array<number>(Math.max(0, edges.length - 1)).fill(0)
    column.forEach((n, j) => {
      const row = Math.floor(j / by)
      merged[row]! += n
      total += n
    })
    largest = Math.max(largest, ...merged)
    return merged
  })
  return { edges, counts, largest, total }
}

/** The edge above which at most `share` of all requests lie; null without requests. */
export function tailEdge({ buckets, counts }: Pick<HeatmapAnswer, 'buckets' | 'counts'>, share: number): number | null {
  const rows = buckets.map((_, j) => counts.reduce((sum, column) => sum + (column[j] ?? 0), 0))
  const total = rows.reduce((sum, n) => sum + n, 0)
  let above = 0
  for (let j = rows.length - 1; j >= 0; j--) {
    above += rows[j]!
    if (above > total * share) return buckets[j]!.high_ns
  }
  return null
}

/** How dark a cell is, 0 to 1: by the logarithm, so that single requests can still be seen. */
export function shade(n: number, largest: number): number {
  if (n <= 0 || largest <= 0) return 0
  return 0.25 + 0.75 * (Math.log(n) / Math.log(Math.max(2, largest)))
}
