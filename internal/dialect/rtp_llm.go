package dialect

import "go.opentelemetry.io/collector/pdata/ptrace"

// RTP-LLM uses vLLM's names with int nanoseconds, and milliseconds for TTFT.
var _ = register(Dialect{
	Name:     "rtp_llm",
	Title:    "RTP-LLM",
	Engine:   "rtp_llm",
	Provider: "rtp_llm",
	Scopes:   []string{"rtp_llm*", "rtp-llm*"},
	Signs:    []Sign{{Key: "gen_ai.system", Value: "rtp_llm"}, {Key: "gen_ai.provider.name", Value: "rtp_llm"}, {Key: "rtp_llm.phase.truncated"}, {Key: "rtp_llm.engine.time_to_first_token_ms"}, {SpanName: "rtp_llm.*"}, {Key: "service.name", Value: "rtp_llm*", Resource: true}, {Key: "service.name", Value: "rtp-llm*", Resource: true}},
	Names: []SpanName{
		{Name: "rtp_llm.generate_stream_call", Role: RolePart},
		{Name: "wait", Role: RolePart, Extent: Queue, HasExtent: true},
		{Name: "prefill", Role: RolePart, Extent: Prefill, HasExtent: true},
		{Name: "decode", Role: RolePart, Extent: Decode, HasExtent: true},
		{Name: "load_cache", Role: RolePart},
	},
	Own: []Rule{
		{Key: "gen_ai.response.time_to_first_token", To: ServerTTFT, Unit: Millis, Rank: 1, Note: "at the HTTP boundary"},
		{Key: "rtp_llm.engine.time_to_first_token_ms", Ignore: true, Note: "the engine's, without the frontend"},
		{Key: "gen_ai.latency.time_in_queue", To: Queue, Unit: Nanos, Rank: 1},
		{Key: "gen_ai.latency.time_in_model_prefill", To: Prefill, Unit: Nanos, Rank: 1},
		{Key: "gen_ai.latency.time_in_model_decode", To: Decode, Unit: Nanos, Rank: 1},
		{Key: "rtp_llm.phase.truncated", To: IsTruncated, Rank: 1},
		{Key: "rtp_llm.cache.total_reuse_len", To: CachedTokens, Rank: 4},
		{Key: "rtp_llm.cache.local_reuse_len", Ignore: true, Note: "a part of the total"},
		{Key: "rtp_llm.cache.remote_reuse_len", Ignore: true, Note: "a part of the total"},
		{Key: "rtp_llm.retry_attempt", To: Resends, Rank: 1},
	},
	Finish: func(f *draft, _ Span) {
		timed := f.Has(ServerTTFT) || f.Has(Prefill) || f.Has(Decode)
		if f.Kind == ptrace.SpanKindServer && (f.Role == RoleLLM || f.Role == RoleServer && timed) {
			f.Role = RoleEngine
		}
	},
	Splits: "Queue from the wait span, prefill and decode as the engine measured them.",
	More:   "Its OpenTelemetry exporter; attributes need a model that prefills and decodes on one worker.",
	Notes:  []string{"With prefill and decode on different workers, the request waits at both."},
})
