package dialect

// Envoy AI Gateway speaks OpenInference by default; its TTFT is the gateway's.
var _ = register(Dialect{
	Name:   "envoy_ai_gateway",
	Title:  "Envoy AI Gateway",
	Scopes: []string{"envoyproxy/ai-gateway"},
	Traits: Gateway | NeverClient,
	Splits: "Its part of network; alone, time to first chunk with the OpenInference vocabulary.",
	More:   "Keep the default OpenInference vocabulary: AI_GATEWAY_TRACING_SEMCONV=gen_ai has no first-token evidence.",
})
