import type { Question } from '../api/client'
import { useAnswer } from '../api/useAnswer'
import { CSVButton } from '../components/CSVButton'
import { Legend } from '../components/Legend'
import { NoRequests } from '../components/NoRequests'
import { ProblemNotice, Waiting } from '../components/Notice'
import { RequestTable } from '../components/RequestTable'
import { METRIC_NAMES, METRICS } from '../phase/parts'
import { rangeOf, update, useView } from '../state/location'
import { describeSelection, selectionOf, withoutSelection } from '../state/selection'

const PAGE = 50

type Query = NonNullable<Question<'/requests'>['query']>

/** Single requests, filtered and ordered. */
export function Requests() {
  const { params } = useView()
  const sort = params.get('sort') ?? '-end'
  const metric = METRICS.find((name) => name === params.get('metric')) ?? 'ttft'
  const selection = selectionOf(params)
  const cursor = params.get('cursor') ?? ''
  const question: Question<'/requests'> = {
    path: '/requests',
    query: {
      ...rangeOf(params),
      filter: params.getAll('filter'),
      metric,
      ...selection,
      sort: sort as Query['sort'],
      limit: PAGE,
      cursor,
    },
  }
  const { answer, problem } = useAnswer(question)
  return (
    <section class="page">
      <div class="page-head">
        <h1>Requests</h1>
        {selection && (
          <span class="chip">
            <span class="chip-text">{describeSelection(selection, METRIC_NAMES[metric])}</span>
            <button
              type="button"
              class="chip-remove"
              aria-label="Remove the selection"
              onClick={() => update({ ...withoutSelection(), cursor: null })}
            >
              ×
            </button>
          </span>
        )}
        <div class="page-tools">
          <CSVButton question={question} name="requests" />
        </div>
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {!answer && !problem && <Waiting />}
      {answer && answer.requests.length === 0 && <NoRequests filtered={params.has('filter') || selection !== null} />}
      {answer && answer.requests.length > 0 && (
        <>
          <RequestTable
            requests={answer.requests}
            sort={sort}
            onSort={(next) => update({ sort: next === '-end' ? null : next, cursor: null })}
          />
          <div class="below">
            <Legend provenance />
            <p class="scope-line">
              {cursor && (
                <button type="button" class="plain" onClick={() => update({ cursor: null })}>
                  First page
                </button>
              )}
              {answer.next_cursor && (
                <button type="button" class="plain" onClick={() => update({ cursor: answer.next_cursor })}>
                  Next {PAGE}
                </button>
              )}
            </p>
          </div>
        </>
      )}
    </section>
  )
}
