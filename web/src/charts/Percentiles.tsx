import { useMemo, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import type { Schemas } from '../api/client'
import { duration } from '../format/duration'
import { quantileName } from '../phase/parts'
import { resolveColour } from '../state/theme'
import { dateTime } from '../state/time'
import {
  cursor,
  durationAxis,
  durationScale,
  isolated,
  spokenIndex,
  stepUnder,
  timeAxis,
  timeScale,
  zoomOnSelect,
} from './axes'
import { Chart } from './Chart'
import { LegendRow, spokenTime } from './LegendRow'

type Series = Schemas['Series']

interface Props {
  title: string
  /** The range asked for, which the time axis spans. */
  range: { from: string; to: string }
  times: string[]
  series: Series
  height?: number
}

/** The typical is light, the tail is heavy. */
const strokes = [
  { token: 'ink-3', width: 1, dash: [] },
  { token: 'ink-2', width: 1.25, dash: [5, 3] },
  { token: 'ink', width: 1.75, dash: [] },
]

/** Percentiles of one metric over time. */
export function Percentiles({ title, range, times, series, height = 176 }: Props) {
  const [index, setIndex] = useState<number | null>(null)
  const data = useMemo<uPlot.AlignedData>(
    () => [
      times.map((time) => Date.parse(time) / 1000),
      ...series.quantiles.map((quantile) => quantile.values_ns as (number | null)[]),
    ],
    [times, series],
  )
  const options = () => ({
    cursor: cursor(),
    legend: { show: false },
    scales: { x: timeScale(range), y: durationScale() },
    axes: [timeAxis(), durationAxis()],
    series: [
      {},
      ...series.quantiles.map((_, i) => ({
        stroke: resolveColour(strokes[Math.min(i, 2)]!.token),
        width: strokes[Math.min(i, 2)]!.width,
        dash: strokes[Math.min(i, 2)]!.dash,
        points: {
          show: true,
          size: 4,
          fill: resolveColour(strokes[Math.min(i, 2)]!.token),
          filter: (chart: uPlot, at: number) => isolated(chart.data[at]!),
        },
      })),
    ],
    hooks: { setSelect: [zoomOnSelect], setCursor: [(chart: uPlot) => setIndex(stepUnder(chart))] },
  })
  const names = series.quantiles.map((quantile) => quantileName(quantile.q))
  const at = spokenIndex(index, (i) => series.counted[i]! > 0, times.length)
  return (
    <figure class="panel">
      <figcaption class="panel-head">
        <h2>{title}</h2>
        <LegendRow
          at={spokenTime(times, at, index)}
          entries={series.quantiles.map((quantile, i) => ({
            name: names[i]!,
            value: duration(quantile.values_ns[at]),
            swatch: <i class={`line-swatch line-${Math.min(i, 2)}`} />,
          }))}
        />
      </figcaption>
      <Chart
        label={`${title} over time; the numbers follow as a table`}
        options={options}
        data={data}
        height={height}
        shape={[range.from, range.to, names.join()].join()}
      />
      <div class="hidden">
        <table>
          <caption>{title} over time</caption>
          <thead>
            <tr>
              <th>time</th>
              {names.map((name) => (
                <th key={name}>{name}</th>
              ))}
              <th>requests</th>
            </tr>
          </thead>
          <tbody>
            {times.map((time, i) => (
              <tr key={time}>
                <th>{dateTime(Date.parse(time))}</th>
                {series.quantiles.map((quantile) => (
                  <td key={quantile.q}>{duration(quantile.values_ns[i])}</td>
                ))}
                <td>{series.counted[i]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  )
}
