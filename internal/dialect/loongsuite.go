package dialect

// LoongSuite, whose TTFT is int nanoseconds of a monotonic clock.
var _ = register(Dialect{
	Name:   "loongsuite",
	Title:  "LoongSuite",
	Scopes: []string{"loongsuite*", "opentelemetry.util.genai.extended_handler"},
	Kinds: []KindTable{{Key: "gen_ai.span.kind", Rank: 5, Values: map[string]Role{
		"LLM": RoleLLM, "TOOL": RoleTool,
	}}},
	Vocabulary: []Rule{
		{Key: "gen_ai.response.time_to_first_token", To: TTFT, Unit: SecondsOrNanos, Rank: 4, Kind: KindFirstChunk, Note: "LoongSuite int ns, Sentry double s"},
		{Key: "gen_ai.session.id", To: Session, Rank: 3},
		{Key: "gen_ai.user.id", To: User, Rank: 3},
	},
	Splits: "Time to first token and decode of streamed calls.",
	More:   "Nothing to switch on.",
})
