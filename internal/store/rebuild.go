package store

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// row is one row of the spans table, as far as a span is made of it.
type row struct {
	traceID                          pcommon.TraceID
	spanID, parentID                 pcommon.SpanID
	start, duration                  int64 // ns
	kind, status                     int8
	name, message                    string
	resource, scope                  string
	keys, values, events             string
	droppedAttributes, droppedEvents uint32
}

// row returns row i of the block. Its texts are copies.
func (b *block) row(i int) row {
	r := row{
		start: b.starts[i], duration: b.durations[i],
		kind: b.kinds[i], status: b.statuses[i],
		name: *b.names[i], resource: *b.resources[i], scope: *b.scopes[i], keys: *b.keys[i],
		message:           string(b.arena[b.messages[i].from:b.messages[i].to]),
		values:            string(b.arena[b.values[i].from:b.values[i].to]),
		events:            string(b.arena[b.events[i].from:b.events[i].to]),
		droppedAttributes: b.droppedAttributes[i],
		droppedEvents:     b.droppedEvents[i],
	}
	ids := b.ids[i*idsLength:]
	copy(r.traceID[:], ids)
	copy(r.spanID[:], ids[16:])
	copy(r.parentID[:], ids[24:])
	return r
}

// rebuilder turns rows into spans. It adds to one ptrace.Traces, spans of one
// resource and scope under one entry as long as they come one after the other.
type rebuilder struct {
	traces          ptrace.Traces
	resource, scope string
	resourceSpans   ptrace.ResourceSpans
	scopeSpans      ptrace.ScopeSpans
}

func newRebuilder() *rebuilder { return &rebuilder{traces: ptrace.NewTraces()} }

// add appends the row's span. On an error nothing was appended.
func (r *rebuilder) add(from row) (ptrace.Span, error) {
	span := ptrace.NewSpan()
	if err := from.fill(span); err != nil {
		return span, err
	}
	if r.traces.ResourceSpans().Len() == 0 || from.resource != r.resource {
		resource := pcommon.NewResource()
		if err := (&literals{text: from.resource}).attributes(resource.Attributes()); err != nil {
			return span, err
		}
		r.resourceSpans = r.traces.ResourceSpans().AppendEmpty()
		resource.MoveTo(r.resourceSpans.Resource())
		r.resource, r.scope = from.resource, ""
	}
	if from.scope != r.scope {
		scope := pcommon.NewInstrumentationScope()
		if err := fillScope(scope, from.scope); err != nil {
			return span, err
		}
		r.scopeSpans = r.resourceSpans.ScopeSpans().AppendEmpty()
		scope.MoveTo(r.scopeSpans.Scope())
		r.scope = from.scope
	}
	added := r.scopeSpans.Spans().AppendEmpty()
	span.MoveTo(added)
	return added, nil
}

func fillScope(scope pcommon.InstrumentationScope, text string) error {
	l := &literals{text: text}
	return l.list('[', ']', func(i int) error {
		if i == 2 {
			return l.attributes(scope.Attributes())
		}
		s, err := l.string()
		if i == 0 {
			scope.SetName(s)
		} else {
			scope.SetVersion(s)
		}
		return err
	})
}

// fill makes span the row's.
func (r *row) fill(span ptrace.Span) error {
	span.SetTraceID(r.traceID)
	span.SetSpanID(r.spanID)
	span.SetParentSpanID(r.parentID)
	span.SetStartTimestamp(pcommon.Timestamp(r.start))
	span.SetEndTimestamp(pcommon.Timestamp(r.start + r.duration))
	span.SetName(r.name)
	span.SetKind(ptrace.SpanKind(r.kind))
	span.Status().SetCode(ptrace.StatusCode(r.status))
	span.Status().SetMessage(r.message)
	span.SetDroppedAttributesCount(r.droppedAttributes)
	span.SetDroppedEventsCount(r.droppedEvents)
	if err := r.fillAttributes(span.Attributes()); err != nil {
		return err
	}
	if r.events == "" {
		return nil
	}
	l := &literals{text: r.events}
	return l.list('[', ']', func(int) error { return l.event(span.Events().AppendEmpty(), r.start) })
}

func (r *row) fillAttributes(m pcommon.Map) error {
	keys, err := parseKeys(r.keys)
	if err != nil {
		return err
	}
	m.EnsureCapacity(len(keys))
	l := &literals{text: r.values}
	return l.list('[', ']', func(i int) error {
		if i >= len(keys) {
			return l.fail("fewer values than keys")
		}
		return l.put(m, keys[i])
	})
}

// event reads [ns from start, name, {attributes}].
func (l *literals) event(event ptrace.SpanEvent, start int64) error {
	return l.list('[', ']', func(i int) error {
		switch i {
		case 0:
			v := pcommon.NewValueEmpty()
			if err := l.number(v); err != nil {
				return err
			}
			event.SetTimestamp(pcommon.Timestamp(start + v.Int()))
			return nil
		case 1:
			name, err := l.string()
			event.SetName(name)
			return err
		}
		return l.attributes(event.Attributes())
	})
}

// parseKeys reads a JSON array of strings.
func parseKeys(text string) ([]string, error) {
	var keys []string
	l := &literals{text: text}
	err := l.list('[', ']', func(int) error {
		key, err := l.string()
		keys = append(keys, key)
		return err
	})
	return keys, err
}
