import { duration, exactDuration } from '../format/duration'
import { count, percent } from '../format/number'
import type { Cell } from '../phase/breakdown'

/** A percentile in a table: the value, or why there is none; the interval on hover. */
export function QuantileCell({ cell, total }: { cell: Cell; total: number }) {
  return (
    <td class="number" title={explain(cell, total)}>
      {cell.value === null ? (
        <span class="unknown">–</span>
      ) : cell.tooSmall ? (
        <span class="small-n">
          n {count(cell.known)} of {count(cell.needed)}
        </span>
      ) : (
        duration(cell.value)
      )}
    </td>
  )
}

export function explain(cell: Cell, total: number): string {
  if (cell.value === null) return 'Unknown: no evidence in any of these requests'
  const lines = [exactDuration(cell.value)]
  if (cell.low !== null && cell.high !== null)
    lines.push(`95 % interval ${duration(cell.low)} to ${duration(cell.high)}`)
  if (cell.tooSmall)
    lines.push(`n too small: an interval needs ${count(cell.needed)} requests, ${count(cell.known)} have this`)
  else if (total > 0 && cell.known < total)
    lines.push(`known for ${count(cell.known)} of ${count(total)} requests (${percent(cell.known / total)})`)
  else lines.push(`${count(cell.known)} requests`)
  return lines.join('\n')
}
