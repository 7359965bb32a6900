import type { Schemas } from '../api/client'
import { METRICS, type Metric } from './parts'

export type Group = Schemas['BreakdownGroup']
export type Quantile = Schemas['Quantile']
export type Label = Schemas['Label']

/** What one cell of a percentile table has to say. */
export interface Cell {
  value: number | null
  low: number | null
  high: number | null
  /** Requests that have the metric. */
  n: number
  /** Of how many independent requests they are worth; null if that cannot be measured. */
  effective: number | null
  /** How many independent requests an interval needs. */
  required: number
}

export function cell(group: Group, metric: Metric, q: number | 'mean'): Cell {
  const distribution = group.metrics.find((candidate) => candidate.metric === metric)
  const n = distribution?.n ?? 0
  if (q === 'mean') return { value: distribution?.mean_ns ?? null, low: null, high: null, n, effective: n, required: 1 }
  const quantile = distribution?.quantiles.find((candidate) => Math.abs(candidate.q - q) < 1e-9)
  return quantileCell(quantile, n)
}

export function quantileCell(quantile: Quantile | undefined, n: number): Cell {
  return {
    value: quantile?.value_ns ?? null,
    low: quantile?.low_ns ?? null,
    high: quantile?.high_ns ?? null,
    n,
    effective: quantile?.n_effective ?? null,
    required: quantile?.n_required ?? 1,
  }
}

/** Too few requests to show the value at all, however independent they are. */
export function tooSmall(cell: Cell): boolean {
  return cell.value !== null && cell.n < cell.required
}

export function groupKey(labels: readonly Label[]): string {
  return JSON.stringify(labels.map((label) => label.value))
}

/** How a table is ordered: a count, or a metric at a quantile or its mean. */
export interface Order {
  field: 'n' | 'errors' | Metric
  q: number | 'mean'
  descending: boolean
}

/** Reads -n, errors, -queue.p95 or total.mean; anything else is -n. */
export function parseOrder(text: string): Order {
  const match = /^(-?)([a-z]+)(?:\.(mean|p\d+(?:\.\d+)?))?$/.exec(text)
  const field = match?.[2] as Order['field'] | undefined
  if (!match || !(field === 'n' || field === 'errors' || METRICS.includes(field as Metric))) {
    return { field: 'n', q: 'mean', descending: true }
  }
  const at = match[3]
  return {
    field: field!,
    q: at === undefined || at === 'mean' ? 'mean' : Number(at.slice(1)) / 100,
    descending: match[1] === '-',
  }
}

export function formatOrder({ field, q, descending }: Order): string {
  const at = field === 'n' || field === 'errors' ? '' : q === 'mean' ? '.mean' : `.p${Number((q * 100).toPrecision(6))}`
  return (descending ? '-' : '') + field + at
}

/** The groups in order; unknown values come last either way. */
export function ordered(groups: readonly Group[], order: Order): Group[] {
  const value = (group: Group): number | null => {
    if (order.field === 'n') return group.counts.n
    if (order.field === 'errors') return group.error_rate ?? null
    return cell(group, order.field, order.q).value
  }
  return [...groups].sort((a, b) => {
    const [x, y] = [value(a), value(b)]
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1
    return order.descending ? y - x : x - y
  })
}
