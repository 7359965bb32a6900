package phase_test

import (
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/phase"
)

// TestLargeTracesTakeBoundedTime: 10,000 spans, the most that are correlated,
// in the shapes that make every search long. They take tenths of a second, with
// the race detector on a busy machine seconds; a search within a search takes hours.
func TestLargeTracesTakeBoundedTime(t *testing.T) {
	const n, limit = 10_000, 30 * time.Second
	nested, short := func(i int) int64 { return int64(n - i) }, func(int) int64 { return 1 }
	for name, shape := range map[string]struct {
		parent func(i int) int
		ms     func(i int) int64
	}{
		"chain":  {func(i int) int { return i - 1 }, nested},
		"star":   {func(int) int { return 0 }, nested},
		"pairs":  {func(i int) int { return i &^ 1 }, short},
		"broken": {func(i int) int { return n + i }, short},
		"cycle":  {func(i int) int { return (i + 1) % n }, nested},
	} {
		t.Run(name, func(t *testing.T) {
			td := ptrace.NewTraces()
			for i := range n {
				from := senders[i%len(senders)]
				rs := td.ResourceSpans().AppendEmpty()
				rs.Resource().Attributes().PutStr("service.name", from.service)
				ss := rs.ScopeSpans().AppendEmpty()
				ss.Scope().SetName(from.scope)
				span := ss.Spans().AppendEmpty()
				span.SetTraceID([16]byte{1})
				span.SetSpanID(spanID(i + 1))
				span.SetParentSpanID(spanID(shape.parent(i) + 1))
				span.SetName(from.name)
				span.SetKind(from.kind)
				span.SetStartTimestamp(pcommon.Timestamp(1795003200000000000 + int64(i)*1e6))
				span.SetEndTimestamp(span.StartTimestamp() + pcommon.Timestamp(shape.ms(i)*1e6))
				span.Attributes().PutStr("gen_ai.operation.name", "chat")
				span.Attributes().PutStr("openinference.span.kind", "LLM")
				span.Attributes().PutStr("ai.operationId", "ai.streamText.doStream")
				span.Attributes().PutStr("gen_ai.request.model", "m")
				if from.kind == ptrace.SpanKindClient && i%3 == 0 {
					span.Attributes().Clear()
					span.Attributes().PutStr("http.request.method", "POST")
				}
			}
			spans := reader.ReadTraces(td)
			before := processTime(t)
			result := phase.Decompose(spans)
			spent := processTime(t) - before
			if spent > limit {
				t.Errorf("%v for %d requests, at most %v", spent, len(result.Requests), limit)
			}
		})
	}
}

// processTime is CPU time: the machine may be busy with other things.
func processTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
