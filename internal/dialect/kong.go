package dialect

// Kong sends the conventions' attributes and no timing of its own.
var _ = register(Dialect{
	Name: "kong", Title: "Kong AI Gateway",
	Scopes: []string{"kong*"}, Traits: Gateway | NeverClient,
	Splits: "Its part of network.", More: "Kong 3.13 or later with the OpenTelemetry plugin.",
})
