package phase_test

import (
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"pgregory.net/rapid"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
)

// sender writes one kind of span; names and attributes are those of the field.
type sender struct {
	service, scope, name string
	kind                 ptrace.SpanKind
	attributes           func(t *rapid.T, span ptrace.Span, ms int64)
}

func fraction(t *rapid.T, ms int64, label string) float64 {
	return float64(ms) / 1e3 * float64(rapid.IntRange(0, 130).Draw(t, label)) / 100
}

func sometimes(t *rapid.T, label string) bool { return rapid.Bool().Draw(t, label) }

var senders = []sender{
	{"app", "opentelemetry.util.genai.handler", "chat m", ptrace.SpanKindClient, func(t *rapid.T, s ptrace.Span, ms int64) {
		a := s.Attributes()
		a.PutStr("gen_ai.operation.name", "chat")
		a.PutStr("gen_ai.request.model", "m")
		if sometimes(t, "stream known") {
			a.PutBool("gen_ai.request.stream", sometimes(t, "stream"))
		}
		if sometimes(t, "ttft") {
			a.PutDouble("gen_ai.response.time_to_first_chunk", fraction(t, ms, "ttft"))
		}
		if sometimes(t, "id") {
			a.PutStr("gen_ai.response.id", rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "response id"))
		}
		if sometimes(t, "header") {
			a.PutStr("http.response.header.openai_processing_ms", "17")
		}
	}},
	{"app", "openinference.instrumentation.openai", "ChatCompletion", ptrace.SpanKindInternal, func(t *rapid.T, s ptrace.Span, ms int64) {
		a := s.Attributes()
		a.PutStr("openinference.span.kind", "LLM")
		a.PutStr("llm.model_name", "m")
		if sometimes(t, "event") {
			e := s.Events().AppendEmpty()
			e.SetName("First Token Stream Event")
			e.SetTimestamp(s.StartTimestamp() + pcommon.Timestamp(fraction(t, ms, "event")*1e9))
			s.SetDroppedEventsCount(uint32(rapid.IntRange(0, 1).Draw(t, "dropped")))
		}
	}},
	{"app", "ai", "ai.streamText.doStream", ptrace.SpanKindInternal, func(t *rapid.T, s ptrace.Span, ms int64) {
		a := s.Attributes()
		a.PutStr("ai.operationId", rapid.SampledFrom([]string{"ai.streamText.doStream", "ai.streamText", "ai.toolCall"}).Draw(t, "operation"))
		a.PutDouble("ai.response.msToFirstChunk", fraction(t, ms, "first")*1e3)
		a.PutDouble("ai.response.msToFinish", fraction(t, ms, "finish")*1e3)
	}},
	{"app", "opentelemetry.instrumentation.httpx", "POST", ptrace.SpanKindClient, func(t *rapid.T, s ptrace.Span, _ int64) {
		s.Attributes().PutStr("http.request.method", "POST")
		if sometimes(t, "cache hit") {
			s.Attributes().PutStr("http.response.header.x_litellm_cache_key", "k")
		}
		if sometimes(t, "limited") {
			s.Attributes().PutInt("http.response.status_code", 429)
		}
	}},
	{"litellm", "litellm", "Received Proxy Server Request", ptrace.SpanKindServer, func(t *rapid.T, s ptrace.Span, _ int64) {
		a := s.Attributes()
		a.PutStr("gen_ai.operation.name", "acompletion")
		a.PutStr("gen_ai.request.model", "m")
		a.PutStr("gen_ai.response.id", rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "response id"))
	}},
	{"litellm", "litellm", "raw_gen_ai_request", ptrace.SpanKindInternal, func(t *rapid.T, s ptrace.Span, _ int64) {
		s.Attributes().PutStr("llm.groq.usage", "{'queue_time': 0.001, 'prompt_time': 0.002, 'completion_time': 0.003}")
	}},
	{"vllm", "vllm.tracing.otel", "llm_request", ptrace.SpanKindServer, func(t *rapid.T, s ptrace.Span, ms int64) {
		a := s.Attributes()
		for _, key := range []string{"time_in_queue", "time_in_model_prefill", "time_in_model_decode", "time_to_first_token", "e2e"} {
			if rapid.IntRange(0, 3).Draw(t, key) > 0 {
				a.PutDouble("gen_ai.latency."+key, fraction(t, ms, key))
			}
		}
		a.PutStr("gen_ai.request.id", rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(t, "request id"))
		a.PutInt("gen_ai.usage.completion_tokens", int64(rapid.IntRange(0, 9).Draw(t, "tokens")))
		a.PutInt("gen_ai.request.max_tokens", int64(rapid.IntRange(1, 2).Draw(t, "max tokens")))
	}},
	{"vllm", "opentelemetry.instrumentation.fastapi", "POST /v1/chat/completions", ptrace.SpanKindServer, func(t *rapid.T, s ptrace.Span, _ int64) {
		s.Attributes().PutStr("http.route", "/v1/chat/completions")
		s.Attributes().PutStr("http.request.method", "POST")
	}},
	{"sglang", "sglang server", " Req 1", ptrace.SpanKindInternal, func(t *rapid.T, s ptrace.Span, ms int64) {
		s.Attributes().PutDouble("gen_ai.latency.time_in_model_decode", fraction(t, ms, "decode"))
	}},
	{"sglang", "sglang server", "prefill_waiting", ptrace.SpanKindInternal, func(*rapid.T, ptrace.Span, int64) {}},
	{"sglang", "sglang server", "decode_forward", ptrace.SpanKindInternal, func(*rapid.T, ptrace.Span, int64) {}},
	{"app", "tools", "execute_tool x", ptrace.SpanKindInternal, func(t *rapid.T, s ptrace.Span, _ int64) {
		s.Attributes().PutStr("gen_ai.operation.name", rapid.SampledFrom([]string{"execute_tool", "invoke_agent", "embeddings"}).Draw(t, "operation"))
	}},
}

