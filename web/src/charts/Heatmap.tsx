import { useMemo, useRef, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import { duration } from '../format/duration'
import { requests } from '../format/number'
import { mergeRows, shade, type HeatmapAnswer, type Rows } from '../phase/heat'
import { METRIC_NAMES } from '../phase/parts'
import { resolveColour } from '../state/theme'
import { dateTime, toRFC3339 } from '../state/time'
import type { Selection } from '../state/selection'
import { logDurationAxis, timeAxis, timeScale } from './axes'
import { Chart } from './Chart'

const MOST_ROWS = 72
const HEIGHT = 320
/** Smaller drags are slips of the hand. */
const LEAST_PIXELS = 4

interface Props {
  answer: HeatmapAnswer
  selection: Selection | null
  onSelect: (selection: Selection | null) => void
}

/** Requests by time and duration; dragging a rectangle asks what is different about it. */
export function Heatmap({ answer, selection, onSelect }: Props) {
  const rows = useMemo(() => mergeRows(answer, MOST_ROWS), [answer])
  const [under, setUnder] = useState('')
  // The chart outlives an answer; what it paints is read at the time of painting.
  const painted = useRef({ answer, rows, selection })
  painted.current = { answer, rows, selection }
  const [low, high] = [Math.max(1, rows.edges[0] ?? 1), Math.max(2, rows.edges[rows.edges.length - 1] ?? 2)]
  const times = useMemo(() => answer.times.map((time) => Date.parse(time) / 1000), [answer])
  const data = useMemo<uPlot.AlignedData>(() => [times, times.map(() => low)], [times, low])

  const options = (): Omit<uPlot.Options, 'width' | 'height'> => ({
    legend: { show: false },
    scales: { x: timeScale(answer.range), y: { distr: 3, log: 2, range: () => [low, high] } },
    axes: [timeAxis(), logDurationAxis()],
    series: [{}, { show: true, stroke: 'transparent', points: { show: false }, paths: () => null }],
    cursor: {
      drag: { x: true, y: true, setScale: false },
      points: { show: false },
      bind: {
        dblclick: () => () => {
          onSelect(null)
          return null
        },
      },
    },
    hooks: {
      draw: [(chart) => paint(chart, painted.current)],
      setCursor: [(chart) => setUnder(describeCell(chart, painted.current))],
      setSelect: [
        (chart) => {
          const { left, top, width, height } = chart.select
          if (width < LEAST_PIXELS || height < LEAST_PIXELS) return
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          onSelect({
            select_from: second(chart.posToVal(left, 'x')),
            select_to: second(chart.posToVal(left + width, 'x')),
            select_low_ns: Math.max(0, Math.floor(chart.posToVal(top + height, 'y'))),
            select_high_ns: Math.ceil(chart.posToVal(top, 'y')),
          })
        },
      ],
    },
  })

  return (
    <div class="heatmap">
      <Chart
        label={`${METRIC_NAMES[answer.metric]} of ${requests(rows.total)} by time; the numbers follow as a table`}
        options={options}
        data={data}
        height={HEIGHT}
        shape={[answer.range.from, answer.range.to, low, high, JSON.stringify(selection)].join()}
      />
      <p class="below quiet">
        <span>{under || 'Drag a rectangle to ask what is different about it; double-click to clear it.'}</span>
        <span class="heat-key">
          1 <i /> {requests(rows.largest)}
        </span>
      </p>
      <Columns answer={answer} />
    </div>
  )
}

interface Painted {
  answer: HeatmapAnswer
  rows: Rows
  selection: Selection | null
}

function paint(chart: uPlot, { answer, rows, selection }: Painted): void {
  const paper = chart.ctx
  const { left, top, width, height } = chart.bbox
  paper.save()
  paper.beginPath()
  paper.rect(left, top, width, height)
  paper.clip()
  paper.fillStyle = resolveColour('ink')
  answer.times.forEach((time, i) => {
    const start = Date.parse(time) / 1000
    const x = chart.valToPos(start, 'x', true)
    const right = chart.valToPos(start + answer.step_ns / 1e9, 'x', true)
    rows.counts[i]?.forEach((n, j) => {
      if (n === 0) return
      const bottom = chart.valToPos(Math.max(1, rows.edges[j]!), 'y', true)
      const ceiling = chart.valToPos(rows.edges[j + 1]!, 'y', true)
      paper.globalAlpha = shade(n, rows.largest)
      paper.fillRect(
        Math.round(x),
        Math.round(ceiling),
        Math.max(1, Math.round(right) - Math.round(x)),
        Math.max(1, Math.round(bottom) - Math.round(ceiling)),
      )
    })
  })
  paper.globalAlpha = 1
  if (selection) outline(chart, selection)
  paper.restore()
}

function outline(chart: uPlot, selection: Selection): void {
  const paper = chart.ctx
  const { left, top, width, height } = chart.bbox
  const x = selection.select_from ? chart.valToPos(Date.parse(selection.select_from) / 1000, 'x', true) : left
  const right = selection.select_to ? chart.valToPos(Date.parse(selection.select_to) / 1000, 'x', true) : left + width
  const bottom = selection.select_low_ns ? chart.valToPos(selection.select_low_ns, 'y', true) : top + height
  const ceiling = selection.select_high_ns ? chart.valToPos(selection.select_high_ns, 'y', true) : top
  paper.strokeStyle = resolveColour('accent')
  paper.lineWidth = 2 * devicePixelRatio
  paper.strokeRect(x, ceiling, right - x, bottom - ceiling)
}

function describeCell(chart: uPlot, { answer, rows }: Painted): string {
  const { left, top } = chart.cursor
  if (left == null || top == null || left < 0 || top < 0) return ''
  const at = chart.posToVal(left, 'x')
  const i = answer.times.findIndex(
    (time) => at >= Date.parse(time) / 1000 && at < Date.parse(time) / 1000 + answer.step_ns / 1e9,
  )
  const ns = chart.posToVal(top, 'y')
  const j = rows.edges.findIndex((edge, index) => ns > edge && ns <= (rows.edges[index + 1] ?? 0))
  if (i < 0 || j < 0) return ''
  return `${dateTime(Date.parse(answer.times[i]!))}, ${duration(rows.edges[j])} to ${duration(rows.edges[j + 1])}: ${requests(rows.counts[i]![j]!)}`
}

const second = (seconds: number) => toRFC3339(Math.round(seconds) * 1000)

/** For screen readers: how many requests each column has, and where most of them lie. */
function Columns({ answer }: { answer: HeatmapAnswer }) {
  return (
    <div class="hidden">
      <table>
        <caption>Requests by time</caption>
        <tbody>
          {answer.times.map((time, i) => {
            const column = answer.counts[i] ?? []
            const most = column.indexOf(Math.max(0, ...column))
            const bucket = answer.buckets[most]
            const total = column.reduce((sum, n) => sum + n, 0)
            return (
              <tr key={time}>
                <th>{dateTime(Date.parse(time))}</th>
                <td>{requests(total)}</td>
                <td>
                  {total > 0 && bucket ? `most of them ${duration(bucket.low_ns)} to ${duration(bucket.high_ns)}` : ''}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
