import type uPlot from 'uplot'
import { durationTicks, logTicks, niceStep } from '../format/ticks'
import { inUnit, unitOf } from '../format/duration'
import { significant } from '../format/number'
import { unzoom, zoom } from '../state/location'
import { clock } from '../state/time'
import { resolveColour } from '../state/theme'

/** Where a step starts, and where the last of them ends, in seconds: bars need both edges. */
export function edges(times: readonly string[], stepNs: number, range: { to: string }): number[] {
  const starts = times.map((time) => Date.parse(time) / 1000)
  const last = starts.at(-1)
  return last === undefined
    ? []
    : [...starts, Math.max(last, Math.min(last + stepNs / 1e9, Date.parse(range.to) / 1000))]
}

/** A value between two gaps makes no line; it is drawn as a point. */
export function isolated(values: ArrayLike<number | null | undefined>): number[] {
  return Array.from(values, (value, i) =>
    value != null && values[i - 1] == null && values[i + 1] == null ? i : -1,
  ).filter((i) => i >= 0)
}

/** All charts of a page share one cursor. */
export const CURSOR = 'phaseline'

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif'
const AXIS_WIDTH = 64

function look(): Pick<uPlot.Axis, 'font' | 'stroke' | 'grid' | 'ticks'> {
  const line = resolveColour('line')
  return {
    font: FONT,
    stroke: resolveColour('ink-2'),
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1, size: 4 },
  }
}

/** Local time, as fine as the ticks need. */
export function timeAxis(): uPlot.Axis {
  return {
    ...look(),
    space: 72,
    size: 24,
    gap: 2,
    values: (_, splits) => {
      const step = splits.length > 1 ? splits[1]! - splits[0]! : 60
      return splits.map((seconds, i) => {
        const ms = seconds * 1000
        const date = new Date(ms)
        const day = `${date.getMonth() + 1}-${String(date.getDate()).padStart(2, '0')}`
        if (step >= 86400) return day
        const newDay = i > 0 && new Date(splits[i - 1]! * 1000).getDate() !== date.getDate()
        return newDay ? day : clock(ms, step < 60)
      })
    },
  }
}

/** Durations from 0, in one unit for all ticks. */
export function durationAxis(): uPlot.Axis {
  return {
    ...look(),
    size: AXIS_WIDTH,
    splits: (_, __, ___, max) => durationTicks(max, 4).map((tick) => tick.ns),
    values: (_, splits) => {
      const max = splits[splits.length - 1] ?? 0
      const unit = unitOf(max)
      return splits.map((ns) => (ns === 0 ? '0' : `${inUnit(ns, unit)} ${unit.name}`))
    },
  }
}

/** Durations on a logarithmic scale, with ticks at round values. */
export function logDurationAxis(): uPlot.Axis {
  return {
    ...look(),
    size: AXIS_WIDTH,
    splits: (_, __, min, max) => logTicks(min, max),
    // By default some splits of a logarithmic axis lose their labels.
    filter: (_, splits) => splits,
    values: (_, splits) => splits.map((ns) => `${inUnit(ns, unitOf(ns))} ${unitOf(ns).name}`),
  }
}

/** Counts from 0. */
export function countAxis(): uPlot.Axis {
  return {
    ...look(),
    size: AXIS_WIDTH,
    splits: (_, __, ___, max) => {
      const step = Math.max(1, niceStep(max / 2))
      return Array.from({ length: Math.floor(max / step) + 1 }, (_unused, i) => i * step)
    },
    values: (_, splits) => splits.map(significant),
  }
}

/** From 0 to a round end above the largest value. */
export function durationScale(): uPlot.Scale {
  return { range: (_, __, max) => [0, durationTicks(max > 0 ? max : 1e6, 4).at(-1)!.ns] }
}

/** Exactly the range asked for, so that charts beneath one another line up. */
export function timeScale(range: { from: string; to: string }): uPlot.Scale {
  const ends: [number, number] = [Date.parse(range.from) / 1000, Date.parse(range.to) / 1000]
  return { time: true, range: () => ends }
}

/** The index that a legend speaks of: the cursor's, or the newest with data. */
export function spokenIndex(index: number | null, has: (i: number) => boolean, length: number): number {
  if (index !== null && index < length) return index
  for (let i = length - 1; i >= 0; i--) if (has(i)) return i
  return length - 1
}

/** A shared cursor, drag to zoom, double-click to go back. */
export function cursor(): uPlot.Cursor {
  return {
    sync: { key: CURSOR },
    drag: { x: true, y: false, setScale: false },
    points: { size: 6 },
    // A step goes on until the next one starts, however near that is.
    dataIdx: (chart, _, closest, x) => (closest > 0 && chart.data[0][closest]! > x ? closest - 1 : closest),
    bind: {
      dblclick: () => () => {
        unzoom()
        return null
      },
    },
  }
}

/** The index of the step that the cursor is in; null without a cursor. */
export function stepUnder({ cursor: { idx, idxs } }: uPlot): number | null {
  return idx == null ? null : (idxs?.[0] ?? null)
}

/** Turns a finished drag into a new time range. */
export function zoomOnSelect(chart: uPlot): void {
  const { left, width } = chart.select
  if (width < 4) return
  zoom(chart.posToVal(left, 'x') * 1000, chart.posToVal(left + width, 'x') * 1000)
  chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
}
