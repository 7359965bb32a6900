import { useAnswer } from '../api/useAnswer'
import { since } from '../state/time'
import { href, useView } from '../state/location'
import { groupText } from './Alert'

const MOST = 5

/** The alerts that fire now, one line each. */
export function Firing() {
  const view = useView()
  const { answer } = useAnswer({ path: '/alerts', query: { state: ['firing'] } })
  if (!answer || answer.alerts.length === 0) return null
  const more = answer.alerts.length - MOST
  return (
    <ul class="firing-list" aria-label="Firing alerts">
      {answer.alerts.slice(0, MOST).map((alert) => (
        <li key={alert.fingerprint}>
          <strong>{alert.rule}</strong>
          <span>{groupText(alert.group)}</span>
          <span class="firing-reason">{alert.last.reason}</span>
          <span class="quiet">for {since(Date.parse(alert.since), Date.now())}</span>
          {alert.compare_url && <a href={alert.compare_url}>Compare</a>}
          <a href={href('/alerts', view)}>Details</a>
        </li>
      ))}
      {more > 0 && (
        <li>
          <a href={href('/alerts', view)}>{more} more</a>
        </li>
      )}
    </ul>
  )
}
