/**
 * Running sums over columns: the i-th result is the sum of the first i+1
 * columns. A point where every column is null stays null; single nulls count as
 * nothing.
 */
export function stack(columns: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const length = columns[0]?.length ?? 0
  const empty = Array.from({ length }, (_, i) => columns.every((column) => column[i] == null))
  const running = new Array<number>(length).fill(0)
  return columns.map((column) =>
    column.map((value, i) => {
      running[i]! += value ?? 0
      return empty[i] ? null : running[i]!
    }),
  )
}

/** Both sides of each step: a step beside an empty one would have no width if it had one point only. */
export function sides(edges: readonly number[]): number[] {
  return edges.slice(0, -1).flatMap((start, i) => [start, start + (edges[i + 1]! - start) * 0.999])
}

/** The values at both sides of each step. */
export function twice<T>(values: readonly T[]): T[] {
  return values.flatMap((value) => [value, value])
}
