package dialect

// OpenRouter's Broadcast exports spans of completed generations.
var _ = register(Dialect{
	Name: "openrouter", Title: "OpenRouter",
	Scopes: []string{"openrouter*"}, Traits: Gateway | NeverClient,
	Splits: "Its part of network.", More: "Broadcast to an OTLP destination.",
})
