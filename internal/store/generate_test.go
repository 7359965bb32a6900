package store

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// generator makes traces of an application that calls vLLM, with ids of its own.
type generator struct {
	random *rand.Rand
	vary   func(n int) int // decides the shape of a trace; random, or a property test's
}

func newGenerator(seed uint64) *generator {
	g := &generator{random: rand.New(rand.NewPCG(seed, 1))}
	g.vary = g.random.IntN
	return g
}

// piece is a span with its resource and scope, as one export may carry it.
type piece struct{ td ptrace.Traces }

func (p piece) span() ptrace.Span {
	return p.td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
}

// merge puts pieces into one export.
func merge(pieces []piece) ptrace.Traces {
	td := ptrace.NewTraces()
	for _, p := range pieces {
		p.td.ResourceSpans().At(0).CopyTo(td.ResourceSpans().AppendEmpty())
	}
	return td
}

func (g *generator) spanID() (id pcommon.SpanID) {
	binary.BigEndian.PutUint64(id[:], g.random.Uint64()|1)
	return id
}

func (g *generator) traceID() (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[:], g.random.Uint64()|1)
	binary.BigEndian.PutUint64(id[8:], g.random.Uint64())
	return id
}

func (g *generator) piece(service, scope, name string, kind ptrace.SpanKind, trace pcommon.TraceID, parent pcommon.SpanID, start time.Time, length time.Duration) piece {
	td := ptrace.NewTraces()
	resource := td.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", service)
	resource.Resource().Attributes().PutStr("service.version", "1.4.2")
	resource.Resource().Attributes().PutStr("deployment.environment.name", "production")
	resource.Resource().Attributes().PutStr("telemetry.sdk.language", "python")
	scopes := resource.ScopeSpans().AppendEmpty()
	scopes.Scope().SetName(scope)
	span := scopes.Spans().AppendEmpty()
	span.SetName(name)
	span.SetKind(kind)
	span.SetTraceID(trace)
	span.SetSpanID(g.spanID())
	span.SetParentSpanID(parent)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(length)))
	return piece{td}
}

// call is the spans of one model call: client, HTTP attempt and engine.
func (g *generator) call(trace pcommon.TraceID, parent pcommon.SpanID, start time.Time) []piece {
	queue := time.Duration(g.random.Int64N(int64(200 * time.Millisecond)))
	prefill := 20*time.Millisecond + time.Duration(g.random.Int64N(int64(400*time.Millisecond)))
	output := 20 + g.random.Int64N(400)
	decode := time.Duration(output) * (8*time.Millisecond + time.Duration(g.random.Int64N(int64(4*time.Millisecond))))
	network := time.Millisecond + time.Duration(g.random.Int64N(int64(30*time.Millisecond)))
	server := queue + prefill + decode + time.Millisecond
	input := 10 + g.random.Int64N(6000)
	model := []string{"Qwen/Qwen3-32B", "meta-llama/Llama-3.1-8B-Instruct"}[g.random.IntN(2)]
	id := fmt.Sprintf("chatcmpl-%016x", g.random.Uint64())

	client := g.piece("support-chat", "opentelemetry.instrumentation.openai_v2", "chat "+model, ptrace.SpanKindClient, trace, parent, start, server+network)
	a := client.span().Attributes()
	a.PutStr("gen_ai.operation.name", "chat")
	a.PutStr("gen_ai.provider.name", "openai")
	a.PutStr("gen_ai.request.model", model)
	a.PutStr("gen_ai.response.model", model)
	a.PutStr("gen_ai.response.id", id)
	a.PutBool("gen_ai.request.stream", true)
	a.PutInt("gen_ai.usage.input_tokens", input)
	a.PutInt("gen_ai.usage.output_tokens", output)
	a.PutEmptySlice("gen_ai.response.finish_reasons").AppendEmpty().SetStr("stop")
	a.PutDouble("gen_ai.response.time_to_first_chunk", (queue + prefill + network/2).Seconds())
	a.PutStr("server.address", "llm.internal")
	a.PutInt("server.port", 8000)

	http := g.piece("support-chat", "opentelemetry.instrumentation.httpx", "POST", ptrace.SpanKindClient, trace, client.span().SpanID(), start.Add(network/8), server+network/2)
	a = http.span().Attributes()
	a.PutStr("http.request.method", "POST")
	a.PutStr("url.full", "http://llm.internal:8000/v1/chat/completions")
	a.PutStr("server.address", "llm.internal")
	a.PutInt("server.port", 8000)
	a.PutInt("http.response.status_code", 200)
	a.PutStr("network.protocol.version", "1.1")

	engine := g.piece("vllm", "vllm.llm_engine", "llm_request", ptrace.SpanKindServer, trace, http.span().SpanID(), start.Add(network/2), server)
	a = engine.span().Attributes()
	a.PutStr("gen_ai.response.model", model)
	a.PutStr("gen_ai.request.id", id)
	a.PutDouble("gen_ai.request.temperature", 0.7)
	a.PutDouble("gen_ai.request.top_p", 1)
	a.PutInt("gen_ai.request.max_tokens", 1024)
	a.PutInt("gen_ai.request.n", 1)
	a.PutInt("gen_ai.usage.prompt_tokens", input)
	a.PutInt("gen_ai.usage.completion_tokens", output)
	a.PutDouble("gen_ai.latency.time_in_queue", queue.Seconds())
	a.PutDouble("gen_ai.latency.time_to_first_token", (queue + prefill + 700*time.Microsecond).Seconds())
	a.PutDouble("gen_ai.latency.e2e", server.Seconds())
	a.PutDouble("gen_ai.latency.time_in_model_prefill", prefill.Seconds())
	a.PutDouble("gen_ai.latency.time_in_model_decode", decode.Seconds())
	return []piece{client, http, engine}
}

// trace is the spans of a trace that has one to three calls in some shape.
func (g *generator) trace(start time.Time) []piece {
	trace := g.traceID()
	var pieces []piece
	root := pcommon.SpanID{}
	if g.vary(2) == 0 {
		p := g.piece("support-chat", "opentelemetry.instrumentation.asgi", "POST /answer", ptrace.SpanKindServer, trace, root, start, 20*time.Second)
		p.span().Attributes().PutStr("http.request.method", "POST")
		pieces = append(pieces, p)
		root = p.span().SpanID()
	}
	for range 1 + g.vary(3) {
		call := g.call(trace, root, start)
		start = start.Add(time.Duration(1+g.vary(5)) * time.Second)
		switch g.vary(6) {
		case 0: // no client instrumentation: the HTTP span is the request
			call = call[1:]
		case 1: // no HTTP instrumentation: the engine is below the client
			call[2].span().SetParentSpanID(call[0].span().SpanID())
			call = []piece{call[0], call[2]}
		case 2: // the engine sends nothing
			call = call[:2]
		case 3: // a framework's span around the client's
			outer := g.piece("support-chat", "opentelemetry.instrumentation.langchain", "ChatOpenAI.chat", ptrace.SpanKindClient, trace, root, start, 15*time.Second)
			outer.span().Attributes().PutStr("gen_ai.operation.name", "chat")
			outer.span().Attributes().PutStr("gen_ai.request.model", "gpt-4.1")
			outer.span().Attributes().PutStr("session.id", "s-1")
			call[0].span().SetParentSpanID(outer.span().SpanID())
			call = append(call, outer)
		}
		pieces = append(pieces, call...)
	}
	return pieces
}
