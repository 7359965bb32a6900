import { useState } from 'preact/hooks'
import { Problem, send, type Schemas } from '../api/client'
import { count } from '../format/number'
import { refresh } from '../state/live'
import { dateTime } from '../state/time'
import { groupText } from './Alert'
import { Dialog } from './Dialog'
import { ProblemNotice } from './Notice'

type Rule = Schemas['Rule']
type Preview = Schemas['RulePreview']

const template: Rule = {
  name: 'ttft_regression_by_service',
  kind: 'regression',
  metric: 'ttft',
  quantile: 0.95,
  filters: [],
  group_by: ['service', 'model'],
  for: '5m',
  severity: 'warning',
}

/** A rule as the JSON that the API takes, with a replay over the last 7 days before it is saved. */
export function RuleEditor({ rule, onClose }: { rule: Rule | null; onClose: () => void }) {
  const [text, setText] = useState(JSON.stringify(rule ?? template, null, 2))
  const [problem, setProblem] = useState<Problem | null>(null)
  const [preview, setPreview] = useState<Preview | null>(null)
  const [busy, setBusy] = useState('')

  const run = async (doing: string, action: (parsed: Rule) => Promise<void>) => {
    setProblem(null)
    setBusy(doing)
    try {
      await action(JSON.parse(text) as Rule)
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(400, 'Not JSON', String(error)))
    } finally {
      setBusy('')
    }
  }
  const replay = () =>
    run('Replaying the last 7 days. With many requests this takes up to a minute.', async (parsed) => {
      setPreview(null)
      setPreview((await send('POST', '/alerts/rules/preview', parsed)) as Preview)
    })
  const save = () =>
    run('Saving.', async (parsed) => {
      if (rule) await send('PUT', `/alerts/rules/${encodeURIComponent(rule.name)}`, parsed)
      else await send('POST', '/alerts/rules', parsed)
      refresh()
      onClose()
    })

  return (
    <Dialog open label={rule ? `Rule ${rule.name}` : 'New rule'} onClose={onClose}>
      <h2>{rule ? rule.name : 'New rule'}</h2>
      <p class="quiet">
        kind is threshold, regression, slo or absence; every field is described at <a href="/api">/api</a>.
      </p>
      <textarea
        aria-label="Rule as JSON"
        rows={14}
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {problem && <ProblemNotice problem={problem} />}
      {busy && (
        <p class="quiet" role="status">
          {busy}
        </p>
      )}
      {preview && <Replay preview={preview} />}
      <div class="dialog-actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" disabled={busy !== ''} onClick={replay}>
          When would it have fired?
        </button>
        <button type="button" class="primary" disabled={busy !== ''} onClick={save}>
          Save
        </button>
      </div>
    </Dialog>
  )
}

function Replay({ preview }: { preview: Preview }) {
  return (
    <div>
      <p>
        {preview.episodes.length === 0
          ? 'It would not have fired'
          : `It would have fired ${count(preview.episodes.length)} times`}{' '}
        since {dateTime(Date.parse(preview.from))}: {count(preview.evaluations)} evaluations of {count(preview.groups)}{' '}
        groups.
      </p>
      <ul class="hints">
        {preview.episodes.slice(0, 10).map((episode) => (
          <li key={episode.fired + groupText(episode.group)}>
            {dateTime(Date.parse(episode.fired))}{' '}
            {episode.resolved ? `to ${dateTime(Date.parse(episode.resolved), Date.parse(episode.fired))}` : 'until now'}
            , {groupText(episode.group)}: {episode.peak.reason}
          </li>
        ))}
      </ul>
    </div>
  )
}
