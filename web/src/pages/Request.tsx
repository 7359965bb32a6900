import { useEffect } from 'preact/hooks'
import type { Schemas } from '../api/client'
import { useAnswer } from '../api/useAnswer'
import { EvidenceTable } from '../components/EvidenceTable'
import { Legend } from '../components/Legend'
import { ProblemNotice, Waiting } from '../components/Notice'
import { PhaseBar } from '../components/PhaseBar'
import { Waterfall } from '../components/Waterfall'
import { duration, exactDuration } from '../format/duration'
import { count } from '../format/number'
import { ticksWithin } from '../format/ticks'
import { requestSegments, ttftSegments } from '../phase/segments'
import { chunkGaps, type Trace } from '../phase/waterfall'
import { formatFilter } from '../state/filters'
import { typing } from '../state/keys'
import { go, href, useView } from '../state/location'
import { dateTime, exactTime } from '../state/time'

type Request = Schemas['Request']
type Ref = Schemas['RequestRef']

/** One request: where its time went, and the proof. */
export function RequestPage({ traceID, spanID }: { traceID: string; spanID: string }) {
  const view = useView()
  const { answer, problem } = useAnswer({
    path: '/requests/{trace_id}/{span_id}',
    params: { trace_id: traceID, span_id: spanID },
  })
  const trace = useAnswer({ path: '/traces/{trace_id}', params: { trace_id: traceID } })
  const earlier = answer?.previous[0]
  const later = answer?.next[0]

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.key === 'ArrowLeft' ? earlier : event.key === 'ArrowRight' ? later : undefined
      // There the arrows scroll sideways or edit.
      const taken = typing(event.target) || (event.target as Element).closest('[role="region"], pre')
      if (target && !taken) go(link(target))
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  })
  const link = (ref: Ref) => href(`/requests/${ref.trace_id}/${ref.span_id}`, view)

  if (problem) return <ProblemNotice problem={problem} />
  if (!answer) return <Waiting />
  const request = answer.request
  return (
    <section class="page">
      <div class="page-head">
        <h1>{request.model || 'Unknown model'}</h1>
        <span>{[request.service, request.version, request.environment].filter(Boolean).join(' · ')}</span>
        <Outcome request={request} />
        <span class="quiet" title={`${exactTime(Date.parse(request.start))} to ${exactTime(Date.parse(request.end))}`}>
          ended {dateTime(Date.parse(request.end))}
        </span>
        <div class="page-tools">
          {earlier && (
            <a href={link(earlier)} title="The service’s request that ended before (←)">
              ‹ earlier
            </a>
          )}
          {later && (
            <a href={link(later)} title="The service’s request that ended after (→)">
              later ›
            </a>
          )}
        </div>
      </div>
      <div class="panel">
        <Bars request={request} />
        <Legend provenance />
      </div>
      <div class="panel flush">
        <div class="panel-head">
          <h2>What each number rests on</h2>
          {!answer.spans_stored && (
            <span class="quiet">The spans are past their retention, so the evidence is gone; the numbers stay.</span>
          )}
        </div>
        <EvidenceTable request={request} evidence={answer.evidence} />
      </div>
      {trace.answer && (
        <div class="panel">
          <div class="panel-head">
            <h2>
              Trace <code>{traceID}</code>
            </h2>
            <span class="span-key quiet">
              <i class="evidence" /> a number above rests on it <i /> none does
            </span>
          </div>
          <Waterfall trace={trace.answer} requestSpanID={spanID} />
        </div>
      )}
      <div class="panel">
        <h2>Facts</h2>
        <Facts request={request} trace={trace.answer} />
      </div>
      <Neighbours title="In the same trace" refs={answer.in_trace} link={link} beside={Date.parse(request.end)} />
      <Neighbours
        title="Before and after at this service"
        refs={[...[...answer.previous].reverse(), ...answer.next]}
        link={link}
        beside={Date.parse(request.end)}
      />
    </section>
  )
}

function Outcome({ request }: { request: Request }) {
  if (request.outcome === 'ok') return null
  return (
    <span class={request.outcome === 'error' ? 'attention' : ''}>
      {request.outcome.replace('_', ' ')} {request.error_type}
    </span>
  )
}

