import { useAnswer } from '../api/useAnswer'
import { duration } from '../format/duration'
import { count, signed } from '../format/number'
import { changes, type Change } from '../phase/change'
import { METRIC_NAMES, partClass, partName, type Metric } from '../phase/parts'
import { groupFilters } from '../state/filters'
import { moveInList } from '../state/keys'
import { go, href, rangeOf, update, useView } from '../state/location'
import { before } from '../state/time'
import { Delta } from './Delta'
import { GroupPicker } from './GroupPicker'
import { Waiting } from './Notice'
import { QuantileCell } from './QuantileCell'

const Q = 0.95
const MOST = 10
const DEFAULT_GROUP = ['service', 'model']

/** Groups ranked by how surely and how much their p95 moved against the time just before. */
export function Changes({ metric }: { metric: Metric }) {
  const view = useView()
  const range = rangeOf(view.params)
  const past = before(range, Date.now())
  const groupBy = view.params.has('group_by') ? view.params.getAll('group_by').filter(Boolean) : DEFAULT_GROUP
  const query = { filter: view.params.getAll('filter'), group_by: groupBy, metric: [metric], quantiles: [Q] }
  const now = useAnswer({ path: '/breakdown', query: { ...range, ...query } }).answer
  const then = useAnswer({ path: '/breakdown', query: { ...past, ...query } }).answer
  const ranked = now && then ? changes(metric, Q, now.groups, then.groups).slice(0, MOST) : null
  return (
    <section class="panel flush">
      <div class="panel-head">
        <h2>What changed most: p95 {METRIC_NAMES[metric]}</h2>
        <GroupPicker
          value={groupBy}
          onChange={(next) => update({ group_by: next.length ? next : [''] }, { replace: true })}
        />
      </div>
      {!ranked && <Waiting />}
      <div class="table-wrap bare" data-hold hidden={!ranked}>
        <table class="grid" onKeyDown={moveInList}>
          <caption class="hidden">Groups by change of p95 {METRIC_NAMES[metric]} against the time just before</caption>
          <thead>
            <tr>
              {groupBy.map((dimension) => (
                <th key={dimension} scope="col">
                  {dimension}
                </th>
              ))}
              <th scope="col" class="number">
                before
              </th>
              <th scope="col" class="number">
                now
              </th>
              <th scope="col" class="number">
                change
              </th>
              <th scope="col">mean moved most in</th>
              <th scope="col" class="number">
                n
              </th>
              <th scope="col">
                <span class="hidden">Compare</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {ranked?.map((change) => (
              <Row
                key={JSON.stringify(change.labels)}
                change={change}
                windows={{ a_from: past.from, a_to: past.to, b_from: range.from, b_to: range.to }}
              />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Row({ change, windows }: { change: Change; windows: Record<string, string> }) {
  const view = useView()
  const filter = groupFilters(view.params.getAll('filter'), change.labels)
  const compare = href('/compare', view, { ...windows, filter })
  return (
    <tr
      data-row
      tabIndex={0}
      class="clickable"
      onClick={(event) => {
        if (!(event.target as Element).closest('a')) go(compare)
      }}
      onKeyDown={(event) => event.key === 'Enter' && event.target === event.currentTarget && go(compare)}
    >
      {change.labels.map((label) => (
        <th key={label.dimension} scope="row" class="group" title={label.value}>
          {label.value || <span class="unknown">not set</span>}
        </th>
      ))}
      <QuantileCell cell={change.before} total={change.n.before} />
      <QuantileCell cell={change.now} total={change.n.now} />
      <td class="number">
        {change.n.before === 0 ? (
          'new'
        ) : change.n.now === 0 ? (
          'gone'
        ) : (
          <Delta now={change.now} before={change.before} />
        )}
      </td>
      <td class="nowrap">
        {change.owner && (
          <>
            <i
              class={`swatch segment ${partClass(change.owner.part)} ${partClass(change.owner.part) === 'unattributed' ? '' : 'measured'}`}
            />{' '}
            {partName(change.owner.part)} {signed(change.owner.ns, duration)}
          </>
        )}
      </td>
      <td class="number">{count(change.n.now)}</td>
      <td class="number">
        <a href={compare}>Compare</a>
      </td>
    </tr>
  )
}
