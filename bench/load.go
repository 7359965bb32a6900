package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

const (
	// exportRequests are in an export: those of a second of the spans' own time, whatever
	// the speed they are sent at.
	exportRequests = 2_000
	// maxLength is how much span time a load may have: Phaseline refuses spans that are more than
	// ten minutes ahead of its clock. A larger load has less than a second for each export.
	maxLength = 8 * time.Minute
	// The engine's span of a request is this many exports after the client's spans.
	engineDelayMin, engineDelayMax = 2, 10
)

// load is OTLP/HTTP bodies of some thousand spans each.
type load struct {
	bodies          [][]byte
	requests, spans int
	length          time.Duration // of the spans' own time
}

// newLoad makes the spans of n requests, the first of which starts then. Each
// request is a client's span, the HTTP call below it, and the span of vLLM.
func newLoad(n int, start time.Time) (load, error) {
	l := load{requests: n}
	random := rand.New(rand.NewPCG(1, 2))
	exports := (n + exportRequests - 1) / exportRequests
	step := min(time.Second, maxLength/time.Duration(max(exports, 1)))
	l.length = step * time.Duration(exports)
	engines := make([][]request, exports+engineDelayMax+1)
	for export := range engines {
		var clients []request
		for range min(exportRequests, n-export*exportRequests) {
			at := start.Add(time.Duration(export)*step + time.Duration(random.Int64N(int64(step))))
			r := draw(random, at)
			clients = append(clients, r)
			later := min(export+engineDelayMin+random.IntN(engineDelayMax-engineDelayMin+1), len(engines)-1)
			engines[later] = append(engines[later], r)
		}
		td := ptrace.NewTraces()
		writeClients(td, clients)
		writeEngines(td, engines[export])
		engines[export] = nil
		if td.SpanCount() == 0 {
			continue
		}
		body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
		if err != nil {
			return load{}, err
		}
		l.bodies = append(l.bodies, body)
		l.spans += td.SpanCount()
	}
	return l, nil
}

// request is one call of a model as it was.
type request struct {
	trace                                   pcommon.TraceID
	client, http, engine                    pcommon.SpanID
	start                                   time.Time
	network, queue, prefill, decode, server time.Duration
	input, output                           int64
	model, id                               string
}

func draw(random *rand.Rand, start time.Time) request {
	r := request{start: start}
	binary.BigEndian.PutUint64(r.trace[:], random.Uint64())
	binary.BigEndian.PutUint64(r.trace[8:], random.Uint64())
	for _, id := range []*pcommon.SpanID{&r.client, &r.http, &r.engine} {
		binary.BigEndian.PutUint64(id[:], random.Uint64())
	}
	exponential := func(mean time.Duration) time.Duration { return time.Duration(random.ExpFloat64() * float64(mean)) }
	r.network = 2*time.Millisecond + exponential(8*time.Millisecond)
	r.queue = exponential(60 * time.Millisecond)
	r.input, r.output = 10+random.Int64N(6000), 20+random.Int64N(400)
	r.prefill = 20*time.Millisecond + time.Duration(r.input)*30*time.Microsecond + exponential(5*time.Millisecond)
	r.decode = time.Duration(r.output) * (8*time.Millisecond + exponential(2*time.Millisecond))
	r.server = r.queue + r.prefill + r.decode + exponential(time.Millisecond)
	r.model = []string{"Qwen/Qwen3-32B", "meta-llama/Llama-3.1-8B-Instruct"}[random.IntN(2)]
	r.id = fmt.Sprintf("chatcmpl-%016x", random.Uint64())
	return r
}

