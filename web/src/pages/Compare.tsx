import { useEffect } from 'preact/hooks'
import type { Question } from '../api/client'
import { useAnswer } from '../api/useAnswer'
import { Composition, type Strip } from '../components/Composition'
import { CSVButton } from '../components/CSVButton'
import { Differences } from '../components/Differences'
import { Legend } from '../components/Legend'
import { Mix } from '../components/Mix'
import { NoRequests } from '../components/NoRequests'
import { ProblemNotice, Waiting } from '../components/Notice'
import { ScopeLine } from '../components/ScopeLine'
import { Segmented } from '../components/Segmented'
import { SidePicker } from '../components/SidePicker'
import { caveat } from '../phase/composition'
import { composed, verdict, type Behind, type Comparison, type Side } from '../phase/difference'
import { METRIC_NAMES, quantileName, QUANTILES } from '../phase/parts'
import { href, rangeOf, update, useView } from '../state/location'
import { fromQuantile } from '../state/selection'
import { before } from '../state/time'

/** Two windows or two values side by side, and which phase owns the difference. B is the page's range. */
export function Compare() {
  const view = useView()
  const { params } = view
  useOwnRange(params)
  const metric = params.get('metric') === 'total' ? 'total' : 'ttft'
  const b = rangeOf(params)
  const [filtersA, filtersB] = [params.getAll('a'), params.getAll('b')]
  const split = filtersA.length > 0 || filtersB.length > 0
  const a = {
    from: params.get('a_from') ?? (split ? b : before(b, Date.now())).from,
    to: params.get('a_to') ?? (split ? b : before(b, Date.now())).to,
  }
  const question: Question<'/compare'> = {
    path: '/compare',
    query: {
      a_from: a.from,
      a_to: a.to,
      b_from: b.from,
      b_to: b.to,
      a: filtersA,
      b: filtersB,
      filter: params.getAll('filter'),
      metric,
      quantiles: [...QUANTILES],
    },
  }
  const { answer, problem } = useAnswer(question)
  /** The requests of a side from a percentile on. */
  const behind = (side: Side, q: number) => {
    const value = composed(answer!, side, q)?.value_ns
    if (value == null) return undefined
    const [window, own] = side === 'a' ? [a, filtersA] : [b, filtersB]
    return href('/requests', view, { ...window, ...fromQuantile(metric, value, [...params.getAll('filter'), ...own]) })
  }
  const empty = answer !== null && (answer.a.counted === 0 || answer.b.counted === 0)

  return (
    <section class="page">
      <div class="page-head">
        <h1>Compare</h1>
        <Segmented
          label="Metric"
          value={metric}
          options={[
            { value: 'ttft', name: 'TTFT' },
            { value: 'total', name: 'Total' },
          ]}
          onChange={(next) => update({ metric: next === 'ttft' ? null : next })}
        />
        <SidePicker a={a} b={b} filtersA={filtersA} filtersB={filtersB} />
        <div class="page-tools">
          <CSVButton question={question} name="compare" />
        </div>
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {!answer && !problem && <Waiting />}
      {answer && (
        <div class="sides">
          {(['a', 'b'] as const).map((side) => (
            <div key={side}>
              <b>{side.toUpperCase()}</b> {(side === 'a' ? filtersA : filtersB).join(', ')}
              <ScopeLine meta={answer[side]} />
            </div>
          ))}
        </div>
      )}
      {empty && <NoRequests filtered={params.has('filter') || split} />}
      {answer && !empty && (
        <>
          <div class="panel">
            <Composition
              metric={metric}
              title={`${METRIC_NAMES[metric]}, A against B`}
              strips={pairs(answer, behind)}
              sentence={verdict(answer, metric)}
              notes={[
                prefixed('A', caveat(metric, answer.a.composition)),
                prefixed('B', caveat(metric, answer.b.composition)),
              ]}
            />
            <Legend metric={metric} />
          </div>
          <div class="panel flush">
            <div class="panel-head">
              <h2>Which phase owns the difference</h2>
              <span class="quiet">A and B are the means around each percentile; faint differences may be nothing</span>
            </div>
            <Differences comparison={answer} metric={metric} behind={behind} />
          </div>
          <Mix mix={answer.mix} />
        </>
      )}
    </section>
  )
}

const prefixed = (name: string, note: string) => note && `${name}: ${note}`

/** An alert's link names window B as the API does; here it is the page's range. */
function useOwnRange(params: URLSearchParams): void {
  const [from, to] = [params.get('b_from'), params.get('b_to')]
  useEffect(() => {
    if (from && to) update({ from, to, b_from: null, b_to: null }, { replace: true })
  }, [from, to])
}

/** One strip for each percentile, B beneath A. */
function pairs(comparison: Comparison, behind: Behind): Strip[] {
  return comparison.quantiles.flatMap(({ q }) => {
    const bars = (['a', 'b'] as const).flatMap((side) => {
      const row = composed(comparison, side, q)
      const name = side === 'a' ? `${quantileName(q)} A` : 'B'
      return row ? [{ n: comparison[side].composition.n, name, row, href: behind(side, q) }] : []
    })
    return bars.length === 2 ? [{ bars }] : []
  })
}
