/** One step of time: how busy it was and how long its requests took. */
export interface Point {
  /** Requests in flight on average. */
  inFlight: number
  ns: number
  /** The index of the step. */
  step: number
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
    return requests > 0 && total != null && ns != null ? [{ inFlight: (requests / stepNs) * total, ns, step: i }] : []
  })
}

/** How far a pointer may be from a dot that it means, in pixels. */
const REACH = 16

/**
 * The step of the dot that the pointer means; null if none is near. `place`
 * gives a dot's place as shares of the picture from its upper left corner.
 */
export function nearest(
  points: readonly Point[],
  place: (point: Point) => { x: number; y: number },
  size: { width: number; height: number },
  left: number,
  top: number,
): number | null {
  let found: number | null = null
  let least = REACH
  for (const point of points) {
    const { x, y } = place(point)
    const distance = Math.hypot(x * size.width - left, y * size.height - top)
    if (distance < least) [least, found] = [distance, point.step]
  }
  return found
}
