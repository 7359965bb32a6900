package api

import (
	"fmt"
	"math"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"pgregory.net/rapid"
)

// addSpan appends a span of a service; times are in milliseconds.
func addSpan(traces ptrace.Traces, service string, id, parent byte, start, end int64) ptrace.Span {
	rs := traces.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetSpanID(pcommon.SpanID{id})
	if parent != 0 {
		span.SetParentSpanID(pcommon.SpanID{parent})
	}
	span.SetName(fmt.Sprint("span ", id))
	span.SetStartTimestamp(pcommon.Timestamp(start * 1e6))
	span.SetEndTimestamp(pcommon.Timestamp(end * 1e6))
	return span
}

// The engine's clock is an hour ahead: that must not show.
func TestWaterfallKeepsClocksApart(t *testing.T) {
	traces := ptrace.NewTraces()
	const hour = 3600_000
	addSpan(traces, "engine", 3, 2, hour+40, hour+90)
	addSpan(traces, "app", 2, 1, 1010, 1100)
	root := addSpan(traces, "app", 1, 0, 1000, 1200)
	event := root.Events().AppendEmpty()
	event.SetTimestamp(pcommon.Timestamp(1050 * 1e6))
	event.Attributes().PutDouble("ratio", math.NaN())
	clocks, spans := waterfall(traces, map[string][]SpanUse{"0300000000000000": {{RequestSpanId: "0200000000000000", Facts: []string{"queue_ns"}}}})

	if len(clocks) != 2 || clocks[0].Service != "app" || clocks[0].ExtentNs != 200e6 || clocks[1].ExtentNs != 50e6 {
		t.Fatalf("clocks %+v; want the app's before the engine's, each with its own extent", clocks)
	}
	want := []struct {
		name             string
		clock            int
		offset, duration int64
		evidence         int
	}{{"span 1", 0, 0, 200e6, 0}, {"span 2", 0, 10e6, 90e6, 0}, {"span 3", 1, 0, 50e6, 1}}
	for i, w := range want {
		if s := spans[i]; s.Name != w.name || s.Clock != w.clock || s.OffsetNs != w.offset || s.DurationNs != w.duration || len(s.Evidence) != w.evidence {
			t.Errorf("span %d: %+v; want %+v", i, s, w)
		}
	}
	if e := spans[0].Events[0]; e.OffsetNs != 50e6 || e.Attributes["ratio"] != "NaN" {
		t.Errorf("event %+v; want it 50 ms in, NaN as text", e)
	}
}

func TestLargeTracesKeepTheirEvidence(t *testing.T) {
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range maxSpans + 100 {
		span := spans.AppendEmpty()
		span.SetSpanID(pcommon.SpanID{1, byte(i >> 8), byte(i)})
		span.SetEndTimestamp(pcommon.Timestamp(i))
	}
	_, shown := waterfall(traces, map[string][]SpanUse{"0100000000000000": {{}}})
	kept := false
	for _, span := range shown {
		kept = kept || len(span.Evidence) > 0
	}
	if len(shown) != maxSpans || !kept {
		t.Errorf("%d spans are shown, the shortest with evidence among them: %v", len(shown), kept)
	}
}

// Whatever spans are stored, every one is shown once, inside its clock.
func TestWaterfallOfAnySpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		traces := ptrace.NewTraces()
		n := rapid.IntRange(0, 12).Draw(t, "n")
		for i := range n {
			start := rapid.Int64Range(0, 1000).Draw(t, "start")
			addSpan(traces, rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "service"), byte(i+1),
				rapid.Byte().Draw(t, "parent")%16, start, rapid.Int64Range(start-5, 1000+start).Draw(t, "end"))
		}
		clocks, spans := waterfall(traces, nil)
		if len(spans) != n {
			t.Fatalf("%d of %d spans", len(spans), n)
		}
		for _, span := range spans {
			clock := clocks[span.Clock]
			if span.OffsetNs < 0 || span.DurationNs < 0 || span.OffsetNs+span.DurationNs > clock.ExtentNs || clock.Start.Before(time.Unix(0, 0)) {
				t.Fatalf("span %+v lies outside of %+v", span, clock)
			}
		}
	})
}
