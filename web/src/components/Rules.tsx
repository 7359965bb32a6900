import { useState } from 'preact/hooks'
import { Problem, send, type Schemas } from '../api/client'
import { useAnswer } from '../api/useAnswer'
import { count } from '../format/number'
import { METRIC_NAMES, quantileName } from '../phase/parts'
import { refresh } from '../state/live'
import { update, useView } from '../state/location'
import { toRFC3339 } from '../state/time'
import { ProblemNotice } from './Notice'
import { RuleEditor } from './RuleEditor'

type StoredRule = Schemas['StoredRule']
type Rule = Schemas['Rule']

/** Every rule with the states of its groups, and what one may do with it. */
export function Rules() {
  const { answer, problem } = useAnswer({ path: '/alerts/rules' })
  const [edited, setEdited] = useState<Rule | 'new' | null>(null)
  if (problem) return <ProblemNotice problem={problem} />
  if (!answer) return null
  return (
    <div class="panel flush">
      <div class="panel-head">
        <h2>Rules</h2>
        <button type="button" onClick={() => setEdited('new')}>
          New rule
        </button>
      </div>
      {answer.problem && <p class="panel-text wrong">{answer.problem}</p>}
      <div class="table-wrap bare">
        <table class="grid stacked">
          <caption class="hidden">Alert rules</caption>
          <thead>
            <tr>
              <th scope="col">name</th>
              <th scope="col">fires when</th>
              <th scope="col">by</th>
              <th scope="col">groups</th>
              <th scope="col">from</th>
              <th scope="col">
                <span class="hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {answer.rules.map((stored) => (
              <Row key={stored.rule.name} stored={stored} onEdit={() => setEdited(stored.rule)} />
            ))}
          </tbody>
        </table>
      </div>
      {answer.rules.length === 0 && <p class="panel-text">There is no rule yet.</p>}
      {edited && <RuleEditor rule={edited === 'new' ? null : edited} onClose={() => setEdited(null)} />}
    </div>
  )
}

function Row({ stored, onEdit }: { stored: StoredRule; onEdit: () => void }) {
  const [problem, setProblem] = useState('')
  const { params } = useView()
  const { rule } = stored
  const run = async (action: () => Promise<unknown>) => {
    setProblem('')
    try {
      await action()
      refresh()
    } catch (error) {
      setProblem(error instanceof Problem ? error.detail : String(error))
    }
  }
  const path = `/alerts/rules/${encodeURIComponent(rule.name)}`
  const remove = async () => {
    await send('DELETE', path)
    if (params.get('rule') === rule.name) update({ rule: null }) // nobody can say any more why it fired
  }
  return (
    <tr>
      <th scope="row">{rule.name}</th>
      <td>
        {summary(rule)}
        {stored.progress && <div class="quiet">{stored.progress}</div>}
        {stored.missed > 0 && (
          <div class="quiet">
            {count(stored.missed)} {stored.missed === 1 ? 'evaluation' : 'evaluations'} missed
          </div>
        )}
        {stored.problem && <div class="wrong">{stored.problem}</div>}
        {problem && <div class="wrong">{problem}</div>}
      </td>
      <td>{rule.group_by?.join(', ') || 'everything'}</td>
      <td>
        {Object.entries(stored.states)
          .filter(([, n]) => n > 0)
          .map(([state, n]) => `${count(n)} ${state.replace(/_/g, ' ')}`)
          .join(', ') || <span class="unknown">none yet</span>}
      </td>
      <td>{stored.source}</td>
      <td class="actions-cell">
        <button type="button" class="plain" onClick={() => update({ rule: rule.name })}>
          Why?
        </button>
        {rule.kind === 'regression' && (
          <button
            type="button"
            class="plain"
            title="Windows before now no longer count as this rule’s past"
            onClick={() =>
              run(() => send('PUT', `${path}/baseline`, { since: toRFC3339(Math.floor(Date.now() / 1000) * 1000) }))
            }
          >
            Accept as the new normal
          </button>
        )}
        {!stored.read_only && (
          <>
            <button type="button" class="plain" onClick={onEdit}>
              Edit
            </button>
            <button
              type="button"
              class="plain"
              onClick={() => confirm(`Remove the rule ${rule.name}? Its history stays.`) && run(remove)}
            >
              Remove
            </button>
          </>
        )}
      </td>
    </tr>
  )
}

/** 1h30m as 1 h 30 m. */
const spell = (setting: string) => setting.replace(/(\d)([a-zµ]+)/g, '$1 $2 ').trim()

/** A rule in one line. */
export function summary(rule: Rule): string {
  const what = `${quantileName(rule.quantile ?? 0.95)} ${METRIC_NAMES[rule.metric ?? 'ttft']}`
  const filters = rule.filters?.length ? ` where ${rule.filters.join(', ')}` : ''
  switch (rule.kind) {
    case 'threshold':
      return `${what} is above ${spell(rule.above ?? '?')}${filters}`
    case 'regression':
      return `${what} is above its own past by ${Math.round((rule.min_relative ?? 0.2) * 100)} % and ${spell(rule.min_absolute ?? '50ms')}${filters}`
    case 'slo':
      return `the objective’s budget burns too fast${filters}`
    case 'absence':
      return rule.coverage_below
        ? `TTFT is known for less than ${Math.round(rule.coverage_below * 100)} %${filters}`
        : `no request arrives${filters}`
  }
}
