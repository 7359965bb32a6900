import { useState } from 'preact/hooks'
import { Problem, send, type Schemas } from '../api/client'
import { duration, exactDuration } from '../format/duration'
import { count, percent, signed, significant } from '../format/number'
import { partClass, partName } from '../phase/parts'
import { refresh } from '../state/live'
import { href, useView } from '../state/location'
import { since, dateTime, exactTime, toRFC3339 } from '../state/time'
import { Conditions } from './Conditions'

type Alert = Schemas['Alert']
type Evaluation = Schemas['Evaluation']
type Measured = Schemas['Measured']

/** The group of an alert in one line. */
export function groupText(group: Record<string, string>): string {
  const text = Object.entries(group)
    .map(([dimension, value]) => (value === '' ? `${dimension} not set` : `${dimension}=${value}`))
    .join(', ')
  return text || 'all requests'
}

/** A state in words, loud only where it wants a person. */
export function State({ state }: { state: Schemas['AlertState'] }) {
  return <span class={`state ${state}`}>{state.replace(/_/g, ' ')}</span>
}

/** One alert with its evidence: values, owner, since when, and the requests that show it. */
export function AlertCard({ alert }: { alert: Alert }) {
  const view = useView()
  return (
    <article class={`panel alert ${alert.state}`}>
      <div class="panel-head">
        <h2>
          <State state={alert.state} /> {alert.rule}
        </h2>
        <span class="quiet" title={exactTime(Date.parse(alert.since))}>
          {alert.severity}, for {since(Date.parse(alert.since), Date.now())}
        </span>
      </div>
      <p>{groupText(alert.group)}</p>
      {alert.state === 'recovering' && (
        <p class="quiet" title={exactTime(Date.parse(alert.last.at))}>
          This no longer holds. It fired at {dateTime(Date.parse(alert.last.at))}:
        </p>
      )}
      <EvaluationText evaluation={alert.last} seen={alert.state === 'recovering' ? 'then' : 'now'} />
      {alert.began && (
        <p>
          Began about <b>{dateTime(Date.parse(alert.began))}</b>
          {alert.began_version && (
            <>
              , when version <b>{alert.began_version}</b> appeared
            </>
          )}
          .
        </p>
      )}
      <p class="links">
        {alert.compare_url && <a href={alert.compare_url}>Compare with its past</a>}
        {alert.exemplars.map((ref) => (
          <a key={ref.span_id} href={href(`/requests/${ref.trace_id}/${ref.span_id}`, view)} title={ref.model}>
            {dateTime(Date.parse(ref.end), Date.now())}, TTFT {duration(ref.ttft_ns)}
          </a>
        ))}
      </p>
      {alert.kind === 'regression' && <Accept alert={alert} />}
    </article>
  )
}

/** Makes what a group does since the change its new normal. */
function Accept({ alert }: { alert: Alert }) {
  const [problem, setProblem] = useState('')
  const accept = async () => {
    setProblem('')
    const began = alert.began ?? toRFC3339(Math.floor(Date.now() / 1000) * 1000)
    const all = Object.keys(alert.group).length === 0
    try {
      await send('PUT', `/alerts/rules/${encodeURIComponent(alert.rule)}/baseline`, {
        ...(all ? { since: began } : { groups: [{ group: alert.group, since: began }] }),
      })
      refresh()
    } catch (error) {
      setProblem(error instanceof Problem ? error.detail : String(error))
    }
  }
  return (
    <p>
      <button
        type="button"
        class="plain"
        title="What was before this change no longer counts as this group’s past; that of other groups stays"
        onClick={accept}
      >
        Accept as the new normal
      </button>
      {problem && <span class="wrong"> {problem}</span>}
    </p>
  )
}

/** What a rule saw, and each condition it had to meet: why it fired, or why not. */
export function EvaluationText({ evaluation, seen = 'now' }: { evaluation: Evaluation; seen?: 'now' | 'then' }) {
  const moved = evaluation.parts.filter((part) => part.ns !== 0)
  return (
    <div class="evaluation">
      <p class="finding">{evaluation.reason}</p>
      <dl class="facts">
        <div>
          <dt>{seen}</dt>
          <dd>
            <MeasuredText measured={evaluation.current} />
          </dd>
        </div>
        {(evaluation.baseline.value_ns != null || evaluation.baseline.share != null) && (
          <div>
            <dt>its past</dt>
            <dd>
              <MeasuredText measured={evaluation.baseline} />
            </dd>
          </div>
        )}
        {moved.length > 0 && (
          <div>
            <dt>change by part</dt>
            <dd class="moves">
              {moved.map((part) => (
                <span key={part.part} title={exactDuration(part.ns)}>
                  <i
                    class={`swatch segment ${partClass(part.part)} ${partClass(part.part) === 'unattributed' ? '' : 'measured'}`}
                  />{' '}
                  {partName(part.part)} {signed(part.ns, duration)}
                </span>
              ))}
            </dd>
          </div>
        )}
        {evaluation.overdispersion != null && (
          <div>
            <dt>overdispersion φ</dt>
            <dd>{significant(evaluation.overdispersion)}</dd>
          </div>
        )}
      </dl>
      <Conditions conditions={evaluation.conditions} />
    </div>
  )
}

function MeasuredText({ measured }: { measured: Measured }) {
  if (measured.value_ns == null && measured.share == null)
    return <span class="unknown">unknown, n {count(measured.n)}</span>
  return (
    <>
      <b title={exactDuration(measured.value_ns)}>
        {measured.value_ns != null ? duration(measured.value_ns) : percent(measured.share)}
      </b>
      {measured.low_ns != null &&
        measured.high_ns != null &&
        ` (${duration(measured.low_ns)} to ${duration(measured.high_ns)})`}
      , n {count(measured.n)}
      {measured.from && measured.to && (
        <span class="quiet">
          {' '}
          {dateTime(Date.parse(measured.from))} – {dateTime(Date.parse(measured.to), Date.parse(measured.from))}
        </span>
      )}
    </>
  )
}
