package simulate

import (
	"fmt"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// write emits every span of an ended call.
func (s *Simulation) write(k *call) {
	w := s.writer
	p := s.clientProcess(k)
	parent := k.truth.SpanID
	switch k.truth.Client {
	case Semconv:
		parent = s.writeSemconv(w, p, k)
	case OpenLLMetry:
		parent = s.writeOpenLLMetry(w, p, k)
	case OpenInference:
		parent = s.writeOpenInference(w, p, k)
	case VercelAI:
		parent = s.writeVercel(w, p, k)
	case PlainHTTP:
		s.writePlainHTTP(w, p, k)
	}
	if k.gatewayStart > 0 && k.gatewayEnd > 0 && k.truth.Outcome != Cancelled {
		parent = s.writeGateway(w, k, parent)
	}
	// An engine writes nothing for a call that its client gave up on.
	if k.serverEnd > 0 && k.truth.Outcome == OK {
		switch k.pool.Dialect {
		case VLLM, VLLMFastAPI:
			s.writeVLLM(w, k, parent)
		case SGLang:
			s.writeSGLang(w, k, parent)
		}
	}
}

func (s *Simulation) clientProcess(k *call) *process {
	language := "python"
	switch k.truth.Client {
	case VercelAI:
		language = "nodejs"
	case PlainHTTP:
		language = "go"
	}
	c := k.client
	p := s.writer.process(c.Service, k.truth.Version, c.Service+"-"+k.region.Name, func(m pcommon.Map) {
		m.PutStr("deployment.environment.name", c.Environment)
		m.PutStr("cloud.region", k.region.Name)
		m.PutStr("telemetry.sdk.language", language)
		m.PutStr("telemetry.sdk.name", "opentelemetry")
	})
	p.coarse = language == "nodejs"
	return p
}

// anchor opens the client's own span.
func (s *Simulation) anchor(w *writer, p *process, k *call, scope, version, name string, kind ptrace.SpanKind) ptrace.Span {
	span := w.span(p, scope, version, k, RoleClient, k.truth.Start, k.truth.End)
	span.SetSpanID(k.truth.SpanID)
	span.SetName(name)
	span.SetKind(kind)
	return span
}

// dimensions are what an application adds to its spans by itself.
func dimensions(m pcommon.Map, k *call) {
	if k.client.Route != "" {
		m.PutStr("app.route", k.client.Route)
	}
}

func fail(span ptrace.Span, p *process, k *call) {
	if k.truth.Outcome != Failed && k.truth.Outcome != Cancelled {
		return
	}
	module, kind, message := "openai", k.errorType, fmt.Sprintf("Error code: %d", k.status)
	if k.truth.Outcome == Cancelled {
		module, kind, message = "asyncio.exceptions", "CancelledError", ""
	}
	span.Status().SetCode(ptrace.StatusCodeError)
	span.Status().SetMessage(message)
	span.Attributes().PutStr("error.type", kind)
	e := span.Events().AppendEmpty()
	e.SetName("exception")
	e.SetTimestamp(pcommon.Timestamp(p.clock(k.truth.End)))
	e.Attributes().PutStr("exception.type", module+"."+kind)
	e.Attributes().PutStr("exception.message", message)
}

// httpx writes one HTTP CLIENT span per attempt, each ending at the response
// headers, and returns the last, under which the server's spans hang.
func (s *Simulation) httpx(w *writer, p *process, k *call) pcommon.SpanID {
	const scope, version = "opentelemetry.instrumentation.httpx", "0.62b0"
	for _, a := range k.failures {
		s.attempt(w, p, k, scope, version, k.truth.SpanID, a)
	}
	if k.truth.Outcome == Failed {
		return k.truth.SpanID
	}
	return s.attempt(w, p, k, scope, version, k.truth.SpanID, attempt{k.sent, headers(k), k.status})
}

// headers is when the response headers reach the client: those of a stream as
// soon as the server has taken the request, others with their body.
func headers(k *call) int64 {
	if !k.truth.Streaming || k.truth.Outcome == CacheHit {
		return k.clientLast
	}
	return min(k.spanStart+(k.serverStart-k.sent), k.clientFirst)
}

// attempt writes the HTTP CLIENT span of one try.
func (s *Simulation) attempt(w *writer, p *process, k *call, scope, version string, parent pcommon.SpanID, a attempt) pcommon.SpanID {
	span := w.span(p, scope, version, k, RoleAttempt, a.start, a.end)
	id := s.spanID()
	span.SetSpanID(id)
	span.SetParentSpanID(parent)
	span.SetName("POST")
	span.SetKind(ptrace.SpanKindClient)
	m := span.Attributes()
	m.PutStr("http.request.method", "POST")
	m.PutStr("url.full", "https://"+address(k)+"/v1/chat/completions")
	m.PutStr("server.address", address(k))
	m.PutInt("http.response.status_code", int64(a.status))
	if a.status >= 400 {
		span.Status().SetCode(ptrace.StatusCodeError)
		m.PutStr("error.type", strconv.Itoa(a.status))
	}
	return id
}

func address(k *call) string {
	switch {
	case k.gateway != nil:
		return k.gateway.Service + ".internal"
	case k.pool.Dialect == Hosted:
		return "api.openai.com"
	default:
		return k.pool.Service + ".internal"
	}
}

// answeredOK reports whether usage and finish reason came back.
func answeredOK(k *call) bool { return k.truth.Outcome == OK || k.truth.Outcome == CacheHit }

func (s *Simulation) writeSemconv(w *writer, p *process, k *call) pcommon.SpanID {
	tr := k.truth
	span := s.anchor(w, p, k, "opentelemetry.util.genai.handler", "0.4b0", "chat "+tr.Model, ptrace.SpanKindClient)
	m := span.Attributes()
	m.PutStr("gen_ai.operation.name", "chat")
	m.PutStr("gen_ai.provider.name", k.client.Provider)
	m.PutStr("gen_ai.request.model", tr.Model)
	m.PutStr("server.address", address(k))
	m.PutStr("gen_ai.conversation.id", k.session)
	m.PutStr("user.id", k.user)
	if tr.Streaming {
		m.PutBool("gen_ai.request.stream", true)
	}
	dimensions(m, k)
	if answeredOK(k) {
		m.PutStr("gen_ai.response.model", tr.Model)
		m.PutStr("gen_ai.response.id", requestID(k))
		putStrings(m, "gen_ai.response.finish_reasons", "stop")
		m.PutInt("gen_ai.usage.input_tokens", int64(tr.InputTokens))
		m.PutInt("gen_ai.usage.output_tokens", int64(tr.OutputTokens))
		if tr.Outcome == OK {
			m.PutInt("gen_ai.usage.cache_read.input_tokens", int64(tr.CachedTokens))
		}
		if tr.Streaming {
			m.PutDouble("gen_ai.response.time_to_first_chunk", seconds(tr.TTFT))
		}
	}
	fail(span, p, k)
	return s.httpx(w, p, k)
}

// maxEvents is the SDKs' default limit of events on a span; when it is full
// the oldest goes.
const maxEvents = 128

func (s *Simulation) writeOpenLLMetry(w *writer, p *process, k *call) pcommon.SpanID {
	tr := k.truth
	workflow := s.wrapper(w, p, k, "opentelemetry.instrumentation.langchain", "0.62.1", k.client.Route+".workflow")
	workflow.Attributes().PutStr("traceloop.span.kind", "workflow")
	workflow.Attributes().PutStr("traceloop.entity.name", k.client.Route)
	span := s.anchor(w, p, k, "opentelemetry.instrumentation.openai.v1", "0.62.1", "openai.chat", ptrace.SpanKindClient)
	span.SetParentSpanID(workflow.SpanID())
	m := span.Attributes()
	m.PutStr("gen_ai.operation.name", "chat")
	m.PutStr("gen_ai.provider.name", k.client.Provider)
	m.PutStr("gen_ai.request.model", tr.Model)
	m.PutBool("gen_ai.is_streaming", tr.Streaming)
	m.PutStr("traceloop.association.properties.session_id", k.session)
	m.PutStr("traceloop.association.properties.user_id", k.user)
	dimensions(m, k)
	if answeredOK(k) {
		m.PutStr("gen_ai.response.model", tr.Model)
		m.PutStr("gen_ai.response.id", requestID(k))
		putStrings(m, "gen_ai.response.finish_reasons", "stop")
		m.PutInt("gen_ai.usage.input_tokens", int64(tr.InputTokens))
		m.PutInt("gen_ai.usage.output_tokens", int64(tr.OutputTokens))
		m.PutInt("gen_ai.usage.total_tokens", int64(tr.InputTokens+tr.OutputTokens))
		m.PutInt("gen_ai.usage.cache_read.input_tokens", int64(tr.CachedTokens))
	}
	if answeredOK(k) && tr.Streaming {
		n := tr.OutputTokens
		first := max(0, n-maxEvents)
		span.SetDroppedEventsCount(uint32(first))
		span.Events().EnsureCapacity(n - first)
		for i := first; i < n; i++ {
			at := k.clientFirst
			if n > 1 {
				at += int64(float64(tr.ClientDecode) * float64(i) / float64(n-1))
			}
			e := span.Events().AppendEmpty()
			e.SetName("gen_ai.content.completion.chunk")
			e.SetTimestamp(pcommon.Timestamp(p.clock(at)))
		}
	}
	fail(span, p, k)
	return s.httpx(w, p, k)
}

// wrapper is a framework's span around the call: never a request itself.
func (s *Simulation) wrapper(w *writer, p *process, k *call, scope, version, name string) ptrace.Span {
	start := k.truth.Start
	if len(k.failures) > 0 {
		start = min(start, k.failures[0].start)
	}
	span := w.span(p, scope, version, k, 0, start-12e5, k.truth.End+8e5)
	span.SetSpanID(s.spanID())
	span.SetName(name)
	span.SetKind(ptrace.SpanKindInternal)
	return span
}

func (s *Simulation) writeOpenInference(w *writer, p *process, k *call) pcommon.SpanID {
	tr := k.truth
	const scope, version = "openinference.instrumentation.langchain", "0.1.54"
	chain := s.wrapper(w, p, k, scope, version, "RunnableSequence")
	chain.Attributes().PutStr("openinference.span.kind", "CHAIN")
	chain.Attributes().PutStr("session.id", k.session)

	// LangChain's own LLM span surrounds the SDK's: one call, two LLM spans.
	outer := w.span(p, scope, version, k, 0, tr.Start-6e5, tr.End+3e5)
	outer.SetSpanID(s.spanID())
	outer.SetParentSpanID(chain.SpanID())
	outer.SetName("ChatOpenAI")
	outer.SetKind(ptrace.SpanKindInternal)
	outer.Attributes().PutStr("openinference.span.kind", "LLM")
	outer.Attributes().PutStr("llm.model_name", tr.Model)
	outer.Attributes().PutStr("session.id", k.session)
	outer.Attributes().PutStr("user.id", k.user)
	if answeredOK(k) {
		outer.Attributes().PutInt("llm.token_count.prompt", int64(tr.InputTokens))
		outer.Attributes().PutInt("llm.token_count.completion", int64(tr.OutputTokens))
	}

	span := s.anchor(w, p, k, "openinference.instrumentation.openai", "0.1.38", "ChatCompletion", ptrace.SpanKindInternal)
	span.SetParentSpanID(outer.SpanID())
	m := span.Attributes()
	m.PutStr("openinference.span.kind", "LLM")
	m.PutStr("llm.model_name", tr.Model)
	m.PutStr("llm.provider", k.client.Provider)
	m.PutStr("llm.system", "openai")
	m.PutStr("llm.invocation_parameters", fmt.Sprintf(`{"model": %q, "stream": %t}`, tr.Model, tr.Streaming))
	dimensions(m, k)
	if answeredOK(k) {
		m.PutInt("llm.token_count.prompt", int64(tr.InputTokens))
		m.PutInt("llm.token_count.completion", int64(tr.OutputTokens))
		m.PutInt("llm.token_count.total", int64(tr.InputTokens+tr.OutputTokens))
		m.PutInt("llm.token_count.prompt_details.cache_read", int64(tr.CachedTokens))
		m.PutStr("llm.finish_reason", "stop")
		if tr.Streaming {
			e := span.Events().AppendEmpty()
			e.SetName("First Token Stream Event")
			e.SetTimestamp(pcommon.Timestamp(p.clock(k.clientFirst)))
		}
	}
	fail(span, p, k)
	fail(outer, p, k)
	return s.httpx(w, p, k)
}

func (s *Simulation) writePlainHTTP(w *writer, p *process, k *call) {
	tr := k.truth
	span := s.anchor(w, p, k, "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "0.70.0", "HTTP POST", ptrace.SpanKindClient)
	m := span.Attributes()
	m.PutStr("http.request.method", "POST")
	m.PutStr("url.full", "https://"+address(k)+"/v1/chat/completions")
	m.PutStr("server.address", address(k))
	m.PutStr("network.protocol.version", "2")
	m.PutInt("http.response.status_code", int64(k.status))
	dimensions(m, k)
	if tr.Outcome == Failed {
		span.Status().SetCode(ptrace.StatusCodeError)
		m.PutStr("error.type", strconv.Itoa(k.status))
	}
	if k.connect.total() == 0 || tr.Outcome == Failed {
		return
	}
	const scope, version = "go.opentelemetry.io/otel/instrumentation/httptrace", "0.70.0"
	child := func(name string, parent pcommon.SpanID, start, end int64) pcommon.SpanID {
		c := w.span(p, scope, version, k, 0, start, end)
		c.SetSpanID(s.spanID())
		c.SetParentSpanID(parent)
		c.SetName(name)
		c.SetKind(ptrace.SpanKindClient)
		return c.SpanID()
	}
	t := k.sent + 2e5
	conn := child("http.getconn", tr.SpanID, t, t+k.connect.total())
	child("http.dns", conn, t, t+k.connect.dns)
	child("http.connect", conn, t+k.connect.dns, t+k.connect.dns+k.connect.tcp)
	child("http.tls", conn, t+k.connect.dns+k.connect.tcp, t+k.connect.total())
}
