package dialect

// LiteLLM, v1 callback and v2, as a proxy or as a library in the client.
var _ = register(Dialect{
	Name:   "litellm",
	Title:  "LiteLLM",
	Scopes: []string{"litellm", "litellm.*"},
	Traits: Gateway,
	Names: []SpanName{
		{Name: "raw_gen_ai_request", Role: RoleDetail},
		{Name: "Failed Proxy Server Request", Role: RoleServer},
		// Service spans: old versions cut their times to whole seconds.
		{Name: "auth*", Role: RoleOther},
		{Name: "router*", Role: RoleOther},
		{Name: "redis*", Role: RoleOther},
		{Name: "postgres*", Role: RoleOther},
		{Name: "self", Role: RoleOther},
		{Name: "batch_write_to_db*", Role: RoleOther},
		{Name: "execute_guardrail*", Role: RoleOther},
	},
	Vocabulary: concat([]Rule{
		{Key: "litellm.request.streaming", To: Streamed, Rank: 1},
		{Key: "litellm.provider.model", To: ResponseModel, Rank: 4},
		{Key: "hidden_params", Fields: []Rule{
			{Key: "cache_key", To: IsCacheHit, Note: "set on a response-cache hit only"},
			{Key: "additional_headers/llm_provider-openai-processing-ms", To: HeaderTotal, Unit: Millis, Rank: 2},
			{Key: "additional_headers/openai-processing-ms", To: HeaderTotal, Unit: Millis, Rank: 2},
		}},
	},
		header("x-litellm-cache-key", Rule{To: IsCacheHit, Note: "sent on a response-cache hit only"}),
		header("x-litellm-attempted-retries", Rule{To: Resends, Rank: 2}),
		header("x-litellm-attempted-fallbacks", Rule{To: Resends, Rank: 3}),
	),
	Splits: "As a gateway: its part of network. Alone: time to first chunk where v2 sends it.",
	More:   "litellm_settings: callbacks: [otel], LITELLM_OTEL_V2=true; forward_traceparent_to_llm_provider: true so that the engine's span joins the trace.",
	Notes:  []string{"It forwards the caller's traceparent unchanged, so that the engine's span is a sibling of the gateway's."},
})
