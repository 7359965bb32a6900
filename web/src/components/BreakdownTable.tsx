import { Fragment } from 'preact'
import { useState } from 'preact/hooks'
import type { Columns } from '../pages/Breakdown'
import { count, exactCount, percent } from '../format/number'
import { cell, groupLabels, groupValues, meanTotal, type Row } from '../phase/breakdown'
import { METRIC_MEANINGS, METRIC_NAMES, METRICS, quantileName, type Metric } from '../phase/parts'
import { sum } from '../phase/segments'
import { groupFilters, formatFilter } from '../state/filters'
import { moveInList } from '../state/keys'
import { go, href, update, useView } from '../state/location'
import { PhaseBar } from './PhaseBar'
import { QuantileCell } from './QuantileCell'

const QS = [0.5, 0.9, 0.95, 0.99]

interface Props {
  rows: Row[]
  groupBy: string[]
  columns: Columns
  sort: string
  /** The metric that `sort` orders by. */
  metric: Metric
}

/** The table of groups. A click filters by the group, a shift-click compares it with all the rest. */
export function BreakdownTable({ rows, groupBy, columns, sort, metric }: Props) {
  const view = useView()
  const filters = view.params.getAll('filter')
  const [open, setOpen] = useState<string | null>(null)
  const scale = Math.max(...rows.map((row) => sum(meanTotal(row))))
  const all = columns.metric === 'all'
  const q = columns.q === 0 ? 'mean' : columns.q
  const data: { metric: Metric; q: number | 'mean' }[] = all
    ? METRICS.map((name) => ({ metric: name, q }))
    : [
        { metric: columns.metric as Metric, q: 'mean' },
        ...QS.map((value) => ({ metric: columns.metric as Metric, q: value })),
      ]

  const pick = (row: Row, event: MouseEvent | KeyboardEvent) => {
    const labels = groupLabels(row.group, groupBy)
    if (labels.length === 0) return
    if (event.shiftKey) {
      go(
        href('/compare', view, {
          b: labels.map((label) => formatFilter({ ...label, operator: '=' })),
          a: labels.slice(0, 1).map((label) => formatFilter({ ...label, operator: '!=' })),
        }),
      )
    } else update({ filter: groupFilters(filters, labels), cursor: null })
  }

  return (
    <div class="table-wrap" data-hold>
      <table class="grid" onKeyDown={moveInList}>
        <caption class="hidden">Requests by {groupBy.join(', ') || 'nothing'}: counts, errors and durations</caption>
        <thead>
          <tr>
            {groupBy.map((dimension, index) => (
              <th key={dimension} scope="col" class={index === 0 ? 'stick' : ''}>
                {dimension}
              </th>
            ))}
            <th scope="col" class="bar-column">
              mean total
            </th>
            <SortHeader field="n" sort={sort} name="n" />
            <SortHeader field="error_rate" sort={sort} name="errors" />
            {data.map((column) => (
              <SortHeader
                key={column.metric + column.q}
                field={column.q === 'mean' ? 'mean' : quantileName(column.q)}
                metric={column.metric}
                active={metric === column.metric}
                sort={sort}
                name={all ? METRIC_NAMES[column.metric] : column.q === 'mean' ? 'mean' : quantileName(column.q)}
                title={METRIC_MEANINGS[column.metric]}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const key = JSON.stringify(row.group)
            const values = groupValues(row.group, groupBy)
            const labels = groupLabels(row.group, groupBy)
            return (
              <Fragment key={key}>
                <tr
                  data-row
                  tabIndex={0}
                  class={labels.length ? 'clickable' : ''}
                  title={labels.length ? 'Click to filter, shift-click to compare with the rest' : undefined}
                  onClick={(event) => !interactive(event.target) && pick(row, event)}
                  onKeyDown={(event) => {
                    if (event.target !== event.currentTarget) return
                    if (event.key === 'Enter') pick(row, event)
                    if (event.key === 'ArrowRight') setOpen(key)
                    if (event.key === 'ArrowLeft') setOpen(null)
                  }}
                >
                  {values.map((value, index) => (
                    <th key={index} scope="row" class={index === 0 ? 'group stick' : 'group'}>
                      {index === 0 && (
                        <Expander open={open === key} onToggle={() => setOpen(open === key ? null : key)} />
                      )}
                      {value ?? <span class="unknown">not set</span>}
                    </th>
                  ))}
                  <td class="bar-column">
                    {groupBy.length === 0 && (
                      <Expander open={open === key} onToggle={() => setOpen(open === key ? null : key)} />
                    )}
                    <PhaseBar
                      segments={meanTotal(row)}
                      scale={scale}
                      label={`Mean total of ${values.join(', ') || 'all'}`}
                    />
                  </td>
                  <td class="number">
                    <a
                      href={href('/requests', view, { filter: groupFilters(filters, labels) })}
                      title={`${exactCount(row.n)} requests: see them`}
                    >
                      {count(row.n)}
                    </a>
                  </td>
                  <td
                    class={row.outcomes.error > 0 ? 'number attention' : 'number'}
                    title={`${exactCount(row.outcomes.error)} errors, ${exactCount(row.outcomes.cancelled)} cancelled, ${exactCount(row.outcomes.cache_hit)} cache hits`}
                  >
                    {row.outcomes.error === 0 ? '0 %' : percent(row.error_rate)}
                  </td>
                  {data.map((column) => (
                    <QuantileCell
                      key={column.metric + column.q}
                      cell={cell(row, column.metric, column.q)}
                      total={row.total.known}
                    />
                  ))}
                </tr>
                {open === key && (
                  <tr class="expanded">
                    <td colSpan={groupBy.length + 3 + data.length}>
                      <Everything row={row} />
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

function interactive(target: EventTarget | null): boolean {
  return (target as Element).closest('a, button') !== null
}

function Expander({ open, onToggle }: { open: boolean; onToggle: () => void }) {
  return (
    <button
      type="button"
      class="expander"
      aria-expanded={open}
      aria-label="Every percentile of every phase"
      onClick={onToggle}
    >
      {open ? '▾' : '▸'}
    </button>
  )
}

/** Every percentile of every metric of one group. */
function Everything({ row }: { row: Row }) {
  return (
    <table class="grid inner">
      <thead>
        <tr>
          <th scope="col">Metric</th>
          <th scope="col" class="number">
            known for
          </th>
          <th scope="col" class="number">
            mean
          </th>
          {QS.map((q) => (
            <th key={q} scope="col" class="number">
              {quantileName(q)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {METRICS.map((metric) => (
          <tr key={metric}>
            <th scope="row" title={METRIC_MEANINGS[metric]}>
              {METRIC_NAMES[metric]}
            </th>
            <td class="number" title={exactCount(row[metric].known)}>
              {row.total.known ? percent(row[metric].known / row.total.known) : '–'}
            </td>
            <QuantileCell cell={cell(row, metric, 'mean')} total={row.total.known} />
            {QS.map((q) => (
              <QuantileCell key={q} cell={cell(row, metric, q)} total={row.total.known} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function SortHeader(props: {
  field: string
  name: string
  sort: string
  metric?: Metric
  active?: boolean
  title?: string
}) {
  const sorted = props.sort.replace(/^-/, '') === props.field && props.active !== false
  const descending = props.sort.startsWith('-')
  const next = sorted && descending ? props.field : '-' + props.field
  return (
    <th
      scope="col"
      class="number"
      aria-sort={sorted ? (descending ? 'descending' : 'ascending') : undefined}
      title={props.title}
    >
      <button
        type="button"
        class="sort"
        onClick={() =>
          update(
            { sort: next === '-n' ? null : next, cursor: null, ...(props.metric ? { metric: props.metric } : {}) },
            { replace: true },
          )
        }
      >
        {props.name}
        <span aria-hidden="true">{sorted ? (descending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  )
}
