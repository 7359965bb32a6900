import { useEffect } from 'preact/hooks'
import type { Schemas } from '../api/client'
import { useAnswer } from '../api/useAnswer'
import { Code } from '../components/Code'
import { ProblemNotice } from '../components/Notice'
import { QualityReport } from '../components/QualityReport'
import { Segmented } from '../components/Segmented'
import { count } from '../format/number'
import { refreshWhenIdle } from '../state/live'
import { href, rangeOf, update, useView } from '../state/location'
import { since } from '../state/time'
import { reachable, snippets } from './snippets'

const POLL_MS = 2000

/** How to send the first trace, whether it came, and what is missing from what comes. */
export function Setup() {
  const view = useView()
  const { answer, problem } = useAnswer({ path: '/setup' })
  const quality = useAnswer(
    answer?.last_request
      ? { path: '/quality', query: { ...rangeOf(view.params), from: view.params.get('from') ?? 'now-24h' } }
      : null,
  )
  const waiting = answer !== null && answer.last_request === null

  useEffect(() => {
    if (!waiting) return
    const timer = setInterval(refreshWhenIdle, POLL_MS)
    return () => clearInterval(timer)
  }, [waiting])

  return (
    <section class="page">
      <div class="page-head">
        <h1>Setup</h1>
        {answer && <Lamp setup={answer} />}
      </div>
      {problem && <ProblemNotice problem={problem} />}
      {answer && !waiting && quality.answer && <QualityReport quality={quality.answer} />}
      {quality.problem && <ProblemNotice problem={quality.problem} />}
      {answer && <Snippets setup={answer} />}
    </section>
  )
}

function Lamp({ setup }: { setup: Schemas['Setup'] }) {
  const view = useView()
  if (setup.last_request) {
    return (
      <p role="status" class="lamp-line">
        <i class="lamp ok" />
        Receiving. The newest request ended {since(Date.parse(setup.last_request), Date.now())} ago.
        <a href={href('/requests', view)}>See it decomposed</a>
      </p>
    )
  }
  if (setup.spans > 0) {
    return (
      <p role="status" class="lamp-line">
        <i class="lamp waiting" />
        {count(setup.spans)} spans have come, but none of them is an LLM request of the last 24 h. A request shows about
        a second after its span.
      </p>
    )
  }
  return (
    <p role="status" class="lamp-line">
      <i class="lamp waiting" />
      Waiting for the first span …
    </p>
  )
}

function Snippets({ setup }: { setup: Schemas['Setup'] }) {
  const { params } = useView()
  const { otlp_grpc_endpoint: grpc, otlp_http_endpoint: http } = setup
  if (grpc == null || http == null) {
    return (
      <div class="notice">
        <strong>This process does not receive</strong>
        <div>
          It answers questions only. Send telemetry to a Phaseline that has an OTLP receiver on the same ClickHouse.
        </div>
      </div>
    )
  }
  const all = snippets({ grpc: reachable(grpc, location.hostname), http: reachable(http, location.hostname) })
  const chosen = all.find((snippet) => snippet.name === params.get('with')) ?? all[0]!
  return (
    <div class="panel">
      <div class="panel-head">
        <h2>Send traces</h2>
        <span class="quiet">
          OTLP over gRPC <code>{reachable(grpc, location.hostname)}</code>, over HTTP{' '}
          <code>{reachable(http, location.hostname)}</code>
        </span>
      </div>
      <Segmented
        label="Instrumentation"
        value={chosen.name}
        options={all.map(({ name }) => ({ value: name, name }))}
        onChange={(name) => update({ with: name === all[0]!.name ? null : name }, { replace: true })}
      />
      <p class="snippet-note">{chosen.note}</p>
      <Code text={chosen.text} label={`How to use ${chosen.name}`} />
      {setup.token_required && (
        <p class="quiet">
          If the receivers ask for a token, too: <code>OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20TOKEN"</code>
        </p>
      )}
    </div>
  )
}
