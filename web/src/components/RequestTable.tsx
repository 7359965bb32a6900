import type { Schemas } from '../api/client'
import { duration, exactDuration } from '../format/duration'
import { count } from '../format/number'
import { requestSegments } from '../phase/segments'
import { moveInList } from '../state/keys'
import { go, href, useView } from '../state/location'
import { dateTime, exactTime } from '../state/time'
import { PhaseBar } from './PhaseBar'

export type Request = Schemas['Request']

interface Props {
  requests: Request[]
  /** end, start or a metric; a leading - is descending. */
  sort: string
  onSort?: (sort: string) => void
}

const columns = [
  { field: 'ttft', name: 'TTFT' },
  { field: 'queue', name: 'Queue' },
  { field: 'prefill', name: 'Prefill' },
  { field: 'tpot', name: 'TPOT' },
  { field: 'total', name: 'Total' },
] as const

/** Single requests, one a row, each a link to its page. */
export function RequestTable({ requests, sort, onSort }: Props) {
  const view = useView()
  const scale = Math.max(...requests.map((request) => request.total_ns))
  const now = Date.now()
  return (
    <div class="table-wrap" data-hold>
      <table class="grid" onKeyDown={moveInList}>
        <caption class="hidden">Requests</caption>
        <thead>
          <tr>
            <Header field="end" name="ended" sort={sort} onSort={onSort} />
            <th scope="col">service</th>
            <th scope="col" class="wide-only">
              model
            </th>
            <th scope="col" class="wide-only">
              outcome
            </th>
            <th scope="col" class="bar-column">
              phases
            </th>
            {columns.map((column) => (
              <Header key={column.field} {...column} sort={sort} onSort={onSort} number />
            ))}
            <th scope="col" class="number" title="Input and output tokens">
              tokens
            </th>
          </tr>
        </thead>
        <tbody>
          {requests.map((request) => {
            const target = href(`/requests/${request.trace_id}/${request.span_id}`, view)
            const end = Date.parse(request.end)
            return (
              <tr
                key={request.span_id}
                data-row
                tabIndex={0}
                class="clickable"
                onClick={(event) => {
                  if (!(event.target as Element).closest('a')) go(target)
                }}
                onKeyDown={(event) => event.key === 'Enter' && event.target === event.currentTarget && go(target)}
              >
                <td class="nowrap" title={exactTime(end)}>
                  <a href={target}>{dateTime(end, now, true)}</a>
                </td>
                <td class="group" title={request.service}>
                  {request.service || <span class="unknown">not set</span>}
                </td>
                <td class="group wide-only" title={request.model}>
                  {request.model || <span class="unknown">unknown</span>}
                </td>
                <td
                  class={`nowrap wide-only ${request.outcome === 'error' ? 'attention' : request.outcome === 'ok' ? 'quiet' : ''}`}
                  title={request.error_type}
                >
                  {request.outcome.replace('_', ' ')}
                </td>
                <td class="bar-column">
                  <PhaseBar segments={requestSegments(request)} scale={scale} label="Total" />
                </td>
                {columns.map(({ field }) => (
                  <td key={field} class="number" title={exactDuration(request[`${field}_ns`])}>
                    {request[`${field}_ns`] == null ? <span class="unknown">–</span> : duration(request[`${field}_ns`])}
                  </td>
                ))}
                <td class="number" title="input → output">
                  {request.input_tokens == null && request.output_tokens == null ? (
                    <span class="unknown">–</span>
                  ) : (
                    `${count(request.input_tokens)} → ${count(request.output_tokens)}`
                  )}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

interface HeaderProps {
  field: string
  name: string
  sort: string
  onSort: Props['onSort']
  number?: boolean
}

function Header({ field, name, sort, onSort, number = false }: HeaderProps) {
  const sorted = sort.replace(/^-/, '') === field
  const descending = sort.startsWith('-')
  return (
    <th
      scope="col"
      class={number ? 'number' : ''}
      aria-sort={sorted ? (descending ? 'descending' : 'ascending') : undefined}
    >
      {onSort ? (
        <button type="button" class="sort" onClick={() => onSort(sorted && descending ? field : `-${field}`)}>
          {name}
          <span aria-hidden="true">{sorted ? (descending ? ' ↓' : ' ↑') : ''}</span>
        </button>
      ) : (
        name
      )}
    </th>
  )
}
