import type { Question } from '../api/client'
import { useAnswer } from '../api/useAnswer'
import { duration } from '../format/duration'
import { significant } from '../format/number'
import { durationTicks, niceStep } from '../format/ticks'
import { loadPoints } from '../phase/load'
import { METRIC_NAMES, quantileName, type Metric } from '../phase/parts'

const QS = [0.5, 0.95]
const WIDTH = 1000
const HEIGHT = 260
const FEWEST = 10

/** How a duration grows with load: its percentiles against requests in flight, a dot a step. */
export function LoadScatter({ metric, query }: { metric: Metric; query: Question<'/timeseries'>['query'] }) {
  const asked = useAnswer({ path: '/timeseries', query: { ...query, metric, quantiles: QS } }).answer
  const totals = useAnswer({ path: '/timeseries', query: { ...query, metric: 'total', quantiles: [0.5] } }).answer
  const series = asked?.series[0]
  const total = totals?.series[0]
  if (!asked || !series || !total) return null
  const dots = series.quantiles.map((quantile) => loadPoints(asked.step_ns, total.n, total.mean_ns, quantile.values_ns))
  const all = dots.flat()
  const busiest = Math.max(...all.map((point) => point.inFlight))
  if (all.length < FEWEST * QS.length || !(busiest > 0)) return null
  const step = niceStep(busiest / 6)
  const right = Math.ceil(busiest / step) * step
  const ticks = durationTicks(Math.max(...all.map((point) => point.ns)), 4)
  const top = ticks[ticks.length - 1]!.ns
  const x = (inFlight: number) => (WIDTH * inFlight) / right
  const y = (ns: number) => HEIGHT - (HEIGHT * ns) / top
  return (
    <figure class="panel">
      <figcaption class="panel-head">
        <h2>{METRIC_NAMES[metric]} against load</h2>
        <span class="legend-row">
          {QS.map((q, i) => (
            <span key={q}>
              <i class={`dot dot-${i}`} /> {quantileName(q)} of a step
            </span>
          ))}
        </span>
      </figcaption>
      <div class="scatter">
        <div class="scatter-y" aria-hidden="true">
          {ticks.map((tick) => (
            <span key={tick.ns} style={{ bottom: `${(100 * tick.ns) / top}%` }}>
              {tick.label}
            </span>
          ))}
        </div>
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={spoken(metric, dots[1]!)}
        >
          {ticks.map((tick) => (
            <line key={tick.ns} class="gridline" x1="0" x2={WIDTH} y1={y(tick.ns)} y2={y(tick.ns)} />
          ))}
          {dots.flatMap((points, i) =>
            points.map((point, j) => (
              // A line of no length with a round cap stays round however the picture is stretched.
              <line
                key={`${i} ${j}`}
                class={`dot-${i}`}
                x1={x(point.inFlight)}
                x2={x(point.inFlight)}
                y1={y(point.ns)}
                y2={y(point.ns)}
              >
                <title>{`${duration(point.ns)} at ${significant(point.inFlight)} requests in flight`}</title>
              </line>
            )),
          )}
        </svg>
        <div class="scatter-x" aria-hidden="true">
          {Array.from({ length: Math.round(right / step) + 1 }, (_, i) => (
            <span key={i} style={{ left: `${(100 * i * step) / right}%` }}>
              {significant(i * step)}
            </span>
          ))}
        </div>
      </div>
      <p class="quiet">
        Requests in flight: arrivals times their mean total (Little’s law), over steps of{' '}
        {significant(asked.step_ns / 1e9)} s.
      </p>
    </figure>
  )
}

/** The picture in a sentence: the tail at the quietest and at the busiest tenth of the steps. */
function spoken(metric: Metric, points: { inFlight: number; ns: number }[]): string {
  const sorted = [...points].sort((a, b) => a.inFlight - b.inFlight)
  const tenth = Math.max(1, Math.floor(sorted.length / 10))
  const mean = (some: typeof sorted) => some.reduce((sum, point) => sum + point.ns, 0) / some.length
  return `${METRIC_NAMES[metric]} p95 is ${duration(Math.round(mean(sorted.slice(0, tenth))))} in the quietest and ${duration(
    Math.round(mean(sorted.slice(-tenth))),
  )} in the busiest tenth of the steps`
}
