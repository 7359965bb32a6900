import { useAnswer } from '../api/useAnswer'
import type { Question } from '../api/client'
import { BreakdownTable } from '../components/BreakdownTable'
import { CSVButton } from '../components/CSVButton'
import { GroupPicker } from '../components/GroupPicker'
import { Legend } from '../components/Legend'
import { Empty, ProblemNotice } from '../components/Notice'
import { ScopeLine } from '../components/ScopeLine'
import { Segmented } from '../components/Segmented'
import { count } from '../format/number'
import { METRIC_MEANINGS, METRIC_NAMES, METRICS, quantileName, type Metric } from '../phase/parts'
import { href, rangeOf, update, useView } from '../state/location'

export const QUANTILES = [0.5, 0.9, 0.95, 0.99]
const DEFAULT_GROUP = ['service', 'model']
const PAGE = 100

/** The columns: every phase at one percentile, or every percentile of one metric. */
export interface Columns {
  metric: Metric | 'all'
  q: number
}

/** Percentiles of every phase, by up to three dimensions. */
export function Breakdown() {
  const view = useView()
  const { params } = view
  const groupBy = params.has('group_by') ? params.getAll('group_by').filter(Boolean) : DEFAULT_GROUP
  const shown = (params.get('show') ?? 'all') as Metric | 'all'
  const columns: Columns = { metric: shown, q: Number(params.get('q') ?? 0.95) }
  const sort = params.get('sort') ?? '-n'
  const cursor = params.get('cursor') ?? ''
  const question = {
    path: '/breakdown',
    query: {
      ...rangeOf(params),
      filter: params.getAll('filter'),
      group_by: groupBy,
      metric: (params.get('metric') ?? (shown === 'all' ? 'ttft' : shown)) as Metric,
      quantiles: QUANTILES,
      sort,
      limit: PAGE,
      cursor,
    },
  } as Question<'/breakdown'>
  const { answer, problem, busy } = useAnswer(question)

  return (
    <section class="page">
      <div class="page-head">
        <h1>Breakdown</h1>
        <GroupPicker
          value={groupBy}
          onChange={(next) =>
            update({
              group_by: next.length ? next : [''],
              cursor: null,
              ...(sort.endsWith('group') ? { sort: null } : {}),
            })
          }
        />
        <Segmented
          label="Columns"
          value={shown}
          options={[
            { value: 'all', name: 'All phases', title: 'Every phase at one percentile' },
            ...METRICS.map((metric) => ({ value: metric, name: METRIC_NAMES[metric], title: METRIC_MEANINGS[metric] })),
          ]}
          onChange={(next) => update({ show: next === 'all' ? null : next, metric: null, sort: null, cursor: null })}
        />
        {shown === 'all' && (
          <Segmented
            label="Percentile"
            value={String(columns.q)}
            options={[
              ...QUANTILES.map((q) => ({ value: String(q), name: quantileName(q) })),
              { value: '0', name: 'mean' },
            ]}
            onChange={(q) => update({ q: q === '0.95' ? null : q, sort: null, metric: null, cursor: null })}
          />
        )}
        <CSVButton question={question} name="breakdown" />
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {answer && answer.rows.length === 0 && !busy && <NoRequests filtered={params.has('filter')} />}
      {answer && answer.rows.length > 0 && (
        <>
          <BreakdownTable
            rows={answer.rows}
            groupBy={answer.group_by}
            columns={columns}
            sort={sort}
            metric={question.query!.metric!}
          />
          <div class="below">
            <Legend />
            <ScopeLine scope={answer.scope} />
            {answer.groups > answer.rows.length && (
              <p class="scope-line">
                {count(answer.rows.length)} of {count(answer.groups)} groups
                {cursor && <a href={href('/breakdown', view, keep(params))}>First page</a>}
                {answer.next_cursor && (
                  <a href={href('/breakdown', view, { ...keep(params), cursor: answer.next_cursor })}>Next page</a>
                )}
              </p>
            )}
          </div>
        </>
      )}
    </section>
  )
}

function keep(params: URLSearchParams) {
  return {
    group_by: params.getAll('group_by'),
    show: params.get('show'),
    q: params.get('q'),
    sort: params.get('sort'),
    metric: params.get('metric'),
  }
}

export function NoRequests({ filtered }: { filtered: boolean }) {
  const view = useView()
  return (
    <Empty title="No request ended in this range">
      {filtered ? 'Remove a filter, or choose a longer range. ' : 'Choose a longer range, or '}
      {!filtered && <a href={href('/setup', view)}>see how to send the first trace</a>}
    </Empty>
  )
}