// genFacts draws up to 14 spans of one trace, with any parents, cycles included.
func genFacts(t *rapid.T) []dialect.Facts { return genTrace(t, true) }

// genTree draws spans whose parents form no cycle, in any order.
func genTree(t *rapid.T) []dialect.Facts {
	return rapid.Permutation(genTrace(t, false)).Draw(t, "order")
}

func genTrace(t *rapid.T, cycles bool) []dialect.Facts {
	n := rapid.IntRange(1, 14).Draw(t, "spans")
	td := ptrace.NewTraces()
	for i := range n {
		from := rapid.SampledFrom(senders).Draw(t, "sender")
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", rapid.SampledFrom([]string{from.service, from.service, "unknown_service"}).Draw(t, "service"))
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName(from.scope)
		span := ss.Spans().AppendEmpty()
		span.SetTraceID([16]byte{1})
		span.SetSpanID(spanID(i + 1))
		most := n + 1
		if !cycles {
			most = i - 1
		}
		if parent := rapid.IntRange(-1, most).Draw(t, "parent"); parent >= 0 {
			span.SetParentSpanID(spanID(parent + 1))
		}
		span.SetName(from.name)
		span.SetKind(from.kind)
		start := int64(1795003200000000000) + int64(rapid.IntRange(-50, 200).Draw(t, "start"))*1e6
		ms := int64(rapid.IntRange(0, 400).Draw(t, "ms"))
		span.SetStartTimestamp(pcommon.Timestamp(start))
		span.SetEndTimestamp(pcommon.Timestamp(start + ms*1e6))
		span.Status().SetCode(ptrace.StatusCode(rapid.IntRange(0, 2).Draw(t, "status")))
		from.attributes(t, span, ms)
	}
	return reader.ReadTraces(td)
}

var reader = dialect.NewReader(dialect.Options{})

func spanID(n int) (id [8]byte) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

// parts are the phases of a request by name.
func parts(r *phase.Request) map[string]phase.Duration {
	return map[string]phase.Duration{"network": r.Network, "queue": r.Queue, "prefill": r.Prefill, "decode": r.Decode}
}

func TestPhasesAddUpToTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range phase.Decompose(genFacts(t)).Requests {
			checkConservation(t, &r)
		}
	})
}

type failer interface{ Fatalf(string, ...any) }

func checkConservation(t failer, r *phase.Request) {
	sum := r.Unattributed
	for name, d := range parts(r) {
		if d < phase.Unknown {
			t.Fatalf("%s is %d", name, d)
		}
		sum += max(d, 0)
	}
	if sum != r.Total || r.Unattributed < 0 || r.Total < 0 {
		t.Fatalf("phases add up to %d of %d (unattributed %d)", sum, r.Total, r.Unattributed)
	}
	if r.TTFTRest.Known() {
		ttft := r.TTFTRest + max(r.TTFTNetwork, 0) + max(r.TTFTQueue, 0) + max(r.TTFTPrefill, 0)
		if ttft != r.TTFT || r.TTFTRest < 0 {
			t.Fatalf("parts of TTFT add up to %d of %d", ttft, r.TTFT)
		}
	}
	if len(r.Hops) > 0 {
		hops := phase.Duration(0)
		for _, h := range r.Hops {
			hops += h.NS
			if h.NS < 0 {
				t.Fatalf("hop %s is %d", h.Name, h.NS)
			}
		}
		if hops != r.Network {
			t.Fatalf("hops add up to %d of %d", hops, r.Network)
		}
	}
	provenance := map[string]phase.Provenance{"network": r.Provenance.Network, "queue": r.Provenance.Queue, "prefill": r.Provenance.Prefill, "decode": r.Provenance.Decode}
	for name, d := range parts(r) {
		if d.Known() != (provenance[name] != phase.ProvenanceUnknown) {
			t.Fatalf("%s is %d and %s", name, d, provenance[name])
		}
	}
}

