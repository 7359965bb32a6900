import { Fragment } from 'preact'
import { duration, exactDuration, interval } from '../format/duration'
import { sentence as capital, count, percent, requests } from '../format/number'
import { ticksWithin, type Tick } from '../format/ticks'
import { compositionSegments, type CompositionGroup, type QuantileComposition } from '../phase/composition'
import { METRIC_NAMES, partClass, quantileName, type Metric } from '../phase/parts'
import { segmentName, sum, type Segment } from '../phase/segments'
import { Followed } from './Followed'
import { PhaseBar } from './PhaseBar'

export interface Bar {
  /** How many requests the percentile is of. */
  n: number
  /** Leads to the requests at the percentile. */
  href?: string
  /** What stands before the bar: p99, or the name of a side. */
  name: string
  row: QuantileComposition
}

/** Bars that belong together; ribbons join each to the one above it. */
export interface Strip {
  bars: Bar[]
}

interface Props {
  metric: Metric
  strips: Strip[]
  /** Says what the picture is of. */
  title: string
  /** The finding. */
  sentence: string
  /** What the picture rests on, if not on everything. */
  notes: string[]
}

/** The picture of one group: its percentiles beneath one another. */
export function percentileStrip(
  group: CompositionGroup,
  href: (row: QuantileComposition) => string | undefined,
): Strip {
  return { bars: group.compositions.map((row) => ({ n: group.n, name: quantileName(row.q), row, href: href(row) })) }
}

/**
 * What the requests around percentiles are made of, all to one scale. Each bar
 * is the mean composition of the requests around its percentile; the ribbons
 * follow each phase from one bar to the next.
 */
export function Composition({ metric, strips, title, sentence, notes }: Props) {
  const rows = strips.flatMap((strip) => strip.bars.map((bar) => bar.row))
  // An interval may reach far beyond its value; it must not squeeze the bars.
  const ends = Math.max(0, ...rows.map((row) => Math.max(row.mean_ns ?? 0, row.value_ns ?? 0)))
  const reach = Math.max(ends, ...rows.map((row) => row.high_ns ?? 0))
  const scale = Math.min(reach, ends * 1.15) || 1
  const ticks = ticksWithin(scale, 6)
  return (
    <figure class="composition" aria-label={title} data-hold>
      <div class="composition-grid">
        <div class="composition-title">{title}</div>
        <Axis ticks={ticks} scale={scale} />
        {strips.map((strip) => (
          <Fragment key={strip.bars[0]?.name}>
            {strip.bars.map((bar, index) => (
              <Row
                key={bar.name}
                metric={metric}
                bar={bar}
                scale={scale}
                ticks={ticks}
                above={index > 0 ? strip.bars[index - 1]!.row : null}
                apart={index === 0 && strip !== strips[0]}
              />
            ))}
          </Fragment>
        ))}
      </div>
      <figcaption>
        {sentence && <p class="finding">{capital(sentence)}</p>}
        {notes.filter(Boolean).map((note) => (
          <p key={note} class="quiet">
            {note}
          </p>
        ))}
      </figcaption>
      <Numbers metric={metric} strips={strips} title={title} />
    </figure>
  )
}

function Axis({ ticks, scale }: { ticks: Tick[]; scale: number }) {
  return (
    <div class="composition-axis" aria-hidden="true">
      {ticks.map((tick) => (
        <span key={tick.ns} style={{ left: `${(100 * tick.ns) / scale}%` }}>
          {tick.label}
        </span>
      ))}
    </div>
  )
}

interface RowProps {
  metric: Metric
  bar: Bar
  above: QuantileComposition | null
  /** Begins another strip beneath one. */
  apart: boolean
  scale: number
  ticks: Tick[]
}

