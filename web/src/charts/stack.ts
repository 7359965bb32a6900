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
