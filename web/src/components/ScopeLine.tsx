import type { Schemas } from '../api/client'
import { count, exactCount, percent, requests } from '../format/number'
import { dateTime, exactTime } from '../state/time'

type Meta = Pick<Schemas['Meta'], 'range' | 'tier' | 'error_bound' | 'n' | 'counted'>

/** What an answer covers: requests, resolved range, and how exact it is. */
export function ScopeLine({ meta }: { meta: Meta }) {
  const from = Date.parse(meta.range.from)
  const to = Date.parse(meta.range.to)
  const left = meta.n - meta.counted
  return (
    <p class="scope-line">
      <span title={exactCount(meta.n)}>{requests(meta.n)}</span>
      {left > 0 && (
        <span title="Failed, cancelled and cached requests count in rates, not in latencies">
          {count(left)} of them not in latencies
        </span>
      )}
      <span title={`${exactTime(from)} to ${exactTime(to)}`}>
        {dateTime(from)} – {dateTime(to, from)}
      </span>
      {meta.error_bound > 0 ? (
        <span
          title={
            meta.tier === 'hours'
              ? 'Read from hourly rollups'
              : 'There are too many requests to keep each: counted in buckets'
          }
        >
          durations within ±{percent(meta.error_bound)}
        </span>
      ) : (
        <span title="Every request was read">exact</span>
      )}
    </p>
  )
}
