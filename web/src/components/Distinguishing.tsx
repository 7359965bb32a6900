import type { Question } from '../api/client'
import { useAnswer } from '../api/useAnswer'
import { count, exactCount, percent, requests, significant } from '../format/number'
import { addFilter } from '../state/filters'
import { moveInList } from '../state/keys'
import { update, useView } from '../state/location'
import { ProblemNotice } from './Notice'

/** Which dimension values a selection has more of than the rest, ranked. */
export function Distinguishing({ query }: { query: Question<'/distinguish'>['query'] }) {
  const filters = useView().params.getAll('filter')
  const { answer, problem } = useAnswer({ path: '/distinguish', query: { ...query, limit: 15 } })
  if (problem) return <ProblemNotice problem={problem} />
  if (!answer) return null
  const over = answer.values.filter((value) => value.score > 0)
  const add = (dimension: string, value: string) =>
    update({ filter: addFilter(filters, { dimension, operator: '=', value }) })
  return (
    <div class="panel flush">
      <div class="panel-head">
        <h2>What is different about them</h2>
        <span class="quiet">
          {count(answer.selected)} selected, {count(answer.rest)} others
        </span>
      </div>
      {over.length === 0 ? (
        <p class="panel-text">
          {answer.selected === 0
            ? 'No request lies in this rectangle.'
            : 'Nothing: every dimension has about the same values inside as outside.'}
        </p>
      ) : (
        <div class="table-wrap bare">
          <table class="grid" onKeyDown={moveInList}>
            <caption class="hidden">Dimension values that are over-represented in the selection</caption>
            <thead>
              <tr>
                <th scope="col">dimension</th>
                <th scope="col">value</th>
                <th scope="col">of the selected</th>
                <th scope="col">of the others</th>
                <th scope="col" class="number">
                  ratio
                </th>
              </tr>
            </thead>
            <tbody>
              {over.map(({ dimension, value, selected, rest, selected_share, rest_share, score }) => (
                <tr
                  key={dimension + value}
                  data-row
                  tabIndex={0}
                  class="clickable"
                  title={`G² ${significant(score)}; click to filter by it`}
                  onClick={() => add(dimension, value)}
                  onKeyDown={(event) => event.key === 'Enter' && add(dimension, value)}
                >
                  <th scope="row">{dimension}</th>
                  <td class="group">{value || <span class="unknown">not set</span>}</td>
                  <td title={requests(selected, exactCount)}>
                    {percent(selected_share)}
                    <span class="share-bar selected" aria-hidden="true">
                      <i style={{ width: `${100 * selected_share}%` }} />
                    </span>
                  </td>
                  <td title={requests(rest, exactCount)}>
                    {percent(rest_share)}
                    <span class="share-bar" aria-hidden="true">
                      <i style={{ width: `${100 * rest_share}%` }} />
                    </span>
                  </td>
                  <td class="number">
                    {rest_share > 0 ? `${significant(selected_share / rest_share)} ×` : 'only here'}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  )
}
