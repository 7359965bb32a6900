package dialect

// LangSmith in OTel mode.
var _ = register(Dialect{
	Name:   "langsmith",
	Title:  "LangSmith, OTel mode",
	Scopes: []string{"langsmith*"},
	Signs:  []Sign{{Key: "langsmith.span.kind"}},
	Kinds:  []KindTable{{Key: "langsmith.span.kind", Rank: 3, Values: map[string]Role{"llm": RoleLLM, "LLM": RoleLLM, "tool": RoleTool, "TOOL": RoleTool}}},
	Vocabulary: []Rule{
		{Key: "langsmith.request.streaming", To: Streamed, Rank: 1},
		{Key: "langsmith.metadata.ls_provider", To: Provider, Rank: 0, Note: "gen_ai.system is langchain, a framework"},
		{Key: "langsmith.metadata.ls_model_name", To: Model, Rank: 6},
		{Key: "langsmith.trace.session_id", To: Session, Rank: 5},
		{Key: "langsmith.metadata.session_id", To: Session, Rank: 6},
		{Key: "gen_ai.usage.input_token_details", Fields: []Rule{
			{Key: "cache_read", To: CachedTokens, Rank: 6},
		}},
		{Key: "gen_ai.usage.output_token_details", Fields: []Rule{
			{Key: "reasoning", To: ReasoningTokens, Rank: 6},
		}},
	},
	Events: []Event{{Name: "Cancelled", Does: eventCancelled}},
	Splits: "The total only.",
	More:   "LANGSMITH_OTEL_ENABLED=true, with an active span around streamed calls: without one theirs is never exported.",
})
