package dialect

var _ = register(Dialect{
	Name:   "envoy_ai_gateway",
	Title:  "Envoy AI Gateway",
	Scopes: []string{"envoyproxy/ai-gateway"},
	Traits: Gateway | NeverClient,
	Splits: "Its part of network; alone, time to first chunk with the OpenInference vocabulary.",
	More:   "Keep the default OpenInference vocabulary: AI_GATEWAY_TRACING_SEMCONV=gen_ai has no first-token evidence.",
})

var _ = register(Dialect{
	Name:   "vllm_router",
	Title:  "vLLM production-stack router",
	Scopes: []string{"vllm-router"},
	Traits: Gateway | NeverClient,
	Names: []SpanName{
		{Name: "router *", Role: RoleServer},
		{Name: "process_request", Role: RoleHTTP},
	},
	Vocabulary: []Rule{
		{Key: "vllm.model", To: Model, Rank: 8},
		{Key: "vllm.is_streaming", To: Streamed, Rank: 1},
	},
	Own: []Rule{
		{Key: "vllm.request_id", To: RequestID, Rank: 3},
	},
	Splits: "Its part of network.",
	More:   "The router's OTLP endpoint option.",
})

// llm-d: the gateway's and the sidecar's spans around vLLM's. The sidecar's
// "true TTFT" is the time to the start of decode, in whole milliseconds.
var _ = register(Dialect{
	Name:   "llm_d",
	Title:  "llm-d",
	Scopes: []string{"llm-d*", "llm_d*"},
	Signs:  []Sign{{Key: "llm_d.pd_proxy.true_ttft_ms"}, {Key: "llm_d.pd_proxy.total_duration_ms"}, {SpanName: "llm_d.*"}, {SpanName: "gateway.request"}, {SpanName: "gateway.request_orchestration"}},
	Traits: Gateway | NeverClient,
	Names: []SpanName{
		{Name: "gateway.request", Role: RoleServer},
		{Name: "gateway.request_orchestration", Role: RoleOther},
		{Name: "llm_d.pd_proxy.request", Role: RoleServer},
		{Name: "llm_d.*", Role: RoleOther},
	},
	Own: []Rule{
		{Key: "llm_d.pd_proxy.true_ttft_ms", Ignore: true, Note: "time to the start of decode, not to the first token"},
		{Key: "llm_d.pd_proxy.prefill_duration_ms", Ignore: true, Note: "an HTTP call's, not prefill"},
		{Key: "llm_d.pd_proxy.decode_duration_ms", Ignore: true, Note: "an HTTP call's, not decode"},
		{Key: "llm_d.pd_proxy.decode.streaming", To: Streamed, Rank: 4},
	},
	Splits: "Its part of network; with prefill and decode on different workers, the queues of both.",
	More:   "Tracing in the gateway and the routing sidecar, and vLLM's own --otlp-traces-endpoint.",
})

// Gateways that send the conventions' attributes and no timing of their own.
var _ = register(Dialect{
	Name: "kong", Title: "Kong AI Gateway",
	Scopes: []string{"kong*"}, Traits: Gateway | NeverClient,
	Splits: "Its part of network.", More: "Kong 3.13 or later with the OpenTelemetry plugin.",
})

var _ = register(Dialect{
	Name: "cloudflare_ai_gateway", Title: "Cloudflare AI Gateway",
	Scopes: []string{"cloudflare*", "ai-gateway"}, Traits: Gateway | NeverClient,
	Vocabulary: header("cf-aig-cache-status", Rule{To: CacheStatus}),
	Splits:     "Its part of network.", More: "The gateway's OpenTelemetry export.",
})

var _ = register(Dialect{
	Name: "portkey", Title: "Portkey",
	Scopes: []string{"portkey*"}, Traits: Gateway | NeverClient,
	Vocabulary: concat(
		header("x-portkey-cache-status", Rule{To: CacheStatus, Note: "HIT and SEMANTIC HIT"}),
		header("x-portkey-retry-attempt-count", Rule{To: Resends, Rank: 2}),
	),
	Splits: "Its part of network.", More: "Its export of completed logs; response headers captured at the client tell cache hits.",
})

var _ = register(Dialect{
	Name: "helicone", Title: "Helicone",
	Scopes: []string{"helicone*"}, Traits: Gateway | NeverClient,
	Vocabulary: header("helicone-cache", Rule{To: CacheStatus}),
	Splits:     "Its part of network.", More: "Capture its response headers at the client to see cache hits.",
})

var _ = register(Dialect{
	Name: "openrouter", Title: "OpenRouter",
	Scopes: []string{"openrouter*"}, Traits: Gateway | NeverClient,
	Splits: "Its part of network.", More: "Broadcast to an OTLP destination.",
})