// TestSameSetSameRows: any order and any duplication give the same rows.
func TestSameSetSameRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spans := genFacts(t)
		// Two spans of one id with different content.
		if rapid.Bool().Draw(t, "conflict") {
			other := spans[0]
			other.End += 1e6
			spans = append(spans, other)
		}
		want := phase.Decompose(spans)
		seed := rapid.Uint64().Draw(t, "seed")
		random := rand.New(rand.NewPCG(seed, 1))
		for _, i := range random.Perm(len(spans)) {
			if random.IntN(2) == 0 {
				spans = append(spans, spans[i])
			}
		}
		random.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
		if got := phase.Decompose(spans); !reflect.DeepEqual(got, want) {
			t.Fatalf("rows depend on order or duplication:\n%+v\n%+v", got, want)
		}
	})
}

// TestRowOrTombstone: every span that could anchor a request has one or the other.
func TestRowOrTombstone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spans := genFacts(t)
		result := phase.Decompose(spans)
		seen := map[[8]byte]int{}
		for _, r := range result.Requests {
			seen[r.SpanID]++
		}
		for _, s := range result.Tombstones {
			seen[s.SpanID]++
		}
		for _, f := range spans {
			if (f.Role == dialect.RoleLLM || f.Role == dialect.RoleEngine) && seen[f.SpanID] != 1 {
				t.Fatalf("span %x (%s) has %d rows and tombstones", f.SpanID, f.Dialect(), seen[f.SpanID])
			}
			if seen[f.SpanID] > 1 {
				t.Fatalf("span %x has %d rows and tombstones", f.SpanID, seen[f.SpanID])
			}
		}
	})
}

// TestLateSpansSettleEarlierRows: whatever rows a part of the spans gave, the
// whole set writes a row or a tombstone over each.
func TestLateSpansSettleEarlierRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spans := genFacts(t)
		early := phase.Decompose(spans[:rapid.IntRange(1, len(spans)).Draw(t, "early")])
		late := phase.Decompose(spans)
		settled := map[[8]byte]bool{}
		for _, r := range late.Requests {
			settled[r.SpanID] = true
		}
		for _, s := range late.Tombstones {
			settled[s.SpanID] = true
		}
		for _, r := range early.Requests {
			if !settled[r.SpanID] {
				t.Fatalf("the row of span %x is left behind", r.SpanID)
			}
		}
	})
}

// TestMoreEvidenceNeverHidesSilently: with more spans around one call and one
// engine's span, measured phases stay known, or a flag says why not. (With
// several, spans that were the only ones left may find their true partners.)
func TestMoreEvidenceNeverHidesSilently(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spans := oneCall(genTree(t))
		early := phase.Decompose(spans[:rapid.IntRange(1, len(spans)).Draw(t, "early")])
		late := map[[8]byte]phase.Request{}
		for _, r := range phase.Decompose(spans).Requests {
			late[r.SpanID] = r
		}
		for _, before := range early.Requests {
			after, ok := late[before.SpanID]
			if !ok {
				continue // it is part of another request now
			}
			if before.Engine != "" && after.Engine == "" && len(late) > 1 {
				continue // the HTTP span that truly called the engine has come
			}
			measured := map[string]phase.Provenance{"queue": before.Provenance.Queue, "prefill": before.Provenance.Prefill, "decode": before.Provenance.Decode}
			for name, d := range parts(&after) {
				if measured[name] == phase.ProvenanceMeasured && !d.Known() && after.Flags&whyUnknown == 0 {
					t.Fatalf("%s of span %x was measured and is unknown without a flag (%v)", name, before.SpanID, after.Flags.Names())
				}
			}
		}
	})
}

// whyUnknown are the flags that say why a phase with evidence is unknown.
const whyUnknown = phase.FlagPhasesExceedTotal | phase.FlagServerLongerThanClient | phase.FlagAttemptsUnclear | phase.FlagServerIncomplete |
	phase.FlagUnpaired | phase.FlagCacheHit | phase.FlagToolTimeInside

