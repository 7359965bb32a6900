package dialect

// PydanticAI (and Logfire). Its TTFT ends when the consumer gets the first event.
var _ = register(Dialect{
	Name:   "pydantic_ai",
	Title:  "PydanticAI and Logfire",
	Scopes: []string{"pydantic-ai", "logfire.*"},
	Vocabulary: []Rule{
		{Key: "gen_ai.usage.details.cache_read_tokens", To: CachedTokens, Rank: 6},
		{Key: "gen_ai.usage.details.cache_read_input_tokens", To: CachedTokens, Rank: 6},
		{Key: "gen_ai.usage.details.cached_tokens", To: CachedTokens, Rank: 7},
		{Key: "gen_ai.usage.details.reasoning_tokens", To: ReasoningTokens, Rank: 6},
	},
	Splits: "Time to first chunk and decode of streamed calls.",
	More:   "Agent.instrument_all(), and stream.",
	Notes:  []string{"A cancelled stream has no TTFT and no usage."},
})