function Row({ metric, bar: { n, name, row, href }, above, apart, scale, ticks }: RowProps) {
  const segments = compositionSegments(metric, row)
  const value = row.value_ns ?? null
  const sure = row.low_ns != null && row.high_ns != null
  const few = value !== null && n < row.n_required
  return (
    <>
      <div class="composition-q">{name}</div>
      <Value value={value} few={few ? `n ${count(n)} of ${count(row.n_required)}` : ''} href={href} />
      <div
        class="composition-interval quiet"
        title={
          sure
            ? `95 % interval ${duration(row.low_ns)} to ${duration(row.high_ns)}`
            : 'Too few independent requests for an interval'
        }
      >
        {few ? '' : value !== null && sure ? interval(value, row.low_ns!, row.high_ns!) : '±?'}
      </div>
      <div
        class="composition-n quiet"
        title={`The bar is the mean of the ${requests(row.window_n)} around ${quantileName(row.q)}, ranks ${count(row.from_rank)} to ${count(row.to_rank)}`}
      >
        n {count(row.window_n)}
      </div>
      <div class={apart ? 'composition-bar apart' : 'composition-bar'}>
        <Gridlines ticks={ticks} scale={scale} />
        {above && <Ribbons from={compositionSegments(metric, above)} to={segments} scale={scale} />}
        {row.window_too_small ? (
          <p class="small-n">
            n too small ({count(row.window_n)} of {count(row.window_required)})
          </p>
        ) : (
          <PhaseBar labelled segments={segments} scale={scale} label={`${METRIC_NAMES[metric]} ${name}`} />
        )}
        {value !== null && !row.window_too_small && (
          <Needle value={value} low={row.low_ns ?? null} high={row.high_ns ?? null} scale={scale} />
        )}
      </div>
    </>
  )
}

/** The percentile itself, unless too few requests vouch for it. */
function Value({ value, few, href }: { value: number | null; few: string; href: string | undefined }) {
  if (few) {
    return (
      <div class="composition-value small-n" title={`n too small; ${exactDuration(value)} of the few`}>
        {few}
      </div>
    )
  }
  return (
    <div class="composition-value" title={exactDuration(value)}>
      <Followed href={href}>{duration(value)}</Followed>
    </div>
  )
}

function Gridlines({ ticks, scale }: { ticks: Tick[]; scale: number }) {
  return (
    <div class="gridlines" aria-hidden="true">
      {ticks.map((tick) => (
        <i key={tick.ns} style={{ left: `${(100 * tick.ns) / scale}%` }} />
      ))}
    </div>
  )
}

/** The percentile itself, with its interval; the bar ends at the mean around it. */
function Needle({
  value,
  low,
  high,
  scale,
}: {
  value: number
  low: number | null
  high: number | null
  scale: number
}) {
  const at = (ns: number) => `${Math.min(100, (100 * ns) / scale)}%`
  return (
    <div class="needle" aria-hidden="true">
      {low !== null && high !== null && (
        <i
          class={high > scale ? 'whisker cut' : 'whisker'}
          style={{ left: at(low), width: `${(100 * (Math.min(high, scale) - low)) / scale}%` }}
        />
      )}
      <i class="point" style={{ left: at(value) }} />
    </div>
  )
}

/** Joins the same part of two bars, so that the eye sees which one grows. */
function Ribbons({ from, to, scale }: { from: Segment[]; to: Segment[]; scale: number }) {
  if (sum(from) === 0 || sum(to) === 0) return null
  const width = 1000
  let [a, b] = [0, 0]
  const shapes = to.map((segment) => {
    const before = from.find((other) => other.part === segment.part)?.ns ?? 0
    const corners = [a, a + before, b + segment.ns, b].map((ns) => ((ns / scale) * width).toFixed(2))
    a += before
    b += segment.ns
    return (
      <polygon
        key={segment.part}
        class={`ribbon ${partClass(segment.part)}`}
        points={`${corners[0]},0 ${corners[1]},0 ${corners[2]},10 ${corners[3]},10`}
      />
    )
  })
  return (
    <svg class="ribbons" viewBox={`0 0 ${width} 10`} preserveAspectRatio="none" aria-hidden="true">
      {shapes}
    </svg>
  )
}

/** The same as a table, for screen readers. */
function Numbers({ metric, strips, title }: { metric: Metric; strips: Strip[]; title: string }) {
  return (
    <div class="hidden">
      <table>
        <caption>{title}: mean composition of the requests around each percentile</caption>
        <tbody>
          {strips.flatMap((strip) =>
            strip.bars.map(({ name, row }) => (
              <tr key={`${row.q}${name}`}>
                <th scope="row">
                  {quantileName(row.q)} {name}
                </th>
                <td>{duration(row.value_ns)}</td>
                <td>{requests(row.window_n)}</td>
                {compositionSegments(metric, row).map((segment) => (
                  <td key={segment.part}>
                    {segmentName(segment)} {duration(segment.ns)}, {percent(segment.ns / (row.mean_ns || 1))}
                  </td>
                ))}
              </tr>
            )),
          )}
        </tbody>
      </table>
    </div>
  )
}
