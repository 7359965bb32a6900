import { useAnswer } from '../api/useAnswer'
import type { Question } from '../api/client'
import { BreakdownTable, type Column } from '../components/BreakdownTable'
import { CSVButton } from '../components/CSVButton'
import { GroupPicker } from '../components/GroupPicker'
import { Legend } from '../components/Legend'
import { NoRequests } from '../components/NoRequests'
import { ProblemNotice, Waiting } from '../components/Notice'
import { ScopeLine } from '../components/ScopeLine'
import { Segmented } from '../components/Segmented'
import { count } from '../format/number'
import { formatOrder, parseOrder } from '../phase/breakdown'
import { METRIC_MEANINGS, METRIC_NAMES, METRICS, quantileName, QUANTILES, type Metric } from '../phase/parts'
import { rangeOf, update, useView } from '../state/location'

const DEFAULT_GROUP = ['service', 'model']
const FEW_GROUPS = 100
const MOST_GROUPS = 1000

/** Percentiles of every phase, by up to three dimensions. */
export function Breakdown() {
  const { params } = useView()
  const groupBy = params.has('group_by') ? params.getAll('group_by').filter(Boolean) : DEFAULT_GROUP
  const shown = METRICS.find((metric) => metric === params.get('show')) ?? 'all'
  const q =
    params.get('q') === 'mean' ? 'mean' : (QUANTILES.find((value) => quantileName(value) === params.get('q')) ?? 0.95)
  const bars = params.get('bars') === 'ttft' ? 'ttft' : 'total'
  const order = parseOrder(params.get('sort') ?? '-n')
  const limit = params.get('limit') === 'all' ? MOST_GROUPS : FEW_GROUPS
  const question: Question<'/breakdown'> = {
    path: '/breakdown',
    query: {
      ...rangeOf(params),
      filter: params.getAll('filter'),
      group_by: groupBy,
      // A metric orders by the last quantile.
      quantiles: [...QUANTILES.filter((value) => value !== order.q), ...QUANTILES.filter((value) => value === order.q)],
      sort: `${order.descending ? '-' : ''}${order.field}`,
      limit,
    },
  }
  const { answer, problem } = useAnswer(question)
  const columns: Column[] =
    shown === 'all'
      ? METRICS.map((metric) => ({ metric, q, name: METRIC_NAMES[metric] }))
      : (['mean', ...QUANTILES] as const).map((at) => ({
          metric: shown,
          q: at,
          name: at === 'mean' ? 'mean' : quantileName(at),
        }))

  return (
    <section class="page">
      <div class="page-head">
        <h1>Breakdown</h1>
        <GroupPicker
          value={groupBy}
          onChange={(next) => update({ group_by: next.length ? next : [''], limit: null })}
        />
        <div class="page-tools">
          <CSVButton question={question} name="breakdown" />
        </div>
      </div>
      <div class="page-head">
        <Segmented
          label="Columns"
          value={shown}
          options={[
            { value: 'all', name: 'All phases', title: 'Every phase at one percentile' },
            ...METRICS.map((metric) => ({
              value: metric as Metric | 'all',
              name: METRIC_NAMES[metric],
              title: METRIC_MEANINGS[metric],
            })),
          ]}
          onChange={(next) => update({ show: next === 'all' ? null : next, sort: null })}
        />
        {shown === 'all' && (
          <Segmented
            label="Percentile"
            value={q === 'mean' ? q : quantileName(q)}
            options={[...QUANTILES.map(quantileName), 'mean'].map((name) => ({ value: name, name }))}
            onChange={(next) => update({ q: next === 'p95' ? null : next, sort: null })}
          />
        )}
        <Segmented
          label="Bars"
          value={bars}
          options={[
            { value: 'total', name: 'Bars: total', title: 'What the mean request is made of' },
            { value: 'ttft', name: 'TTFT', title: 'What the mean time to first token is made of' },
          ]}
          onChange={(next) => update({ bars: next === 'total' ? null : next })}
        />
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {!answer && !problem && <Waiting />}
      {answer && answer.groups.length === 0 && <NoRequests filtered={params.has('filter')} />}
      {answer && answer.groups.length > 0 && (
        <>
          <BreakdownTable
            groups={answer.groups}
            bars={bars}
            columns={columns}
            order={order}
            onOrder={(next) => update({ sort: formatOrder(next) }, { replace: true })}
          />
          <div class="below">
            <Legend metric={bars} />
            <ScopeLine meta={answer} />
            {answer.omitted_groups > 0 && (
              <p class="scope-line">
                {count(answer.omitted_groups)} more groups
                {limit < MOST_GROUPS ? (
                  <button type="button" class="plain" onClick={() => update({ limit: 'all' })}>
                    Show {count(Math.min(MOST_GROUPS, answer.omitted_groups + answer.groups.length))}
                  </button>
                ) : (
                  ': filter, or group by fewer dimensions, to see them'
                )}
              </p>
            )}
          </div>
        </>
      )}
    </section>
  )
}
