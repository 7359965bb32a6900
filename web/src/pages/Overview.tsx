import { useAnswer } from '../api/useAnswer'
import { Percentiles } from '../charts/Percentiles'
import { PhaseAreas } from '../charts/PhaseAreas'
import { Rate } from '../charts/Rate'
import { Changes } from '../components/Changes'
import { Composition, percentileStrip } from '../components/Composition'
import { Firing } from '../components/Firing'
import { Hints } from '../components/Hints'
import { Legend } from '../components/Legend'
import { NoRequests } from '../components/NoRequests'
import { ProblemNotice, Waiting } from '../components/Notice'
import { NowAndBefore } from '../components/NowAndBefore'
import { ScopeLine } from '../components/ScopeLine'
import { Segmented } from '../components/Segmented'
import { caveat } from '../phase/composition'
import { METRIC_NAMES } from '../phase/parts'
import { href, rangeOf, update, useView } from '../state/location'
import { fromQuantile } from '../state/selection'
import { describe } from '../state/time'

const TAIL = [0.5, 0.9, 0.99]

/** What is slow now, since when, in which phase and for whom. */
export function Overview() {
  const view = useView()
  const { params } = view
  const range = rangeOf(params)
  const filter = params.getAll('filter')
  const metric = params.get('metric') === 'total' ? 'total' : 'ttft'
  const scope = { ...range, filter }
  const composition = useAnswer({ path: '/composition', query: { ...scope, metric, quantiles: TAIL } })
  const series = useAnswer({ path: '/timeseries', query: { ...scope, metric, quantiles: TAIL } })
  const group = composition.answer?.groups[0]
  const line = series.answer?.series[0]
  const problem = composition.problem ?? series.problem
  const empty = composition.answer !== null && composition.answer.n === 0

  return (
    <section class="page">
      <div class="page-head">
        <h1>Overview</h1>
        <Segmented
          label="Metric"
          value={metric}
          options={[
            { value: 'ttft', name: 'TTFT', title: 'Time to first token' },
            { value: 'total', name: 'Total', title: 'The whole request' },
          ]}
          onChange={(next) => update({ metric: next === 'ttft' ? null : next })}
        />
        {composition.answer && <ScopeLine meta={composition.answer} />}
      </div>
      <Firing />
      {problem && <ProblemNotice problem={problem} />}
      {!composition.answer && !problem && <Waiting />}
      {empty && <NoRequests filtered={filter.length > 0} />}
      {composition.answer && !empty && (
        <>
          <div class="panel">
            {group && (
              <>
                <Composition
                  metric={metric}
                  title={[METRIC_NAMES[metric], describe(range), ...filter].join(', ')}
                  strips={[
                    percentileStrip(group, ({ value_ns: value }) =>
                      value == null ? undefined : href('/requests', view, fromQuantile(metric, value)),
                    ),
                  ]}
                  sentence={group.finding}
                  notes={[caveat(metric, group)]}
                />
                {group.compositions.every((row) => row.window_too_small) && (
                  <p class="panel-note">
                    Too few requests for percentiles, but{' '}
                    <a href={href('/requests', view)}>each of them can be looked at</a>.
                  </p>
                )}
                <Legend metric={metric} />
              </>
            )}
          </div>
          <div class="overview-body">
            {line && series.answer ? (
              <div class="stack">
                <Percentiles
                  title={`${METRIC_NAMES[metric]} percentiles`}
                  range={series.answer.range}
                  times={series.answer.times}
                  series={line}
                />
                <PhaseAreas
                  title={`Mean ${METRIC_NAMES[metric]} by phase`}
                  range={series.answer.range}
                  times={series.answer.times}
                  stepNs={series.answer.step_ns}
                  series={line}
                />
                <Rate
                  range={series.answer.range}
                  times={series.answer.times}
                  stepNs={series.answer.step_ns}
                  series={line}
                />
              </div>
            ) : (
              <div class="panel charts-to-come">{!series.problem && <Waiting />}</div>
            )}
            <div class="side">
              <Changes metric={metric} />
              <NowAndBefore />
              <Hints />
            </div>
          </div>
        </>
      )}
    </section>
  )
}
