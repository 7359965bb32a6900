package dialect

// The JavaScript instrumentation for Anthropic counts as the provider does:
// input_tokens is what was not cached.
var _ = register(Dialect{
	Name:               "openllmetry-anthropic-js",
	Title:              "OpenLLMetry for Anthropic, JavaScript",
	Scopes:             []string{"@traceloop/instrumentation-anthropic"},
	InputExcludesCache: true,
	Splits:             "The total only.",
	More:               "Nothing to switch on.",
})
