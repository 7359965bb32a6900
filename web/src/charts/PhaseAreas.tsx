import { useMemo, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import type { Schemas } from '../api/client'
import { duration } from '../format/duration'
import { partClass, partName, type Part } from '../phase/parts'
import { resolveColour } from '../state/theme'
import { dateTime } from '../state/time'
import {
  cursor,
  durationAxis,
  durationScale,
  edges,
  spokenIndex,
  stepUnder,
  timeAxis,
  timeScale,
  zoomOnSelect,
} from './axes'
import { Chart } from './Chart'
import { LegendRow, spokenTime } from './LegendRow'
import { sides, stack, twice } from './stack'

interface Props {
  title: string
  /** The range asked for, which the time axis spans. */
  range: { from: string; to: string }
  times: string[]
  stepNs: number
  series: Schemas['Series']
  height?: number
}

/** What the mean request is made of over time: the parts, stacked up to the mean. */
export function PhaseAreas({ title, range, times, stepNs, series, height = 176 }: Props) {
  const [index, setIndex] = useState<number | null>(null)
  const parts = series.parts
  // The whole stack is painted first and every lower part over it.
  const data = useMemo<uPlot.AlignedData>(
    () => [
      sides(edges(times, stepNs, range)),
      ...stack(parts.map((part) => part.mean_ns as (number | null)[]))
        .map(twice)
        .reverse(),
    ],
    [times, parts],
  )
  const options = () => ({
    cursor: cursor(),
    legend: { show: false },
    scales: { x: timeScale(range), y: durationScale() },
    axes: [timeAxis(), durationAxis()],
    series: [
      {},
      ...[...parts].reverse().map(({ part }) => ({
        fill: fillOf(part),
        stroke: isRemainder(part) ? resolveColour('hatch') : resolveColour('surface'),
        width: 0.75,
        points: { show: false },
      })),
    ],
    hooks: { setSelect: [zoomOnSelect], setCursor: [(chart: uPlot) => setIndex(stepOf(stepUnder(chart)))] },
  })
  const at = spokenIndex(index, (i) => parts[0]?.mean_ns[i] != null, times.length)
  return (
    <figure class="panel">
      <figcaption class="panel-head">
        <h2>{title}</h2>
        <LegendRow
          at={spokenTime(times, at, index)}
          entries={parts.map((part) => ({
            name: partName(part.part),
            value: duration(part.mean_ns[at]),
            swatch: <i class={`swatch segment ${partClass(part.part)} ${isRemainder(part.part) ? '' : 'measured'}`} />,
          }))}
        />
      </figcaption>
      <Chart
        label={`${title} over time; the numbers follow as a table`}
        options={options}
        data={data}
        height={height}
        shape={[range.from, range.to, parts.map((part) => part.part).join()].join()}
      />
      <div class="hidden">
        <table>
          <caption>{title} over time</caption>
          <thead>
            <tr>
              <th>time</th>
              {parts.map((part) => (
                <th key={part.part}>{partName(part.part)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {times.map((time, i) => (
              <tr key={time}>
                <th>{dateTime(Date.parse(time))}</th>
                {parts.map((part) => (
                  <td key={part.part}>{duration(part.mean_ns[i])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  )
}

/** Every step has two points. */
const stepOf = (point: number | null) => (point === null ? null : Math.floor(point / 2))

const isRemainder = (part: Part) => part === 'unattributed' || part === 'rest'

function fillOf(part: Part): string | CanvasPattern {
  return isRemainder(part) ? hatch() : resolveColour(part)
}

/** The same neutral hatch as on bars. */
function hatch(): CanvasPattern {
  const size = 6 * devicePixelRatio
  const tile = document.createElement('canvas')
  tile.width = tile.height = size
  const paint = tile.getContext('2d')!
  paint.strokeStyle = resolveColour('hatch')
  paint.lineWidth = devicePixelRatio * 0.8
  for (const shift of [-size, 0, size]) {
    paint.moveTo(shift, size)
    paint.lineTo(shift + size, 0)
  }
  paint.stroke()
  return paint.createPattern(tile, 'repeat')!
}
