package dialect

// OpenRouter's Broadcast exports spans of completed generations.
var _ = register(Dialect{
	Name: "openrouter", Title: "OpenRouter",
	Scopes: []string{"openrouter*"}, Traits: Gateway | NeverClient,
	Own: []Rule{
		{Key: "streamed", To: Streamed, Rank: 1},
		{Key: "cancelled", To: IsCancelled},
		{Key: "native_tokens_prompt", To: InputTokens, Rank: 6},
		{Key: "native_tokens_completion", To: OutputTokens, Rank: 6},
		{Key: "native_tokens_reasoning", To: ReasoningTokens, Rank: 6},
		{Key: "native_tokens_cached", To: CachedTokens, Rank: 6},
	},
	Splits: "Its part of network.", More: "Broadcast to an OTLP destination.",
})
