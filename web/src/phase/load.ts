/** One step of time: how busy it was and how long its requests took. */
export interface Point {
  /** Requests in flight on average. */
  inFlight: number
  ns: number
}

/**
 * Requests in flight against a percentile, step by step. By Little's law the
 * mean number in flight is the arrival rate times the mean total; steps that
 * are not over, or without the numbers, give no point.
 */
export function loadPoints(
  stepNs: number,
  n: readonly number[],
  meanTotal: readonly (number | null)[],
  quantile: readonly (number | null)[],
): Point[] {
  return n.slice(0, -1).flatMap((requests, i) => {
    const [total, ns] = [meanTotal[i], quantile[i]]
    return requests > 0 && total != null && ns != null ? [{ inFlight: (requests / stepNs) * total, ns }] : []
  })
}
