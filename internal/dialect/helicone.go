package dialect

// Helicone tells cache hits by a header; its TTFT is not on spans.
var _ = register(Dialect{
	Name: "helicone", Title: "Helicone",
	Scopes: []string{"helicone*"}, Traits: Gateway | NeverClient,
	Vocabulary: header("helicone-cache", Rule{To: CacheStatus}),
	Splits:     "Its part of network.", More: "Capture its response headers at the client to see cache hits.",
})
