import type { Schemas } from '../api/client'
import { useAnswer } from '../api/useAnswer'
import { AlertCard, EvaluationText, groupText, State } from '../components/Alert'
import { Empty, ProblemNotice } from '../components/Notice'
import { Rules } from '../components/Rules'
import { rangeOf, update, useView } from '../state/location'
import { dateTime, describe, exactTime } from '../state/time'

/** The history's range, unless one came along from another page. */
const LONG = { from: 'now-7d', to: 'now' }

const LOUD: Schemas['AlertState'][] = ['firing', 'pending', 'recovering', 'error']

/** What fires and why, every rule, and what happened. */
export function Alerts() {
  const { params } = useView()
  const { answer, problem } = useAnswer({ path: '/alerts' })
  const rule = params.get('rule') ?? ''
  const loud = answer?.alerts.filter((alert) => LOUD.includes(alert.state)) ?? []
  const quiet = (answer?.alerts.length ?? 0) - loud.length
  return (
    <section class="page">
      <div class="page-head">
        <h1>Alerts</h1>
        {answer && answer.enabled && (
          <span class="quiet">
            {loud.length === 0 ? 'Nothing fires. ' : ''}
            {quiet > 0 && `${quiet} ${quiet === 1 ? 'group is' : 'groups are'} quiet.`}
          </span>
        )}
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {answer && !answer.enabled && (
        <Empty title="This process does not evaluate alerts">
          Set <code>alert.enabled</code> to true in the configuration of one replica.
        </Empty>
      )}
      {loud.map((alert) => (
        <AlertCard key={alert.fingerprint} alert={alert} />
      ))}
      {rule && <Evaluations rule={rule} />}
      <Rules />
      <History rule={rule} />
    </section>
  )
}

/** Why a rule fired, and why it did not. */
function Evaluations({ rule }: { rule: string }) {
  const range = rangeOf(useView().params)
  const { answer, problem } = useAnswer({
    path: '/alerts/rules/{name}/evaluations',
    params: { name: rule },
    query: { ...range, limit: 20 },
  })
  return (
    <div class="panel">
      <div class="panel-head">
        <h2>
          Why {rule} fired, or did not <span class="quiet">{describe(range)}</span>
        </h2>
        <button type="button" onClick={() => update({ rule: null })}>
          Close
        </button>
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {answer && answer.rows.length === 0 && <p>It was not evaluated in this range.</p>}
      {answer?.rows.map((evaluation) => (
        <details key={evaluation.at + evaluation.fingerprint} class="evaluation-row">
          <summary>
            <span title={exactTime(Date.parse(evaluation.at))}>{dateTime(Date.parse(evaluation.at))}</span>{' '}
            <State state={evaluation.state} /> {groupText(evaluation.group)}: {evaluation.reason}
          </summary>
          <EvaluationText evaluation={evaluation} />
        </details>
      ))}
    </div>
  )
}

function History({ rule }: { rule: string }) {
  const { params } = useView()
  const range = params.has('from') ? rangeOf(params) : LONG
  const { answer, problem } = useAnswer({
    path: '/alerts/history',
    query: { ...range, limit: 50, ...(rule ? { rule } : {}) },
  })
  if (problem) return <ProblemNotice problem={problem} />
  if (!answer) return null
  return (
    <div class="panel flush">
      <div class="panel-head">
        <h2>History{rule && ` of ${rule}`}</h2>
        <span class="quiet">
          {describe(range)}{' '}
          {params.has('from') && (
            <button type="button" class="plain" onClick={() => update({ from: null, to: null })}>
              {describe(LONG)}
            </button>
          )}
        </span>
      </div>
      {answer.rows.length === 0 ? (
        <p class="panel-text">No rule changed its state.</p>
      ) : (
        <div class="table-wrap bare">
          <table class="grid stacked">
            <caption class="hidden">Changes of state</caption>
            <thead>
              <tr>
                <th scope="col">at</th>
                <th scope="col">rule</th>
                <th scope="col">group</th>
                <th scope="col">change</th>
                <th scope="col">why</th>
                <th scope="col">told</th>
              </tr>
            </thead>
            <tbody>
              {answer.rows.map((row) => (
                <tr key={row.at + row.fingerprint}>
                  <td class="nowrap" title={exactTime(Date.parse(row.at))}>
                    {dateTime(Date.parse(row.at))}
                  </td>
                  <td>{row.rule}</td>
                  <td>{groupText(row.group)}</td>
                  <td class="nowrap">
                    {row.from.replace(/_/g, ' ')} → <State state={row.to} />
                  </td>
                  <td>{row.evaluation.reason}</td>
                  <td>
                    {row.notified.map((delivery) => (
                      <div key={delivery.target} class={delivery.ok ? '' : 'wrong'} title={delivery.detail}>
                        {delivery.target}
                        {!delivery.ok && `: ${delivery.detail}`}
                      </div>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  )
}
