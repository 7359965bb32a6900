/** One step of time: how busy it was and how long its requests took. */
export interface Point {
  /** Requests in flight on average. */
  inFlight: number
  ns: number
}

/**
 * Requests in flight against a percentile, step by step. By Little's law the
 * mean number in flight is the arrival rate times the mean total. The first and
 * the last step are cut off by the range, and give no point; nor do steps
 * without the numbers.
 */
export function loadPoints(
  stepNs: number,
  n: readonly number[],
  meanTotal: readonly (number | null)[],
  quantile: readonly (number | null)[],
): Point[] {
  return n.flatMap((requests, i) => {
    if (i === 0 || i === n.length - 1) return []
    const [total, ns] = [meanTotal[i], quantile[i]]
    return requests > 0 && total != null && ns != null ? [{ inFlight: (requests / stepNs) * total, ns }] : []
  })
}
