import { duration, exactDuration } from '../format/duration'
import { count, percent, requests } from '../format/number'
import { tooSmall, type Cell } from '../phase/breakdown'
import { Followed } from './Followed'

interface Props {
  cell: Cell
  /** How many requests there are in all. */
  total: number
  /** Leads to the requests behind the number. */
  href?: string
  class?: string
}

/** A percentile in a table: the value, or why there is none; the interval on hover. */
export function QuantileCell({ cell, total, href, class: extra = '' }: Props) {
  return (
    <td class={`number ${extra}`} title={explain(cell, total)}>
      {cell.value === null ? (
        <span class="unknown">–</span>
      ) : tooSmall(cell) ? (
        <span class="small-n">
          n {count(cell.n)} of {count(cell.required)}
        </span>
      ) : (
        <Followed href={href}>{duration(cell.value)}</Followed>
      )}
    </td>
  )
}

/** Everything behind a percentile: exact value, interval, and what both rest on. */
export function explain(cell: Cell, total: number): string {
  if (cell.value === null) return 'Unknown: no evidence in any of these requests'
  const lines = [exactDuration(cell.value)]
  if (cell.low !== null && cell.high !== null) {
    lines.push(`95 % interval ${duration(cell.low)} to ${duration(cell.high)}`)
  } else if (tooSmall(cell)) {
    lines.push(`n too small: ${count(cell.n)} of ${count(cell.required)}`)
  } else if (cell.effective === null) {
    lines.push('No interval: too few time blocks to tell how alike neighbouring requests are')
  } else if (cell.effective < cell.required) {
    lines.push(
      `No interval: neighbouring requests are alike, so that these are worth ${count(cell.effective)} of the ${count(cell.required)} it needs`,
    )
  }
  if (total > 0 && cell.n < total)
    lines.push(`known for ${count(cell.n)} of ${count(total)} requests (${percent(cell.n / total)})`)
  else lines.push(requests(cell.n))
  return lines.join('\n')
}
