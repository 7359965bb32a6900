package simulate

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func (s *Simulation) writeGateway(w *writer, k *call, parent pcommon.SpanID) pcommon.SpanID {
	g, tr := k.gateway, k.truth
	p := w.process(g.Service, g.Version, g.Service+"-0", func(m pcommon.Map) {
		m.PutStr("telemetry.sdk.name", "opentelemetry")
	})
	hit := tr.Outcome == CacheHit
	span := w.span(p, gatewayScope[g.Dialect], "", k, RoleGateway, k.gatewayStart, k.gatewayEnd)
	span.SetSpanID(s.spanID())
	span.SetParentSpanID(parent)
	m := span.Attributes()
	inside := func(name string, kind ptrace.SpanKind, start, end int64) ptrace.Span {
		c := w.span(p, gatewayScope[g.Dialect], "", k, 0, start, end)
		c.SetSpanID(s.spanID())
		c.SetParentSpanID(span.SpanID())
		c.SetName(name)
		c.SetKind(kind)
		return c
	}
	cacheKey := "null"
	if hit {
		cacheKey = fmt.Sprintf(`"litellm:%016x"`, k.sessionKey)
	}
	hidden := fmt.Sprintf(`{"model_id": "m-1", "cache_key": %s, "api_base": "http://%s:8000/v1", "litellm_overhead_time_ms": %.1f}`,
		cacheKey, k.pool.Service, float64(max(k.serverStart-k.gatewayStart, 0))/1e6)
	switch g.Dialect {
	case LiteLLMv1:
		span.SetName("Received Proxy Server Request")
		span.SetKind(ptrace.SpanKindServer)
		span.Status().SetCode(ptrace.StatusCodeOk)
		m.PutStr("gen_ai.request.model", tr.Model)
		m.PutStr("gen_ai.system", "hosted_vllm")
		m.PutStr("gen_ai.operation.name", "acompletion")
		m.PutStr("llm.request.type", "acompletion")
		m.PutStr("llm.is_streaming", pythonBool(tr.Streaming))
		m.PutStr("gen_ai.response.finish_reasons", `["stop"]`)
		m.PutStr("gen_ai.response.id", requestID(k))
		m.PutInt("gen_ai.usage.input_tokens", int64(tr.InputTokens))
		m.PutInt("gen_ai.usage.output_tokens", int64(tr.OutputTokens))
		m.PutInt("gen_ai.usage.total_tokens", int64(tr.InputTokens+tr.OutputTokens))
		m.PutStr("hidden_params", hidden)
		inside("auth", ptrace.SpanKindInternal, k.gatewayStart+5e5, k.gatewayStart+25e5).Attributes().PutStr("service", "auth")
		if !hit {
			raw := inside("raw_gen_ai_request", ptrace.SpanKindInternal, k.serverStart-4e5, k.gatewayEnd-3e5)
			raw.Attributes().PutStr("llm.hosted_vllm.model", k.pool.Service)
			raw.Attributes().PutStr("llm.hosted_vllm.stream", pythonBool(tr.Streaming))
		}
		return parent // the inbound traceparent goes upstream unchanged
	case LiteLLMv2:
		span.SetName("POST /v1/chat/completions")
		span.SetKind(ptrace.SpanKindServer)
		m.PutStr("http.request.method", "POST")
		m.PutStr("http.route", "/v1/chat/completions")
		m.PutInt("http.response.status_code", 200)
		if hit {
			m.PutStr("hidden_params", hidden)
			return span.SpanID()
		}
		inside("auth /v1/chat/completions", ptrace.SpanKindInternal, k.gatewayStart+5e5, k.gatewayStart+25e5)
		llm := inside("chat "+tr.Model, ptrace.SpanKindClient, k.serverStart-4e5, k.gatewayEnd-3e5)
		m = llm.Attributes()
		m.PutStr("gen_ai.operation.name", "chat")
		m.PutStr("gen_ai.provider.name", "hosted_vllm")
		m.PutStr("gen_ai.request.model", tr.Model)
		m.PutStr("litellm.call_id", requestID(k))
		m.PutStr("gen_ai.response.id", requestID(k))
		putStrings(m, "gen_ai.response.finish_reasons", "stop")
		m.PutInt("gen_ai.usage.input_tokens", int64(tr.InputTokens))
		m.PutInt("gen_ai.usage.output_tokens", int64(tr.OutputTokens))
		if tr.Streaming {
			m.PutBool("litellm.request.streaming", true)
			m.PutDouble("gen_ai.response.time_to_first_chunk", seconds(k.frontFirst-k.serverStart+10e5))
		}
		return llm.SpanID()
	default: // EnvoyAI, OpenInference vocabulary
		span.SetName("ChatCompletion")
		span.SetKind(ptrace.SpanKindInternal)
		m.PutStr("openinference.span.kind", "LLM")
		m.PutStr("llm.system", "openai")
		m.PutStr("llm.model_name", tr.Model)
		m.PutStr("llm.invocation_parameters", fmt.Sprintf(`{"model": %q, "stream": %t}`, tr.Model, tr.Streaming))
		m.PutInt("llm.token_count.prompt", int64(tr.InputTokens))
		m.PutInt("llm.token_count.completion", int64(tr.OutputTokens))
		m.PutInt("llm.token_count.total", int64(tr.InputTokens+tr.OutputTokens))
		span.Status().SetCode(ptrace.StatusCodeOk)
		if tr.Streaming {
			e := span.Events().AppendEmpty()
			e.SetName("First Token Stream Event")
			e.SetTimestamp(pcommon.Timestamp(p.clock(min(k.frontFirst+12e5, k.gatewayEnd))))
		}
		return span.SpanID()
	}
}

