import { useAnswer } from '../api/useAnswer'
import { duration } from '../format/duration'
import { exactCount, requests, signed } from '../format/number'
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
const MOST = 6
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
  const ranked = now && then ? changes(metric, Q, now.groups, then.groups).filter(known) : null
  return (
    <section class="panel flush changes">
      <div class="panel-head">
        <h2>What changed most</h2>
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
              <th scope="col">{groupBy.join(' · ') || 'all requests'}</th>
              <th scope="col" class="number">
                p95 {METRIC_NAMES[metric]}
              </th>
              <th scope="col" class="number">
                change
              </th>
              <th scope="col" title="The phase whose mean moved most in the direction of the change">
                mean moved
              </th>
            </tr>
          </thead>
          <tbody>
            {ranked?.slice(0, MOST).map((change) => (
              <Row
                key={JSON.stringify(change.labels)}
                change={change}
                windows={{ a_from: past.from, a_to: past.to, b_from: range.from, b_to: range.to }}
              />
            ))}
          </tbody>
        </table>
      </div>
      {ranked && ranked.length > MOST && (
        <p class="panel-text more">
          <a href={href('/breakdown', view, { group_by: groupBy })}>All {ranked.length} in Breakdown</a>
        </p>
      )}
    </section>
  )
}

/** A group that never has the metric says nothing about it. */
const known = ({ now, before }: Change) => now.value !== null || before.value !== null

function Row({ change, windows }: { change: Change; windows: Record<string, string> }) {
  const view = useView()
  const filter = groupFilters(view.params.getAll('filter'), change.labels)
  const compare = href('/compare', view, { ...windows, filter })
  const [first = 'all requests', ...others] = change.labels.map((label) => label.value || 'not set')
  return (
    <tr
      data-row
      tabIndex={0}
      class="clickable"
      title={`${requests(change.n.now, exactCount)}, ${exactCount(change.n.before)} before. Click to compare`}
      onClick={(event) => {
        if (!(event.target as Element).closest('a')) go(compare)
      }}
      onKeyDown={(event) => event.key === 'Enter' && event.target === event.currentTarget && go(compare)}
    >
      <th scope="row" class="group" title={[first, ...others].join(', ')}>
        <a href={compare}>{first}</a>
        {others.length > 0 && <div class="quiet clip">{others.join(' · ')}</div>}
      </th>
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
            {partName(change.owner.part)}
            <div class="quiet">{signed(change.owner.ns, duration)}</div>
          </>
        )}
      </td>
    </tr>
  )
}
