package dialect

// Cloudflare sends the conventions' attributes and no timing of its own.
var _ = register(Dialect{
	Name: "cloudflare_ai_gateway", Title: "Cloudflare AI Gateway",
	Scopes: []string{"cloudflare*", "ai-gateway"}, Traits: Gateway | NeverClient,
	Vocabulary: header("cf-aig-cache-status", Rule{To: CacheStatus}),
	Splits:     "Its part of network.", More: "The gateway's OpenTelemetry export.",
})