// oneCall leaves one LLM span and one engine's, and only the call's own raw provider fields.
func oneCall(spans []dialect.Facts) []dialect.Facts {
	seen := map[dialect.Role][8]byte{}
	var kept []dialect.Facts
	for _, f := range spans {
		if f.Role == dialect.RoleLLM || f.Role == dialect.RoleEngine {
			if _, again := seen[f.Role]; again {
				continue
			}
			seen[f.Role] = f.SpanID
		}
		kept = append(kept, f)
	}
	return slices.DeleteFunc(kept, func(f dialect.Facts) bool {
		return f.Role == dialect.RoleDetail && f.ParentID != seen[dialect.RoleLLM] && len(kept) > 1
	})
}

// TestWrongUnitsOfTTFTAreRefused: a caller's time to first token in a unit other
// than its sender's is never stored, whichever it is off by.
func TestWrongUnitsOfTTFTAreRefused(t *testing.T) {
	for _, sender := range []struct {
		scope, key string
		wrong      func(ttft time.Duration) any // what a sender that errs would write
	}{
		{"opentelemetry.util.genai.handler", "gen_ai.response.time_to_first_chunk", func(d time.Duration) any { return d.Seconds() * 1e3 }},
		{"opentelemetry.util.genai.handler", "gen_ai.response.time_to_first_chunk", func(d time.Duration) any { return d.Nanoseconds() }},
		{"pydantic-ai", "gen_ai.client.operation.time_to_first_chunk", func(d time.Duration) any { return d.Seconds() * 1e3 }},
		{"ai", "ai.response.msToFirstChunk", func(d time.Duration) any { return d.Seconds() * 1e6 }},
		{"loongsuite", "gen_ai.response.time_to_first_token", func(d time.Duration) any { return d.Milliseconds() }},
		{"loongsuite", "gen_ai.response.time_to_first_token", func(d time.Duration) any { return d.Seconds() * 1e3 }},
		{"strands.telemetry.tracer", "gen_ai.server.time_to_first_token", func(d time.Duration) any { return d.Microseconds() }},
		{"livekit-agents", "lk.response.ttft", func(d time.Duration) any { return d.Seconds() * 1e3 }},
	} {
		rapid.Check(t, func(t *rapid.T) {
			total := time.Duration(rapid.IntRange(200, 60_000).Draw(t, "total")) * time.Millisecond
			ttft := time.Duration(float64(total) * float64(rapid.IntRange(10, 90).Draw(t, "ttft")) / 100)
			td := ptrace.NewTraces()
			ss := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
			ss.Scope().SetName(sender.scope)
			span := ss.Spans().AppendEmpty()
			span.SetSpanID(spanID(1))
			span.SetStartTimestamp(1795003200000000000)
			span.SetEndTimestamp(1795003200000000000 + pcommon.Timestamp(total))
			span.Attributes().PutStr("gen_ai.operation.name", "chat")
			if err := span.Attributes().PutEmpty(sender.key).FromRaw(sender.wrong(ttft)); err != nil {
				t.Fatal(err)
			}
			r := phase.Decompose(reader.ReadTraces(td)).Requests[0]
			if r.TTFT.Known() || r.Decode.Known() || r.Flags&phase.FlagUnitImplausible == 0 {
				t.Fatalf("%s = %v of a span of %s is believed: %+v", sender.key, sender.wrong(ttft), total, r)
			}
		})
	}
}

// TestImpossibleValuesAreRefused: a duration in a unit a thousand times too
// small, or not a number, is never stored.
func TestImpossibleValuesAreRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := int64(rapid.IntRange(1, 100_000).Draw(t, "ms"))
		key := rapid.SampledFrom([]string{"gen_ai.latency.time_in_queue", "gen_ai.latency.time_in_model_prefill", "gen_ai.latency.time_in_model_decode", "gen_ai.latency.time_to_first_token"}).Draw(t, "key")
		wrong := float64(ms) * rapid.SampledFrom([]float64{1, 1e3, 1e6, 1e15, 1e300}).Draw(t, "factor")
		td := ptrace.NewTraces()
		ss := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
		ss.Scope().SetName("vllm.tracing.otel")
		span := ss.Spans().AppendEmpty()
		span.SetSpanID(spanID(1))
		span.SetName("llm_request")
		span.SetStartTimestamp(1795003200000000000)
		span.SetEndTimestamp(1795003200000000000 + pcommon.Timestamp(ms*1e6))
		span.Attributes().PutDouble(key, wrong) // milliseconds or less where seconds are meant
		r := phase.Decompose(reader.ReadTraces(td)).Requests[0]
		if r.Flags&phase.FlagUnitImplausible == 0 || r.Unattributed != r.Total || r.TTFT.Known() {
			t.Fatalf("%s = %g of a span of %d ms is believed: %+v", key, wrong, ms, r)
		}
	})
}
