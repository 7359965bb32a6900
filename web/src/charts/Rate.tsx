import { useMemo, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import uPlotLib from 'uplot'
import type { Schemas } from '../api/client'
import { count, percent, rate, requests } from '../format/number'
import { resolveColour } from '../state/theme'
import { countAxis, cursor, edges, spokenIndex, stepUnder, timeAxis, timeScale, zoomOnSelect } from './axes'
import { Chart } from './Chart'
import { LegendRow, spokenTime } from './LegendRow'

interface Props {
  /** The range asked for, which the time axis spans. */
  range: { from: string; to: string }
  times: string[]
  stepNs: number
  series: Schemas['Series']
}

/** Requests of each step as bars, the failed ones in the accent. */
export function Rate({ range, times, stepNs, series }: Props) {
  const [index, setIndex] = useState<number | null>(null)
  const data = useMemo<uPlot.AlignedData>(
    () => [times.map((time) => Date.parse(time) / 1000), series.n, series.errors],
    [times, series],
  )
  const bars = uPlotLib.paths.bars!({ size: [0.8, 24], align: 1 })
  const options = () => ({
    cursor: cursor(),
    legend: { show: false },
    scales: {
      x: timeScale(range),
      y: { range: (_: uPlot, __: number, max: number): [number, number] => [0, Math.max(1, max * 1.1)] },
    },
    axes: [timeAxis(), countAxis()],
    series: [
      {},
      { fill: resolveColour('line-strong'), width: 0, points: { show: false }, paths: bars },
      { fill: resolveColour('accent'), width: 0, points: { show: false }, paths: bars },
    ],
    hooks: { setSelect: [zoomOnSelect], setCursor: [(chart: uPlot) => setIndex(stepUnder(chart))] },
  })
  const total = series.n.reduce((sum, n) => sum + n, 0)
  const failed = series.errors.reduce((sum, n) => sum + n, 0)
  const starts = edges(times, stepNs, range)
  const at = spokenIndex(index, (i) => series.n[i]! > 0, times.length)
  // A step that the range cuts off is shorter than the others.
  const from = Math.max(starts[at] ?? 0, Date.parse(range.from) / 1000)
  const seconds = Math.max(1, (starts[at + 1] ?? from) - from)
  return (
    <figure class="panel">
      <figcaption class="panel-head">
        <h2>Requests</h2>
        <LegendRow
          at={spokenTime(times, at, index)}
          entries={[
            {
              name: 'requests',
              value: `${count(series.n[at])}, ${rate((series.n[at] ?? 0) / seconds)}`,
              swatch: <i class="swatch fill-line-strong" />,
            },
            {
              name: 'failed',
              value: count(series.errors[at]),
              swatch: <i class="swatch fill-accent" />,
            },
          ]}
        />
      </figcaption>
      <Chart
        label={`${requests(total)} over time, ${percent(total ? failed / total : null)} failed`}
        options={options}
        data={data}
        height={96}
        shape={range.from + range.to}
      />
    </figure>
  )
}
