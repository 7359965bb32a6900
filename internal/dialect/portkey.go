package dialect

// Portkey exports completed logs; its headers tell cache hits and retries.
var _ = register(Dialect{
	Name: "portkey", Title: "Portkey",
	Scopes: []string{"portkey*"}, Traits: Gateway | NeverClient,
	Vocabulary: concat(
		header("x-portkey-cache-status", Rule{To: CacheStatus, Note: "HIT and SEMANTIC HIT"}),
		header("x-portkey-retry-attempt-count", Rule{To: Resends, Rank: 2}),
	),
	Splits: "Its part of network.", More: "Its export of completed logs; response headers captured at the client tell cache hits.",
})
