package dialect

// Bifrost and agentgateway send the conventions' attributes, Bifrost a span for
// each attempt; their TTFT is a metric.
var _ = register(Dialect{
	Name: "bifrost", Title: "Bifrost and agentgateway",
	Scopes: []string{"bifrost*", "agentgateway*"}, Traits: Gateway | NeverClient,
	Splits: "Its part of network; attempts that failed before the last one are retry time.", More: "The gateway's OpenTelemetry export.",
})
