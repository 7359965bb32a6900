package api

import (
	"cmp"
	"context"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/query"
)

// maxSpans is how many spans of a trace are shown.
const maxSpans = 2000

func (s *server) GetTrace(ctx context.Context, r GetTraceRequestObject) (GetTraceResponseObject, error) {
	tenant, traceID := given(r.Params.Tenant, ""), strings.ToLower(r.TraceId)
	traces, err := s.loadTrace(ctx, tenant, traceID)
	if err != nil {
		return nil, err
	}
	requests, err := s.Questions.Request(ctx, query.RequestID{Tenant: tenant, TraceID: traceID})
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	if traces.SpanCount() == 0 && len(requests) == 0 {
		return nil, failure(query.CodeNotFound, "trace_id", "nothing is stored of trace %s; it may be past its retention, or arrive within seconds", traceID)
	}
	clocks, spans := waterfall(traces, uses(s.evidence(traces)))
	return GetTrace200JSONResponse{
		TraceId: traceID, Clocks: clocks, Spans: spans, SpanCount: traces.SpanCount(),
		Requests: append([]query.Request{}, requests...),
	}, nil
}

func (s *server) loadTrace(ctx context.Context, tenant, traceID string) (ptrace.Traces, error) {
	if s.LoadTrace == nil {
		return ptrace.NewTraces(), nil
	}
	var id [16]byte
	if _, err := hex.Decode(id[:], []byte(traceID)); err != nil {
		return ptrace.Traces{}, failure(query.CodeInvalid, "trace_id", "%q is not 32 hexadecimal digits", traceID)
	}
	return s.LoadTrace(ctx, tenant, id)
}

// waterfall lays the spans out, each by the clock of the process that wrote it:
// times of two processes say nothing about one another. Over maxSpans, the
// spans that requests rest on are kept first, then the longest.
func waterfall(traces ptrace.Traces, uses map[string][]SpanUse) ([]Clock, []Span) {
	clocks, spans := []Clock{}, []Span{}
	index := map[Clock]int{}
	var starts, ends []pcommon.Timestamp
	for _, rs := range traces.ResourceSpans().All() {
		clock := clockOf(rs.Resource().Attributes())
		at, known := index[clock]
		if !known {
			at = len(clocks)
			index[clock] = at
			clocks, starts, ends = append(clocks, clock), append(starts, math.MaxUint64), append(ends, 0)
		}
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				starts[at] = min(starts[at], span.StartTimestamp())
				ends[at] = max(ends[at], span.EndTimestamp())
			}
		}
	}
	for _, rs := range traces.ResourceSpans().All() {
		at := index[clockOf(rs.Resource().Attributes())]
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				shown := spanJSON(span, starts[at])
				shown.Clock, shown.Scope = at, ss.Scope().Name()
				shown.Evidence = append([]SpanUse{}, uses[shown.SpanId]...)
				spans = append(spans, shown)
			}
		}
	}
	for i := range clocks {
		clocks[i].Start, clocks[i].ExtentNs = starts[i].AsTime().UTC(), nanoseconds(starts[i], ends[i])
	}
	if len(spans) > maxSpans {
		slices.SortStableFunc(spans, func(a, b Span) int {
			return cmp.Or(cmp.Compare(len(b.Evidence), len(a.Evidence)), cmp.Compare(b.DurationNs, a.DurationNs))
		})
		spans = spans[:maxSpans]
	}
	slices.SortStableFunc(spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Clock, b.Clock), cmp.Compare(a.OffsetNs, b.OffsetNs), cmp.Compare(b.DurationNs, a.DurationNs), cmp.Compare(a.SpanId, b.SpanId))
	})
	return clocks, spans
}

// clockOf names the process that wrote the spans of a resource.
func clockOf(resource pcommon.Map) Clock {
	get := func(key string) string {
		if value, ok := resource.Get(key); ok {
			return value.AsString()
		}
		return ""
	}
	return Clock{
		Service: get("service.name"), ServiceNamespace: get("service.namespace"),
		Instance: cmp.Or(get("service.instance.id"), get("host.name")),
	}
}

func spanJSON(span ptrace.Span, origin pcommon.Timestamp) Span {
	shown := Span{
		SpanId: span.SpanID().String(), ParentSpanId: span.ParentSpanID().String(), Name: span.Name(),
		Kind: SpanKind(strings.ToLower(span.Kind().String())), Status: SpanStatus(strings.ToLower(span.Status().Code().String())),
		StatusMessage: span.Status().Message(), OffsetNs: nanoseconds(origin, span.StartTimestamp()),
		DurationNs: nanoseconds(span.StartTimestamp(), span.EndTimestamp()), Attributes: attributesJSON(span.Attributes()),
		Events: []SpanEvent{}, DroppedEvents: int64(span.DroppedEventsCount()),
	}
	for _, event := range span.Events().All() {
		shown.Events = append(shown.Events, SpanEvent{
			Name: event.Name(), OffsetNs: nanoseconds(origin, event.Timestamp()), Attributes: attributesJSON(event.Attributes()),
		})
	}
	return shown
}

func nanoseconds(from, to pcommon.Timestamp) int64 {
	return int64(time.Duration(to) - time.Duration(from))
}

func attributesJSON(attributes pcommon.Map) Attributes {
	out := make(Attributes, attributes.Len())
	for key, value := range attributes.All() {
		out[key] = finite(value.AsRaw())
	}
	return out
}

// finite writes what JSON has no number for, NaN and the infinities, as text.
func finite(value any) any {
	switch v := value.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
	case []any:
		for i := range v {
			v[i] = finite(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = finite(v[key])
		}
	}
	return value
}
