import type { Schemas } from '../api/client'
import { count, exactCount, percent } from '../format/number'
import { dateTime, exactTime } from '../state/time'

/** What an answer covers: requests, resolved range, and how exact it is. */
export function ScopeLine({ scope }: { scope: Schemas['Scope'] }) {
  const from = Date.parse(scope.from)
  const to = Date.parse(scope.to)
  return (
    <p class="scope-line">
      <span title={exactCount(scope.n)}>{count(scope.n)} requests</span>
      <span title={`${exactTime(from)} to ${exactTime(to)}`}>
        {dateTime(from)} – {dateTime(to, from)}
      </span>
      {scope.error_bound > 0 ? (
        <span title={`Read from ${scope.tier}`}>durations within ±{percent(scope.error_bound)}</span>
      ) : (
        <span title="Every request was read">exact</span>
      )}
    </p>
  )
}
