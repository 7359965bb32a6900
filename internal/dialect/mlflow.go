package dialect

// MLflow writes attribute values as JSON and one event for each chunk.
var _ = register(Dialect{
	Name:   "mlflow",
	Title:  "MLflow",
	Scopes: []string{"mlflow*"},
	Signs:  []Sign{{Key: "mlflow.spanType"}},
	Kinds: []KindTable{{Key: "mlflow.spanType", Rank: 3, Values: map[string]Role{
		"CHAT_MODEL": RoleLLM, "LLM": RoleLLM, "TOOL": RoleTool,
	}}},
	Vocabulary: []Rule{
		{Key: "mlflow.chat.tokenUsage", Fields: []Rule{
			{Key: "input_tokens", To: InputTokens, Rank: 6},
			{Key: "output_tokens", To: OutputTokens, Rank: 6},
			{Key: "cache_read_input_tokens", To: CachedTokens, Rank: 6},
		}},
		{Key: "mlflow.llm.model", To: Model, Rank: 6},
		{Key: "mlflow.llm.provider", To: Provider, Rank: 6},
		{Key: "mlflow.trace.session", To: Session, Rank: 5},
		{Key: "mlflow.trace.user", To: User, Rank: 5},
	},
	Events: []Event{{Name: "mlflow.chunk.item.*", Does: eventChunk, Note: "one for each chunk"}},
	Splits: "Time to first chunk and decode of streamed calls, from chunk events.",
	More:   "MLFLOW's OTLP export; raise the span event limit.",
	Finish: func(f *draft, _ Span) {
		if f.Role == RoleLLM && f.Text(Operation) == "" {
			f.setText(Operation, "chat")
		}
	},
})
