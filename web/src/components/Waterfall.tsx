import { Fragment } from 'preact'
import { useState } from 'preact/hooks'
import { duration, exactDuration } from '../format/duration'
import { count } from '../format/number'
import { ticksWithin } from '../format/ticks'
import { isPhase } from '../phase/parts'
import { extent, factsOf, lanes, type Span, type Trace } from '../phase/waterfall'
import { moveInList } from '../state/keys'
import { exactTime } from '../state/time'

/**
 * The spans of a trace, one lane for each clock. Lanes share the scale but not
 * the zero: times of two hosts are never compared.
 */
export function Waterfall({ trace, requestSpanID }: { trace: Trace; requestSpanID: string }) {
  const [open, setOpen] = useState<string | null>(null)
  const scale = extent(trace)
  const ticks = ticksWithin(scale, 6)
  const all = lanes(trace)
  return (
    <div class="waterfall" onKeyDown={moveInList} data-hold>
      <div class="waterfall-row head" aria-hidden="true">
        <span />
        <div class="composition-axis">
          {ticks.map((tick) => (
            <span key={tick.ns} style={{ left: `${(100 * tick.ns) / scale}%` }}>
              {tick.label}
            </span>
          ))}
        </div>
        <span />
      </div>
      {all.map(({ clock, spans }, index) => (
        <Fragment key={index}>
          <div class="lane" title={`Starts ${exactTime(Date.parse(clock.start))} on its own clock`}>
            {clock.service || 'unnamed service'} {clock.instance && <code>{clock.instance}</code>}
            <span class="quiet">{all.length > 1 ? ' its own clock, from its own 0' : ''}</span>
          </div>
          {spans.map(({ span, depth }) => (
            <Fragment key={span.span_id + span.offset_ns}>
              <Row
                span={span}
                depth={depth}
                scale={scale}
                requestSpanID={requestSpanID}
                open={open === span.span_id}
                onOpen={() => setOpen(open === span.span_id ? null : span.span_id)}
              />
              {open === span.span_id && <Detail span={span} />}
            </Fragment>
          ))}
        </Fragment>
      ))}
      {trace.span_count > trace.spans.length && (
        <p class="quiet">
          {count(trace.span_count - trace.spans.length)} of {count(trace.span_count)} spans are not shown; every span
          with evidence is.
        </p>
      )}
    </div>
  )
}

interface RowProps {
  span: Span
  depth: number
  scale: number
  requestSpanID: string
  open: boolean
  onOpen: () => void
}

function Row({ span, depth, scale, requestSpanID, open, onOpen }: RowProps) {
  const facts = factsOf(span, requestSpanID)
  const left = (100 * span.offset_ns) / scale
  const width = (100 * span.duration_ns) / scale
  return (
    <button
      type="button"
      data-row
      class={`waterfall-row${span.span_id === requestSpanID ? ' request' : ''}`}
      aria-expanded={open}
      onClick={onOpen}
    >
      <span
        class="waterfall-name"
        style={{ paddingLeft: `${Math.min(depth, 12) * 12}px` }}
        title={`${span.name}\n${span.scope}\n${span.kind}`}
      >
        {span.name.trim() || 'unnamed span'}
        {span.status === 'error' && <span class="attention"> error</span>}
      </span>
      <span class="waterfall-track">
        <span
          class={facts.length ? 'span-bar evidence' : 'span-bar'}
          style={{ left: `${left}%`, width: `max(2px, ${width}%)` }}
          title={exactDuration(span.duration_ns)}
        />
      </span>
      <span class="span-note" title={facts.map(factName).join(', ')}>
        <span class="number">{duration(span.duration_ns)}</span>
        {facts
          .filter((fact) => fact.endsWith('_ns') || isPhase(fact))
          .map((fact) => (
            <Fact key={fact} fact={fact} />
          ))}
      </span>
    </button>
  )
}

const factName = (fact: string) => fact.replace(/_ns$/, '').replace(/_/g, ' ')

/** Marks a number that rests on a span; a phase in its colour. */
function Fact({ fact }: { fact: string }) {
  const name = factName(fact)
  return (
    <span class="fact">
      {isPhase(name) && <i class={`swatch segment ${name} measured`} />}
      {name}
    </span>
  )
}

function Detail({ span }: { span: Span }) {
  const attributes = Object.entries(span.attributes).sort(([a], [b]) => a.localeCompare(b))
  return (
    <div class="span-detail">
      <p class="quiet">
        {span.kind} span <code>{span.span_id}</code>
        {span.parent_span_id && (
          <>
            {' '}
            under <code>{span.parent_span_id}</code>
          </>
        )}
        , scope <code>{span.scope || 'none'}</code>
        {span.status_message && <>, {span.status_message}</>}
        {span.dropped_events > 0 && <>, {count(span.dropped_events)} events dropped by the SDK</>}
      </p>
      <dl class="facts">
        {attributes.map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
      {span.events.length > 0 && (
        <dl class="facts">
          {span.events.map((event, index) => (
            <div key={index}>
              <dt title={JSON.stringify(event.attributes)}>{event.name}</dt>
              <dd title={exactDuration(event.offset_ns - span.offset_ns)}>
                {duration(event.offset_ns - span.offset_ns)} after the span’s start
              </dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  )
}