// pythonBool is a boolean as str() gives it.
func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

var gatewayScope = map[Dialect]string{LiteLLMv1: "litellm", LiteLLMv2: "litellm", EnvoyAI: "envoyproxy/ai-gateway"}

func (s *Simulation) engineProcess(w *writer, k *call) *process {
	instance := fmt.Sprintf("%s-%d", k.pool.Service, k.replica)
	return w.process(k.pool.Service, k.pool.Version, instance, func(m pcommon.Map) {
		m.PutStr("telemetry.sdk.language", "python")
		m.PutStr("telemetry.sdk.name", "opentelemetry")
		if k.pool.Dialect != SGLang {
			m.PutStr("vllm.instrumenting_module_name", "vllm.entrypoints.openai.api_server")
			m.PutStr("vllm.process_id", "4711")
		}
	})
}

func (s *Simulation) writeVLLM(w *writer, k *call, parent pcommon.SpanID) {
	p := s.engineProcess(w, k)
	if k.pool.Dialect == VLLMFastAPI {
		// vLLM reads traceparent from the request's headers, so its own span is
		// a sibling of the HTTP SERVER span of the same process.
		h := w.span(p, "opentelemetry.instrumentation.fastapi", "0.62b0", k, RoleServerHTTP, k.serverStart, k.serverEnd)
		h.SetSpanID(s.spanID())
		h.SetParentSpanID(parent)
		h.SetName("POST /v1/chat/completions")
		h.SetKind(ptrace.SpanKindServer)
		h.Attributes().PutStr("http.method", "POST")
		h.Attributes().PutStr("http.route", "/v1/chat/completions")
		h.Attributes().PutInt("http.status_code", 200)
	}
	span := w.span(p, "vllm.tracing.otel", "", k, RoleEngine, k.spanStart, k.spanEnd)
	span.SetSpanID(s.spanID())
	span.SetParentSpanID(parent)
	vllmSpan(span, k, k.frontLast-k.spanStart, k.client.Output.Max)
}