func writeClients(td ptrace.Traces, requests []request) {
	if len(requests) == 0 {
		return
	}
	resource := newResource(td, "support-chat")
	calls := resource.ScopeSpans().AppendEmpty()
	calls.Scope().SetName("opentelemetry.instrumentation.openai_v2")
	attempts := resource.ScopeSpans().AppendEmpty()
	attempts.Scope().SetName("opentelemetry.instrumentation.httpx")
	for _, r := range requests {
		s := newSpan(calls, r, "chat "+r.model, ptrace.SpanKindClient, r.client, pcommon.SpanID{}, 0, r.server+r.network)
		a := s.Attributes()
		a.PutStr("gen_ai.operation.name", "chat")
		a.PutStr("gen_ai.provider.name", "openai")
		a.PutStr("gen_ai.request.model", r.model)
		a.PutStr("gen_ai.response.model", r.model)
		a.PutStr("gen_ai.response.id", r.id)
		a.PutBool("gen_ai.request.stream", true)
		a.PutInt("gen_ai.usage.input_tokens", r.input)
		a.PutInt("gen_ai.usage.output_tokens", r.output)
		a.PutEmptySlice("gen_ai.response.finish_reasons").AppendEmpty().SetStr("stop")
		a.PutDouble("gen_ai.response.time_to_first_chunk", (r.queue + r.prefill + r.network/2).Seconds())
		a.PutStr("server.address", "llm.internal")
		a.PutInt("server.port", 8000)

		s = newSpan(attempts, r, "POST", ptrace.SpanKindClient, r.http, r.client, r.network/8, r.server+r.network/2)
		a = s.Attributes()
		a.PutStr("http.request.method", "POST")
		a.PutStr("url.full", "http://llm.internal:8000/v1/chat/completions")
		a.PutStr("server.address", "llm.internal")
		a.PutInt("server.port", 8000)
		a.PutInt("http.response.status_code", 200)
		a.PutStr("network.protocol.version", "1.1")
	}
}

func writeEngines(td ptrace.Traces, requests []request) {
	if len(requests) == 0 {
		return
	}
	scope := newResource(td, "vllm").ScopeSpans().AppendEmpty()
	scope.Scope().SetName("vllm.llm_engine")
	for _, r := range requests {
		s := newSpan(scope, r, "llm_request", ptrace.SpanKindServer, r.engine, r.http, r.network/2, r.server)
		a := s.Attributes()
		a.PutStr("gen_ai.response.model", r.model)
		a.PutStr("gen_ai.request.id", r.id)
		a.PutDouble("gen_ai.request.temperature", 0.7)
		a.PutDouble("gen_ai.request.top_p", 1)
		a.PutInt("gen_ai.request.max_tokens", 1024)
		a.PutInt("gen_ai.request.n", 1)
		a.PutInt("gen_ai.usage.prompt_tokens", r.input)
		a.PutInt("gen_ai.usage.completion_tokens", r.output)
		a.PutDouble("gen_ai.latency.time_in_queue", r.queue.Seconds())
		a.PutDouble("gen_ai.latency.time_to_first_token", (r.queue + r.prefill + 100*time.Microsecond).Seconds())
		a.PutDouble("gen_ai.latency.e2e", r.server.Seconds())
		a.PutDouble("gen_ai.latency.time_in_model_prefill", r.prefill.Seconds())
		a.PutDouble("gen_ai.latency.time_in_model_decode", r.decode.Seconds())
	}
}

func newResource(td ptrace.Traces, service string) ptrace.ResourceSpans {
	resource := td.ResourceSpans().AppendEmpty()
	a := resource.Resource().Attributes()
	a.PutStr("service.name", service)
	a.PutStr("service.version", "1.4.2")
	a.PutStr("deployment.environment.name", "production")
	a.PutStr("telemetry.sdk.language", "python")
	return resource
}

func newSpan(scope ptrace.ScopeSpans, r request, name string, kind ptrace.SpanKind, id, parent pcommon.SpanID, after, length time.Duration) ptrace.Span {
	s := scope.Spans().AppendEmpty()
	s.SetName(name)
	s.SetKind(kind)
	s.SetTraceID(r.trace)
	s.SetSpanID(id)
	s.SetParentSpanID(parent)
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(r.start.Add(after)))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(r.start.Add(after + length)))
	return s
}
