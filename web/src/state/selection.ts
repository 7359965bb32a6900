import { duration } from '../format/duration'
import type { Changes } from './location'
import { dateTime } from './time'

/** A rectangle of the heatmap, in the API's own parameters. */
export const SELECTION = ['select_from', 'select_to', 'select_low_ns', 'select_high_ns'] as const

export interface Selection {
  select_from?: string
  select_to?: string
  select_low_ns?: number
  select_high_ns?: number
}

export function selectionOf(params: URLSearchParams): Selection | null {
  const selection: Selection = {}
  const from = params.get('select_from')
  const to = params.get('select_to')
  if (from) selection.select_from = from
  if (to) selection.select_to = to
  for (const edge of ['select_low_ns', 'select_high_ns'] as const) {
    const text = params.get(edge)
    if (text !== null && /^\d{1,18}$/.test(text)) selection[edge] = Number(text)
  }
  return Object.keys(selection).length > 0 ? selection : null
}

/** Parameters of the Requests page for the requests at and above a percentile, the nearest to it first. */
export function fromQuantile(metric: string, valueNs: number, filter?: string[]): Changes {
  return { metric, select_low_ns: String(Math.max(0, valueNs - 1)), sort: metric, ...(filter ? { filter } : {}) }
}

/** Parameters that drop the selection. */
export function withoutSelection(): Record<string, null> {
  return Object.fromEntries(SELECTION.map((name) => [name, null]))
}

export function describeSelection(selection: Selection, metric: string): string {
  const parts: string[] = []
  const { select_from: from, select_to: to, select_low_ns: low, select_high_ns: high } = selection
  if (from && to) parts.push(`${dateTime(Date.parse(from))} – ${dateTime(Date.parse(to), Date.parse(from))}`)
  if (low !== undefined && high !== undefined) parts.push(`${metric} ${duration(low)} to ${duration(high)}`)
  else if (low !== undefined) parts.push(`${metric} above ${duration(low)}`)
  else if (high !== undefined) parts.push(`${metric} up to ${duration(high)}`)
  return parts.join(', ')
}
