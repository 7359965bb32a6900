import { Fragment } from 'preact'
import { useState } from 'preact/hooks'
import { count, exactCount, percent, requests } from '../format/number'
import { cell, groupKey, ordered, type Group, type Label, type Order } from '../phase/breakdown'
import { METRIC_MEANINGS, METRIC_NAMES, METRICS, quantileName, QUANTILES, type Metric } from '../phase/parts'
import { meanSegments, sum } from '../phase/segments'
import { formatFilter, groupFilters } from '../state/filters'
import { moveInList } from '../state/keys'
import { go, href, update, useView } from '../state/location'
import { fromQuantile } from '../state/selection'
import { PhaseBar } from './PhaseBar'
import { QuantileCell } from './QuantileCell'

export interface Column {
  metric: Metric
  q: number | 'mean'
  name: string
}

interface Props {
  groups: Group[]
  /** What the bars are the mean of. */
  bars: Whole
  columns: Column[]
  order: Order
  onOrder: (order: Order) => void
}

/** A duration that can be taken apart. */
export type Whole = 'total' | 'ttft'

const segments = (group: Group, bars: Whole) =>
  meanSegments(bars, bars === 'ttft' ? group.ttft_parts : group.total_parts)

/** The table of groups. A click filters by the group, a shift-click compares it with the rest. */
export function BreakdownTable({ groups, bars, columns, order, onOrder }: Props) {
  const [open, setOpen] = useState<string | null>(null)
  const dimensions = groups[0]!.labels.map((label) => label.dimension)
  const scale = Math.max(...groups.map((group) => sum(segments(group, bars))))
  return (
    <div class="table-wrap" data-hold>
      <table class="grid" onKeyDown={moveInList}>
        <caption class="hidden">
          Requests{dimensions.length ? ` by ${dimensions.join(', ')}` : ''}: counts, errors and durations
        </caption>
        <thead>
          <tr>
            {dimensions.map((dimension, index) => (
              <th key={dimension} scope="col" class={index === 0 ? 'stick' : ''}>
                {dimension}
              </th>
            ))}
            <th scope="col" class="bar-column">
              mean {METRIC_NAMES[bars]}
            </th>
            <SortHeader name="n" title="Requests" column={{ field: 'n', q: 'mean' }} order={order} onOrder={onOrder} />
            <SortHeader
              name="errors"
              title="Share of requests that failed"
              column={{ field: 'errors', q: 'mean' }}
              order={order}
              onOrder={onOrder}
            />
            {columns.map((column) => (
              <SortHeader
                key={column.name}
                name={column.name}
                title={METRIC_MEANINGS[column.metric]}
                column={{ field: column.metric, q: column.q }}
                order={order}
                onOrder={onOrder}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {ordered(groups, order).map((group) => {
            const key = groupKey(group.labels)
            return (
              <Fragment key={key}>
                <Row
                  group={group}
                  bars={bars}
                  columns={columns}
                  scale={scale}
                  open={open === key}
                  onOpen={(next) => setOpen(next ? key : null)}
                />
                {open === key && (
                  <tr class="expanded">
                    <td colSpan={dimensions.length + 3 + columns.length}>
                      <EveryPercentile group={group} />
                    </td>
                  </tr>
                )}
              </Fragment>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

interface RowProps {
  group: Group
  bars: Whole
  columns: Column[]
  scale: number
  open: boolean
  onOpen: (open: boolean) => void
}

function Row({ group, bars, columns, scale, open, onOpen }: RowProps) {
  const view = useView()
  const filters = view.params.getAll('filter')
  const { labels, counts } = group
  const pick = (event: MouseEvent | KeyboardEvent) => {
    if (labels.length === 0) return
    if (event.shiftKey) go(href('/compare', view, compareWithRest(labels)))
    else update({ filter: groupFilters(filters, labels) })
  }
  const expander = (
    <button
      type="button"
      class="expander"
      aria-expanded={open}
      aria-label="Every percentile of every phase"
      onClick={() => onOpen(!open)}
    >
      {open ? '▾' : '▸'}
    </button>
  )
  return (
    <tr
      data-row
      tabIndex={0}
      class={labels.length ? 'clickable' : ''}
      title={labels.length ? 'Click to filter, shift-click to compare with the rest' : undefined}
      onClick={(event) => {
        if (!(event.target as Element).closest('a, button')) pick(event)
      }}
      onKeyDown={(event) => {
        if (event.target !== event.currentTarget) return
        if (event.key === 'Enter') pick(event)
        if (event.key === 'ArrowRight') onOpen(true)
        if (event.key === 'ArrowLeft') onOpen(false)
      }}
    >
      {labels.map((label, index) => (
        <th key={label.dimension} scope="row" class={index === 0 ? 'group stick' : 'group'} title={label.value}>
          {index === 0 && expander}
          {label.value || <span class="unknown">not set</span>}
        </th>
      ))}
      <td class="bar-column">
        {labels.length === 0 && expander}
        <PhaseBar
          segments={segments(group, bars)}
          scale={scale}
          label={`Mean ${METRIC_NAMES[bars]} of ${labels.map((label) => label.value).join(', ') || 'all requests'}`}
        />
      </td>
      <td class="number">
        <a
          href={href('/requests', view, { filter: groupFilters(filters, labels) })}
          title={`See ${counts.n === 1 ? 'this' : 'these'} ${requests(counts.n, exactCount)}`}
        >
          {count(counts.n)}
        </a>
      </td>
      <td
        class="number"
        title={`${exactCount(counts.errors)} failed, ${exactCount(counts.cancelled)} cancelled, ${exactCount(counts.cache_hits)} from a cache`}
      >
        {percent(group.error_rate)}
      </td>
      {columns.map((column) => (
        <FollowedCell key={column.name} group={group} metric={column.metric} q={column.q} />
      ))}
    </tr>
  )
}

/** A percentile that leads to the group's requests from there on. */
function FollowedCell({ group, metric, q }: { group: Group; metric: Metric; q: number | 'mean' }) {
  const view = useView()
  const shown = cell(group, metric, q)
  const filter = groupFilters(view.params.getAll('filter'), group.labels)
  const target =
    shown.value === null || q === 'mean'
      ? undefined
      : href('/requests', view, fromQuantile(metric, shown.value, filter))
  return <QuantileCell cell={shown} total={group.counted} href={target} />
}

/** The group against every request with another value of its first dimension. */
function compareWithRest(labels: readonly Label[]) {
  return {
    a: formatFilter({ ...labels[0]!, operator: '!=' }),
    b: labels.map((label) => formatFilter({ ...label, operator: '=' })),
  }
}

function EveryPercentile({ group }: { group: Group }) {
  return (
    <table class="grid inner">
      <thead>
        <tr>
          <th scope="col">metric</th>
          <th scope="col" class="number">
            known for
          </th>
          <th scope="col" class="number">
            mean
          </th>
          {QUANTILES.map((q) => (
            <th key={q} scope="col" class="number">
              {quantileName(q)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {METRICS.map((metric) => {
          const mean = cell(group, metric, 'mean')
          return (
            <tr key={metric}>
              <th scope="row" title={METRIC_MEANINGS[metric]}>
                {METRIC_NAMES[metric]}
              </th>
              <td class="number" title={exactCount(mean.n)}>
                {percent(group.counted ? mean.n / group.counted : null)}
              </td>
              <QuantileCell cell={mean} total={group.counted} />
              {QUANTILES.map((q) => (
                <FollowedCell key={q} group={group} metric={metric} q={q} />
              ))}
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

interface SortHeaderProps {
  name: string
  title: string
  column: Pick<Order, 'field' | 'q'>
  order: Order
  onOrder: (order: Order) => void
}

function SortHeader({ name, title, column, order, onOrder }: SortHeaderProps) {
  const sorted = order.field === column.field && order.q === column.q
  return (
    <th
      scope="col"
      class="number"
      aria-sort={sorted ? (order.descending ? 'descending' : 'ascending') : undefined}
      title={title}
    >
      <button
        type="button"
        class="sort"
        onClick={() => onOrder({ ...column, descending: sorted ? !order.descending : true })}
      >
        {name}
        <span aria-hidden="true">{sorted ? (order.descending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  )
}