/** The total and TTFT on one axis from the start of the request. */
function Bars({ request }: { request: Request }) {
  const scale = Math.max(request.total_ns, request.ttft_ns ?? 0, 1)
  const ticks = ticksWithin(scale, 6)
  return (
    <div class="request-bars">
      <span />
      <span />
      <div class="composition-axis" aria-hidden="true">
        {ticks.map((tick) => (
          <span key={tick.ns} style={{ left: `${(100 * tick.ns) / scale}%` }}>
            {tick.label}
          </span>
        ))}
      </div>
      <span>Total</span>
      <b title={exactDuration(request.total_ns)}>{duration(request.total_ns)}</b>
      <PhaseBar labelled segments={requestSegments(request)} scale={scale} label="Total" />
      {request.ttft_ns != null && (
        <>
          <span>TTFT</span>
          <b title={exactDuration(request.ttft_ns)}>{duration(request.ttft_ns)}</b>
          <PhaseBar labelled segments={ttftSegments(request)} scale={scale} label="TTFT" />
        </>
      )}
    </div>
  )
}

function Facts({ request, trace }: { request: Request; trace: Trace | null }) {
  const view = useView()
  const span = trace?.spans.find((candidate) => candidate.span_id === request.span_id)
  const gaps = span ? chunkGaps(span) : null
  const dimensions = ['service', 'model', 'provider', 'engine', 'version', 'environment', 'dialect', 'vantage'] as const
  const facts: [string, string | null | undefined][] = [
    ['input tokens', tokens(request.input_tokens, request.cached_input_tokens, 'cached')],
    ['output tokens', tokens(request.output_tokens, request.reasoning_tokens, 'reasoning')],
    [
      'chunk gaps',
      gaps &&
        `median ${duration(gaps.median)}, longest ${duration(gaps.longest)}, ${count(gaps.count)} gaps between ${gaps.events}`,
    ],
    ['streaming', request.streaming == null ? 'unknown' : request.streaming ? 'yes' : 'no'],
    ['finish reason', request.finish_reason],
    ['operation', request.operation],
    ['response model', request.response_model],
    ['server address', request.server_address],
    ['session', request.session],
    ['user', request.user],
    ['prompt', [request.prompt_name, request.prompt_version].filter(Boolean).join(' ')],
    ['trace', trace ? null : request.trace_id],
    ['span', request.span_id],
    ...Object.entries(request.attributes),
  ]
  return (
    <dl class="facts">
      {dimensions.map(
        (dimension) =>
          request[dimension] && (
            <div key={dimension}>
              <dt>{dimension}</dt>
              <dd>
                <a
                  href={href('/requests', view, {
                    filter: [formatFilter({ dimension, operator: '=', value: request[dimension]! })],
                  })}
                >
                  {request[dimension]}
                </a>
              </dd>
            </div>
          ),
      )}
      {facts.map(
        ([name, value]) =>
          value && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
      {request.flags.length > 0 && (
        <div>
          <dt>flags</dt>
          <dd>{request.flags.join(', ')}</dd>
        </div>
      )}
    </dl>
  )
}

function tokens(all: number | null | undefined, part: number | null | undefined, name: string): string {
  if (all == null) return 'unknown'
  return part ? `${count(all)}, ${count(part)} of them ${name}` : count(all)
}

function Neighbours({
  title,
  refs,
  link,
  beside,
}: {
  title: string
  refs: Ref[]
  link: (ref: Ref) => string
  beside: number
}) {
  if (refs.length === 0) return null
  return (
    <div class="panel">
      <h2>{title}</h2>
      <ul class="neighbours">
        {refs.map((ref) => (
          <li key={ref.span_id}>
            <a href={link(ref)}>{dateTime(Date.parse(ref.end), beside, true)}</a>
            <span class="number">
              <span class="quiet">TTFT</span> {duration(ref.ttft_ns)}
            </span>
            <span class="number">
              <span class="quiet">total</span> {duration(ref.total_ns)}
            </span>
            <span class="clip">{ref.model}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}
