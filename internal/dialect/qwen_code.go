package dialect

// Qwen Code writes in the same style.
var _ = register(Dialect{
	Name:   "qwen_code",
	Title:  "Qwen Code",
	Scopes: []string{"qwen-code*"},
	Signs:  []Sign{{SpanName: "qwen-code.*"}},
	Names: []SpanName{
		{Name: "qwen-code.llm_request", Role: RoleLLM},
		{Name: "qwen-code.tool", Role: RoleTool},
		{Name: "qwen-code.*", Role: RoleOther},
	},
	Own: []Rule{
		{Key: "model", To: Model, Rank: 6},
		{Key: "qwen-code.model", To: Model, Rank: 6},
		{Key: "ttft_ms", To: TTFT, Unit: Millis, Rank: 6, Note: "believed on the first attempt only"},
		{Key: "ttft", To: TTFT, Unit: Millis, Rank: 7},
		{Key: "attempt", To: Attempt, Rank: 1},
		{Key: "attempts", To: Attempt, Rank: 2},
		{Key: "input_tokens", To: InputTokens, Rank: 6},
		{Key: "output_tokens", To: OutputTokens, Rank: 6},
		{Key: "cached_tokens", To: CachedTokens, Rank: 6},
		{Key: "cached_input_tokens", To: CachedTokens, Rank: 6},
		{Key: "gen_ai.server.time_to_first_token", Ignore: true, Note: "ttft_ms again, in seconds"},
	},
	Splits: "Time to first token and decode of first attempts.",
	More:   "Its telemetry settings with an OTLP endpoint.",
	Finish: finishAgentCLI,
})
