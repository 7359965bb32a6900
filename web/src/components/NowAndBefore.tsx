import { useAnswer } from '../api/useAnswer'
import { change, percent, rate, requests } from '../format/number'
import { cell, type Group } from '../phase/breakdown'
import { METRIC_MEANINGS, METRIC_NAMES, quantileName, type Metric } from '../phase/parts'
import { href, rangeOf, useView } from '../state/location'
import { fromQuantile } from '../state/selection'
import { before } from '../state/time'
import { Delta } from './Delta'
import { Waiting } from './Notice'
import { QuantileCell } from './QuantileCell'

const ROWS: Metric[] = ['ttft', 'tpot', 'total', 'network', 'queue', 'prefill', 'decode']
const SHOWN = [0.5, 0.9, 0.99]

/** Every duration now, against the same length of time just before. */
export function NowAndBefore() {
  const view = useView()
  const range = rangeOf(view.params)
  const past = before(range, Date.now())
  const filter = view.params.getAll('filter')
  const query = { filter, quantiles: SHOWN }
  const now = useAnswer({ path: '/breakdown', query: { ...range, ...query } }).answer?.groups[0]
  const then = useAnswer({ path: '/breakdown', query: { ...past, ...query } }).answer?.groups[0]
  const compare = href('/compare', view, { a_from: past.from, a_to: past.to, b_from: range.from, b_to: range.to })
  return (
    <div class="panel now" data-hold>
      <div class="panel-head">
        <h2>Now against just before</h2>
        <a href={compare}>Compare</a>
      </div>
      {now ? <Table now={now} then={then} /> : <Waiting />}
      {now && <Rates now={now} then={then} />}
    </div>
  )
}

function Table({ now, then }: { now: Group; then: Group | undefined }) {
  return (
    <table class="grid plain">
      <thead>
        <tr>
          <th />
          {SHOWN.map((q) => (
            <th key={q} scope="col" colSpan={2} class={`number at-${quantileName(q)}`}>
              {quantileName(q)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {ROWS.map((metric) => (
          <tr key={metric}>
            <th scope="row" title={METRIC_MEANINGS[metric]}>
              {METRIC_NAMES[metric]}
            </th>
            {SHOWN.map((q) => [
              <NowCell key={q} now={now} metric={metric} q={q} />,
              <td key={`${q} change`} class={`number at-${quantileName(q)}`}>
                {then && <Delta now={cell(now, metric, q)} before={cell(then, metric, q)} />}
              </td>,
            ])}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function NowCell({ now, metric, q }: { now: Group; metric: Metric; q: number }) {
  const view = useView()
  const shown = cell(now, metric, q)
  const target = shown.value === null ? undefined : href('/requests', view, fromQuantile(metric, shown.value))
  return <QuantileCell class={`at-${quantileName(q)}`} cell={shown} total={now.counted} href={target} />
}

function Rates({ now, then }: { now: Group; then: Group | undefined }) {
  const view = useView()
  const filter = view.params.getAll('filter')
  return (
    <p class="rates">
      <span>
        <b title={requests(now.counts.n)}>{rate(now.rate_per_second)}</b> requests{' '}
        {then && then.counts.n > 0 && <span class="quiet">{change(now.counts.n / then.counts.n - 1)}</span>}
      </span>
      <span>
        <b>{percent(now.error_rate)}</b>{' '}
        <a href={href('/requests', view, { filter: [...filter, 'outcome=error'] })} title="See the failed requests">
          failed
        </a>{' '}
        {then && <span class="quiet">before {percent(then.error_rate)}</span>}
      </span>
      {now.counts.cancelled > 0 && (
        <span>
          <b>{percent(now.counts.cancelled / now.counts.n)}</b> cancelled
        </span>
      )}
      {now.counts.cache_hits > 0 && (
        <span>
          <b>{percent(now.counts.cache_hits / now.counts.n)}</b> from a response cache
        </span>
      )}
    </p>
  )
}
