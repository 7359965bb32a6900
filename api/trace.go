package api

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
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
	traces, err := s.LoadTrace(ctx, tenant, id)
	if err != nil && ctx.Err() == nil {
		err = errors.Join(failure(query.CodeUnavailable, "", "the store cannot read the spans now; try again in a few seconds"), err)
	}
	return traces, err
}

// waterfall lays the spans out, each by the clock of the process that wrote it:
// times of two processes say nothing about one another. Callers come before the
// called. Over maxSpans, the spans that requests rest on are kept first, then
// the longest.
func waterfall(traces ptrace.Traces, uses map[string][]SpanUse) ([]Clock, []Span) {
	clocks, spans := []Clock{}, []Span{}
	index := map[Clock]int{}
	for _, rs := range traces.ResourceSpans().All() {
		clock := clockOf(rs.Resource().Attributes())
		at, known := index[clock]
		if !known {
			at = len(clocks)
			index[clock], clocks = at, append(clocks, clock)
		}
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				shown := spanJSON(span)
				shown.Clock, shown.Scope = at, ss.Scope().Name()
				shown.Evidence = append([]SpanUse{}, uses[shown.SpanId]...)
				spans = append(spans, shown)
			}
		}
	}
	clocks = settle(clocks, spans)
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

// settle makes the spans' offsets, so far since 1970, relative to their clock's
// first span, and puts the clocks in the order in which they call one another.
func settle(clocks []Clock, spans []Span) []Clock {
	depths := depths(spans)
	order := make([]int, len(clocks))
	first, last := make([]int64, len(clocks)), make([]int64, len(clocks))
	depth := make([]int, len(clocks))
	for i := range clocks {
		order[i], first[i], last[i], depth[i] = i, math.MaxInt64, math.MinInt64, math.MaxInt
	}
	for _, span := range spans {
		c := span.Clock
		first[c], last[c] = min(first[c], span.OffsetNs), max(last[c], span.OffsetNs+span.DurationNs)
		depth[c] = min(depth[c], depths[span.SpanId])
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(depth[a], depth[b]), cmp.Compare(clocks[a].Service, clocks[b].Service), cmp.Compare(clocks[a].Instance, clocks[b].Instance))
	})
	place := make([]int, len(clocks))
	sorted := make([]Clock, len(clocks))
	for to, from := range order {
		place[from], sorted[to] = to, clocks[from]
		sorted[to].Start, sorted[to].ExtentNs = time.Unix(0, first[from]).UTC(), last[from]-first[from]
	}
	for i := range spans {
		span := &spans[i]
		origin := first[span.Clock]
		span.OffsetNs -= origin
		for j := range span.Events {
			span.Events[j].OffsetNs -= origin
		}
		span.Clock = place[span.Clock]
	}
	return sorted
}

// depths says how many ancestors each span has in the trace. Spans that are one
// another's ancestors, which only a broken sender writes, count those once.
func depths(spans []Span) map[string]int {
	parents := make(map[string]string, len(spans))
	for _, span := range spans {
		parents[span.SpanId] = span.ParentSpanId
	}
	found := make(map[string]int, len(spans))
	for _, span := range spans {
		var path []string
		id := span.SpanId
		for {
			parent, stored := parents[id]
			if _, done := found[id]; !stored || done {
				break
			}
			found[id] = 0
			path = append(path, id)
			id = parent
		}
		below := -1
		if depth, ok := found[id]; ok && !slices.Contains(path, id) {
			below = depth
		}
		for _, id := range slices.Backward(path) {
			below++
			found[id] = below
		}
	}
	return found
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

func spanJSON(span ptrace.Span) Span {
	shown := Span{
		SpanId: span.SpanID().String(), ParentSpanId: span.ParentSpanID().String(), Name: span.Name(),
		Kind: SpanKind(strings.ToLower(span.Kind().String())), Status: SpanStatus(strings.ToLower(span.Status().Code().String())),
		StatusMessage: span.Status().Message(), OffsetNs: int64(span.StartTimestamp()),
		DurationNs: max(int64(span.EndTimestamp()-span.StartTimestamp()), 0), Attributes: attributesJSON(span.Attributes()),
		Events: []SpanEvent{}, DroppedEvents: int64(span.DroppedEventsCount()),
	}
	for _, event := range span.Events().All() {
		shown.Events = append(shown.Events, SpanEvent{
			Name: event.Name(), OffsetNs: int64(event.Timestamp()), Attributes: attributesJSON(event.Attributes()),
		})
	}
	return shown
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
