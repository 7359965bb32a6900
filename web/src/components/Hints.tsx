import { useAnswer } from '../api/useAnswer'
import { count } from '../format/number'
import { href, rangeOf, useView } from '../state/location'

const MOST = 3

/** What the data does not say, and a way to the report that tells how to switch it on. */
export function Hints() {
  const view = useView()
  const { answer } = useAnswer({
    path: '/quality',
    query: { ...rangeOf(view.params), filter: view.params.getAll('filter') },
  })
  const hints =
    answer?.services.flatMap((service) => service.hints.map((hint) => ({ service: service.service, hint }))) ?? []
  if (hints.length === 0) return null
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>What the data does not say</h2>
        <a href={href('/setup', view)}>{hints.length > MOST ? `All ${count(hints.length)} hints` : 'Data quality'}</a>
      </div>
      <ul class="hints">
        {hints.slice(0, MOST).map(({ service, hint }) => (
          <li key={service + hint}>
            <b>{service || 'unnamed service'}</b> {hint}.
          </li>
        ))}
      </ul>
    </section>
  )
}