// vllmSpan fills an llm_request as vLLM's V1 engine writes it.
func vllmSpan(span ptrace.Span, k *call, e2e int64, maxTokens int) {
	tr := k.truth
	span.SetName("llm_request")
	span.SetKind(ptrace.SpanKindServer)
	m := span.Attributes()
	m.PutStr("gen_ai.request.id", requestID(k))
	m.PutDouble("gen_ai.request.temperature", 0.7)
	m.PutInt("gen_ai.request.max_tokens", int64(maxTokens))
	m.PutInt("gen_ai.usage.prompt_tokens", int64(tr.InputTokens))
	m.PutInt("gen_ai.usage.completion_tokens", int64(tr.OutputTokens))
	m.PutDouble("gen_ai.latency.time_in_queue", seconds(tr.Queue))
	m.PutDouble("gen_ai.latency.time_in_model_prefill", seconds(tr.Prefill))
	m.PutDouble("gen_ai.latency.time_in_model_decode", seconds(tr.Decode))
	m.PutDouble("gen_ai.latency.time_in_model_inference", seconds(tr.Prefill+tr.Decode))
	m.PutDouble("gen_ai.latency.time_to_first_token", seconds(tr.ServerTTFT))
	m.PutDouble("gen_ai.latency.e2e", seconds(e2e))
}

func (s *Simulation) writeSGLang(w *writer, k *call, parent pcommon.SpanID) {
	p, tr := s.engineProcess(w, k), k.truth
	const scope = "sglang server"
	host := fmt.Sprintf("(host:7be9a0c%d | pid:%d)", k.replica, 210+112*k.replica)
	at := func(name string, parent pcommon.SpanID, role Roles, start, end int64) ptrace.Span {
		span := w.span(p, scope, "", k, role, start, end)
		span.SetSpanID(s.spanID())
		span.SetParentSpanID(parent)
		span.SetName(name)
		span.SetKind(ptrace.SpanKindInternal)
		return span
	}
	rid := fmt.Sprintf("%010x", k.id)
	root := at(" Req "+rid[:8], parent, RoleEngine, k.spanStart, k.spanEnd)
	m := root.Attributes()
	m.PutStr("rid", rid)
	m.PutStr("module", "sglang::request")
	m.PutDouble("gen_ai.latency.time_to_first_token", seconds(tr.ServerTTFT))
	m.PutDouble("gen_ai.latency.e2e", seconds(k.frontLast-k.spanStart))
	// SGLang's prefill starts at dispatch: it includes the queue.
	m.PutDouble("gen_ai.latency.time_in_model_prefill", seconds(k.frontFirst-k.queued))
	m.PutDouble("gen_ai.latency.time_in_model_decode", seconds(k.frontLast-k.frontFirst))
	m.PutDouble("gen_ai.latency.time_in_model_inference", seconds(k.frontLast-k.queued))
	m.PutInt("gen_ai.usage.prompt_tokens", int64(tr.InputTokens))
	m.PutInt("gen_ai.usage.completion_tokens", int64(tr.OutputTokens))
	m.PutInt("gen_ai.usage.cached_tokens", int64(tr.CachedTokens))
	m.PutStr("gen_ai.response.model", tr.Model)
	m.PutStr("gen_ai.response.finish_reasons", `["stop"]`)
	if tr.Preemptions > 0 {
		e := root.Events().AppendEmpty()
		e.SetName("retract")
		e.SetTimestamp(pcommon.Timestamp(p.clock(k.first)))
	}
	tokenizer := at("Tokenizer "+host, root.SpanID(), 0, k.spanStart, k.spanEnd)
	at("tokenize", tokenizer.SpanID(), 0, k.spanStart+1e5, max(k.queued-4e5, k.spanStart+2e5))
	scheduler := at("Scheduler [TP 0] "+host, root.SpanID(), 0, k.queued, k.last)
	at("prefill_waiting", scheduler.SpanID(), RoleQueue, k.queued, k.scheduled)
	at("prefill_forward", scheduler.SpanID(), RolePrefill, k.scheduled, k.first)
	at("decode_forward", scheduler.SpanID(), RoleDecode, k.first, k.last)
}
