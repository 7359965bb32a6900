import { useEffect } from 'preact/hooks'
import { useAnswer } from '../api/useAnswer'
import { Heatmap } from '../charts/Heatmap'
import { Distinguishing } from '../components/Distinguishing'
import { LoadScatter } from '../components/LoadScatter'
import { NoRequests } from '../components/NoRequests'
import { ProblemNotice, Waiting } from '../components/Notice'
import { RequestTable } from '../components/RequestTable'
import { ScopeLine } from '../components/ScopeLine'
import { Segmented } from '../components/Segmented'
import { tailEdge } from '../phase/heat'
import { METRIC_MEANINGS, METRIC_NAMES, METRICS } from '../phase/parts'
import { typing } from '../state/keys'
import { href, rangeOf, update, useView, zoom } from '../state/location'
import { describeSelection, selectionOf, withoutSelection, type Selection } from '../state/selection'

const SHOWN = 15
const TAILS = [
  { share: 0.01, name: 'Slowest 1 %' },
  { share: 0.05, name: 'Slowest 5 %' },
]

/** A heatmap of one duration; a rectangle in it says what is different about its requests. */
export function Explore() {
  const { params } = useView()
  const metric = METRICS.find((name) => name === params.get('metric')) ?? 'ttft'
  const scope = { ...rangeOf(params), filter: params.getAll('filter'), metric }
  const selection = selectionOf(params)
  const { answer, problem } = useAnswer({ path: '/heatmap', query: scope })
  const select = (next: Selection | null) =>
    update(
      next
        ? {
            ...withoutSelection(),
            ...Object.fromEntries(Object.entries(next).map(([name, value]) => [name, String(value)])),
            live: null,
          }
        : withoutSelection(),
    )

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !event.defaultPrevented && !typing(event.target)) update(withoutSelection())
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])

  const empty = answer !== null && answer.counted === 0
  return (
    <section class="page">
      <div class="page-head">
        <h1>Explore</h1>
        <Segmented
          label="Metric"
          value={metric}
          options={METRICS.map((name) => ({ value: name, name: METRIC_NAMES[name], title: METRIC_MEANINGS[name] }))}
          onChange={(next) => update({ metric: next === 'ttft' ? null : next, ...withoutSelection() })}
        />
        {answer && <ScopeLine meta={answer} />}
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {!answer && !problem && <Waiting />}
      {empty && <NoRequests filtered={params.has('filter')} />}
      {answer && !empty && (
        <div class="panel">
          <div class="panel-head">
            <h2>{METRIC_NAMES[metric]} of every request</h2>
            <div class="select-tools">
              {TAILS.map(({ share, name }) => {
                const edge = tailEdge(answer, share)
                return (
                  <button
                    key={name}
                    type="button"
                    disabled={edge === null}
                    onClick={() => edge !== null && select({ select_low_ns: edge })}
                  >
                    {name}
                  </button>
                )
              })}
            </div>
          </div>
          <Heatmap answer={answer} selection={selection} onSelect={select} />
        </div>
      )}
      {answer && !empty && !selection && (
        <LoadScatter metric={metric} query={{ ...rangeOf(params), filter: params.getAll('filter') }} />
      )}
      {answer && !empty && selection && (
        <>
          <SelectionHead selection={selection} metric={METRIC_NAMES[metric]} />
          <Distinguishing query={{ ...scope, ...selection }} />
          <Selected query={{ ...scope, ...selection }} />
        </>
      )}
    </section>
  )
}

function SelectionHead({ selection, metric }: { selection: Selection; metric: string }) {
  const view = useView()
  const { select_from: from, select_to: to } = selection
  const params = Object.fromEntries(Object.entries(selection).map(([name, value]) => [name, String(value)]))
  return (
    <div class="page-head">
      <h2>{describeSelection(selection, metric)}</h2>
      {from && to && (
        <button
          type="button"
          onClick={() => {
            zoom(Date.parse(from), Date.parse(to))
            update({ select_from: null, select_to: null }, { replace: true })
          }}
        >
          Zoom to this time
        </button>
      )}
      <a href={href('/requests', view, { ...params, metric: view.params.get('metric') })}>All of them in Requests</a>
      <button type="button" onClick={() => update(withoutSelection())}>
        Clear
      </button>
    </div>
  )
}

function Selected({
  query,
}: {
  query: Selection & { from: string; to: string; filter: string[]; metric: (typeof METRICS)[number] }
}) {
  const sort = `-${query.metric}` as const
  const { answer } = useAnswer({ path: '/requests', query: { ...query, sort, limit: SHOWN } })
  if (!answer || answer.requests.length === 0) return null
  return <RequestTable requests={answer.requests} sort={sort} />
}
