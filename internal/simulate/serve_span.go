package simulate

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// span writes the llm_request of a completed request. Phases are the engine
// core's, e2e and TTFT those of the frontend, as in vLLM's V1.
func (s *Server) span(j *job, traceparent string, arrived, first, last int64) ptrace.Traces {
	k := j.call
	k.truth.OutputTokens = j.generated
	k.truth.Queue, k.truth.Prefill, k.truth.Decode = j.scheduled-j.queued, j.first-j.scheduled, j.last-j.first
	k.truth.ServerTTFT = first - arrived

	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	m := rs.Resource().Attributes()
	m.PutStr("service.name", s.config.Service)
	m.PutStr("telemetry.sdk.language", "python")
	m.PutStr("telemetry.sdk.name", "opentelemetry")
	m.PutStr("vllm.instrumenting_module_name", "vllm.entrypoints.openai.api_server")
	m.PutStr("vllm.process_id", "4711")
	scope := rs.ScopeSpans().AppendEmpty()
	scope.Scope().SetName("vllm.tracing.otel")
	span := scope.Spans().AppendEmpty()
	trace, parent := parseTraceparent(traceparent)
	if trace.IsEmpty() {
		putUint64(trace[:], rand.Uint64())
		putUint64(trace[8:], rand.Uint64()|1)
	}
	var id pcommon.SpanID
	putUint64(id[:], rand.Uint64()|1)
	span.SetTraceID(trace)
	span.SetSpanID(id)
	span.SetParentSpanID(parent)
	span.SetStartTimestamp(pcommon.Timestamp(arrived))
	span.SetEndTimestamp(pcommon.Timestamp(last))
	vllmSpan(span, k, last-arrived, j.target)
	return traces
}

// parseTraceparent reads a W3C trace context header; zero ids if it is not one.
func parseTraceparent(header string) (trace pcommon.TraceID, span pcommon.SpanID) {
	parts := strings.Split(header, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || len(parts[1]) != 32 || len(parts[2]) != 16 {
		return trace, span
	}
	t, errTrace := hex.DecodeString(parts[1])
	p, errSpan := hex.DecodeString(parts[2])
	if errTrace != nil || errSpan != nil {
		return trace, span
	}
	copy(trace[:], t)
	copy(span[:], p)
	return trace, span
}

// Batcher gathers traces and sends them once a second, as an SDK's batching
// exporter does. Above its bound the newest are dropped and counted.
type Batcher struct {
	mu      sync.Mutex
	held    ptrace.Traces
	dropped int64
}

// maxHeld is the SDKs' default size of the export queue, in spans.
const maxHeld = 2048

// NewBatcher returns an empty one; Run sends.
func NewBatcher() *Batcher { return &Batcher{held: ptrace.NewTraces()} }

// Add queues traces for the next export.
func (b *Batcher) Add(td ptrace.Traces) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held.SpanCount() >= maxHeld {
		b.dropped += int64(td.SpanCount())
		return
	}
	td.ResourceSpans().MoveAndAppendTo(b.held.ResourceSpans())
}

// Dropped is how many spans found the queue full.
func (b *Batcher) Dropped() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// Run exports until ctx ends, and then what is left. report learns of failures;
// the spans of a failed export are lost, as they are in an SDK.
func (b *Batcher) Run(ctx context.Context, sender *Sender, report func(error)) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	export := func(ctx context.Context) {
		b.mu.Lock()
		td := b.held
		b.held = ptrace.NewTraces()
		b.mu.Unlock()
		if td.SpanCount() == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := sender.Send(ctx, td); err != nil {
			report(err)
		}
	}
	for {
		select {
		case <-tick.C:
			export(ctx)
		case <-ctx.Done():
			export(context.WithoutCancel(ctx))
			return
		}
	}
}
