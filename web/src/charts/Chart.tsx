import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { useSignal } from '../state/signal'
import { palette } from '../state/theme'

export interface ChartProps {
  /** Names the chart for those who cannot see it; its numbers are in a table beside it. */
  label: string
  /** Without size; the chart fills its container's width. */
  options: (root: HTMLElement) => Omit<uPlot.Options, 'width' | 'height'>
  data: uPlot.AlignedData
  height: number
  /** The chart is built anew when this changes; new data alone only redraws it. */
  shape: string
}

/** A uPlot chart that follows its container's width and the theme. */
export function Chart({ label, options, data, height, shape }: ChartProps) {
  const root = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const colours = useSignal(palette)
  const latest = useRef(data)
  latest.current = data

  useLayoutEffect(() => {
    const element = root.current!
    const chart = new uPlot({ ...options(element), width: element.clientWidth, height }, latest.current, element)
    plot.current = chart
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      chart.destroy()
      plot.current = null
    }
  }, [shape, colours, height])

  useEffect(() => plot.current?.setData(data), [data])

  return <div class="chart" ref={root} role="img" aria-label={label} data-hold />
}
