import { useState } from 'preact/hooks'
import type { Question } from '../api/client'
import { useAnswer } from '../api/useAnswer'
import { LegendRow } from '../charts/LegendRow'
import { duration, inUnit, unitOf } from '../format/duration'
import { significant } from '../format/number'
import { logTicks, niceStep } from '../format/ticks'
import { loadPoints, nearest, type Point } from '../phase/load'
import { METRIC_NAMES, quantileName, type Metric } from '../phase/parts'
import { zoom } from '../state/location'
import { dateTime } from '../state/time'

const QS = [0.5, 0.95]
const WIDTH = 1000
const HEIGHT = 260
const FEWEST = 10
/** A queue may be empty, which a logarithm cannot show: less is drawn on the axis. */
const LEAST_NS = 1e5

/** How a duration grows with load: its percentiles against requests in flight, a dot a step. */
export function LoadScatter({ metric, query }: { metric: Metric; query: Question<'/timeseries'>['query'] }) {
  const asked = useAnswer({ path: '/timeseries', query: { ...query, metric, quantiles: QS } }).answer
  const totals = useAnswer({ path: '/timeseries', query: { ...query, metric: 'total', quantiles: [0.5] } }).answer
  const [step, setStep] = useState<number | null>(null)
  const series = asked?.series[0]
  const total = totals?.series[0]
  if (!asked || !series || !total) return null
  const dots = series.quantiles.map((quantile) => loadPoints(asked.step_ns, total.n, total.mean_ns, quantile.values_ns))
  const all = dots.flat()
  const busiest = Math.max(...all.map((point) => point.inFlight))
  if (all.length < FEWEST * QS.length || !(busiest > 0)) return null
  const tick = niceStep(busiest / 6)
  const right = Math.ceil(busiest / tick) * tick
  const bottom = Math.max(LEAST_NS, Math.min(...all.map((point) => point.ns)) / 1.5)
  const top = Math.max(...all.map((point) => point.ns), bottom * 2) * 1.5
  const height = (ns: number) => Math.log(Math.max(ns, bottom) / bottom) / Math.log(top / bottom)
  const ticks = logTicks(bottom, top)
  const place = ({ inFlight, ns }: Point) => ({ x: inFlight / right, y: 1 - height(ns) })
  const pointed = dots.map((points) => points.find((point) => point.step === step))
  const start = step === null ? Number.NaN : Date.parse(asked.times[step] ?? '')
  return (
    <figure class="panel">
      <figcaption class="panel-head">
        <h2>{METRIC_NAMES[metric]} against load</h2>
        <LegendRow
          at={Number.isNaN(start) ? '' : dateTime(start, Date.now())}
          entries={[
            ...QS.map((q, i) => ({
              name: `${quantileName(q)} of a step`,
              value: pointed[i] ? duration(pointed[i].ns) : '',
              swatch: <i class={`dot dot-${i}`} />,
            })),
            { name: 'in flight', value: pointed[0] ? significant(pointed[0].inFlight) : '', swatch: null },
          ]}
        />
      </figcaption>
      <div class="scatter" data-hold>
        <div class="scatter-y" aria-hidden="true">
          {ticks.map((ns) => (
            <span key={ns} style={{ bottom: `${100 * height(ns)}%` }}>
              {inUnit(ns, unitOf(ns))} {unitOf(ns).name}
            </span>
          ))}
        </div>
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={spoken(metric, dots[1]!)}
          onPointerMove={({ currentTarget, clientX, clientY }) => {
            const box = currentTarget.getBoundingClientRect()
            setStep(nearest(all, place, box, clientX - box.left, clientY - box.top))
          }}
          onPointerLeave={() => setStep(null)}
          onClick={() => !Number.isNaN(start) && zoom(start, start + asked.step_ns / 1e6)}
        >
          {ticks.map((ns) => (
            <line
              key={ns}
              class="gridline"
              x1="0"
              x2={WIDTH}
              y1={HEIGHT * (1 - height(ns))}
              y2={HEIGHT * (1 - height(ns))}
            />
          ))}
          {dots.map((points, i) => points.map((point) => <Dot key={point.step} kind={`dot-${i}`} {...place(point)} />))}
          {pointed.map((point, i) => point && <Dot key={i} kind="dot-here" {...place(point)} />)}
        </svg>
        <div class="scatter-x" aria-hidden="true">
          {Array.from({ length: Math.round(right / tick) + 1 }, (_, i) => (
            <span key={i} style={{ left: `${(100 * i * tick) / right}%` }}>
              {significant(i * tick)}
            </span>
          ))}
        </div>
      </div>
      <p class="quiet">
        Requests in flight: arrivals times their mean total (Little’s law), over steps of {duration(asked.step_ns)}.
        Click a dot to look at its step.
      </p>
    </figure>
  )
}

/** A line of no length with a round cap stays round however the picture is stretched. */
function Dot({ kind, x, y }: { kind: string; x: number; y: number }) {
  return <line class={kind} x1={WIDTH * x} x2={WIDTH * x} y1={HEIGHT * y} y2={HEIGHT * y} />
}

/** The picture in a sentence: the tail at the quietest and at the busiest tenth of the steps. */
function spoken(metric: Metric, points: Point[]): string {
  const sorted = [...points].sort((a, b) => a.inFlight - b.inFlight)
  const tenth = Math.max(1, Math.floor(sorted.length / 10))
  const mean = (some: Point[]) => some.reduce((sum, point) => sum + point.ns, 0) / some.length
  return `${METRIC_NAMES[metric]} p95 is ${duration(Math.round(mean(sorted.slice(0, tenth))))} in the quietest and ${duration(
    Math.round(mean(sorted.slice(-tenth))),
  )} in the busiest tenth of the steps`
}
