package simulate

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// toolTime is how long a client-side tool keeps a step's finish part back.
const toolTime = 250e6

// writeVercel writes as version 6 of the AI SDK does: a root with the sums, and
// one doStream or doGenerate per attempt. A step's span ends only when its
// client-side tools have run. The HTTP client under it, undici, passes the trace
// on. It returns the span that the server's hang under.
func (s *Simulation) writeVercel(w *writer, p *process, k *call) pcommon.SpanID {
	tr := k.truth
	root, step := "ai.streamText", "ai.streamText.doStream"
	if !tr.Streaming {
		root, step = "ai.generateText", "ai.generateText.doGenerate"
	}
	tool := tr.Outcome == OK && tr.Streaming && s.ids.Float64() < k.client.Tools
	toolStart := tr.End
	if tool {
		tr.End += toolTime
		tr.Total += toolTime
		tr.ToolInside = true
	}
	outer := s.wrapper(w, p, k, "ai", "", root+" "+k.client.Route)
	s.vercelCommon(outer.Attributes(), k, root)
	if answeredOK(k) {
		outer.Attributes().PutInt("ai.usage.inputTokens", int64(tr.InputTokens))
		outer.Attributes().PutInt("ai.usage.outputTokens", int64(tr.OutputTokens))
	}
	const undici, version = "@opentelemetry/instrumentation-undici", "0.34.0"
	for i, a := range k.failures {
		if tr.Outcome == Failed && i == len(k.failures)-1 {
			s.attempt(w, p, k, undici, version, tr.SpanID, a)
			break // this one is the anchor
		}
		span := w.span(p, "ai", "", k, 0, a.start, a.end)
		span.SetSpanID(s.spanID())
		span.SetParentSpanID(outer.SpanID())
		span.SetName(step + " " + k.client.Route)
		span.SetKind(ptrace.SpanKindInternal)
		s.vercelCommon(span.Attributes(), k, step)
		span.Status().SetCode(ptrace.StatusCodeError)
		s.attempt(w, p, k, undici, version, span.SpanID(), a)
	}
	if tr.Outcome == Cancelled {
		return tr.SpanID // an aborted stream leaves the root only
	}
	span := s.anchor(w, p, k, "ai", "", step+" "+k.client.Route, ptrace.SpanKindInternal)
	span.SetParentSpanID(outer.SpanID())
	m := span.Attributes()
	s.vercelCommon(m, k, step)
	dimensions(m, k)
	if tr.Outcome == Failed {
		span.Status().SetCode(ptrace.StatusCodeError)
		outer.Status().SetCode(ptrace.StatusCodeError)
		return tr.SpanID
	}
	m.PutStr("ai.response.finishReason", "stop")
	m.PutStr("ai.response.id", requestID(k))
	m.PutStr("ai.response.model", tr.Model)
	m.PutStr("gen_ai.system", k.client.Provider+".chat")
	m.PutStr("gen_ai.request.model", tr.Model)
	m.PutInt("ai.usage.inputTokens", int64(tr.InputTokens))
	m.PutInt("ai.usage.outputTokens", int64(tr.OutputTokens))
	m.PutInt("ai.usage.cachedInputTokens", int64(tr.CachedTokens))
	m.PutInt("gen_ai.usage.input_tokens", int64(tr.InputTokens))
	m.PutInt("gen_ai.usage.output_tokens", int64(tr.OutputTokens))
	if tr.Streaming {
		// The SDK's clock for both starts just before the model call, which is
		// where the span starts; tools hold the finish part back.
		finish := tr.TTFT + tr.ClientDecode
		if tool {
			finish += toolTime
		}
		putNumber(m, "ai.response.msToFirstChunk", millis(tr.TTFT))
		putNumber(m, "ai.response.msToFinish", millis(finish))
		e := span.Events().AppendEmpty()
		e.SetName("ai.stream.firstChunk")
		e.SetTimestamp(span.StartTimestamp() + pcommon.Timestamp(tr.TTFT))
		putNumber(e.Attributes(), "ai.response.msToFirstChunk", millis(tr.TTFT))
	}
	if tool {
		call := w.span(p, "ai", "", k, 0, toolStart, toolStart+toolTime-1e6)
		call.SetSpanID(s.spanID())
		call.SetParentSpanID(outer.SpanID())
		call.SetName("ai.toolCall " + k.client.Route)
		call.SetKind(ptrace.SpanKindInternal)
		call.Attributes().PutStr("ai.operationId", "ai.toolCall")
		call.Attributes().PutStr("ai.toolCall.name", "lookupOrder")
	}
	return s.attempt(w, p, k, undici, version, tr.SpanID, attempt{k.sent, k.clientLast, k.status})
}

// putNumber writes a number as JavaScript's exporters do: an integral one is an
// int, whatever it measures.
func putNumber(m pcommon.Map, key string, v float64) {
	if v == math.Trunc(v) {
		m.PutInt(key, int64(v))
	} else {
		m.PutDouble(key, v)
	}
}

func (s *Simulation) vercelCommon(m pcommon.Map, k *call, operation string) {
	m.PutStr("operation.name", operation+" "+k.client.Route)
	m.PutStr("ai.operationId", operation)
	m.PutStr("ai.telemetry.functionId", k.client.Route)
	m.PutStr("ai.telemetry.metadata.sessionId", k.session)
	m.PutStr("ai.telemetry.metadata.userId", k.user)
	m.PutStr("ai.model.id", k.truth.Model)
	m.PutStr("ai.model.provider", k.client.Provider+".chat")
	m.PutInt("ai.settings.maxRetries", 2)
}
