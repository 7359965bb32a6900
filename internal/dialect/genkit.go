package dialect

// Genkit keeps everything in JSON.
var _ = register(Dialect{
	Name:   "genkit",
	Title:  "Firebase Genkit",
	Scopes: []string{"genkit-tracer", "genkit*"},
	Signs:  []Sign{{Key: "genkit:type"}, {Key: "genkit:metadata:subtype"}},
	Kinds: []KindTable{
		{Key: "genkit:metadata:subtype", Rank: 1, Values: map[string]Role{"model": RoleLLM, "tool": RoleTool}},
		{Key: "genkit:type", Rank: 6},
	},
	Vocabulary: []Rule{
		{Key: "genkit:name", To: Model, Rank: 6, Note: "with the plugin's prefix, such as googleai/, which may be the provider or only the way to it"},
		{Key: "genkit:sessionId", To: Session, Rank: 5},
		{Key: "genkit:output", Fields: []Rule{
			{Key: "usage/inputTokens", To: InputTokens, Rank: 6},
			{Key: "usage/outputTokens", To: OutputTokens, Rank: 6},
			{Key: "usage/cachedContentTokens", To: CachedTokens, Rank: 6},
			{Key: "usage/thoughtsTokens", To: ReasoningTokens, Rank: 6},
			{Key: "usage/totalTokens", Ignore: true, Note: "tells whether thoughts are counted beside the output"},
			{Key: "finishReason", To: FinishReason, Rank: 6},
		}},
	},
	Splits: "The total only.",
	More:   "Nothing to switch on; its latencyMs is the caller's own total again.",
	Finish: func(f *draft, span Span) {
		if f.Role != RoleLLM {
			return
		}
		f.setText(Operation, "chat")
		f.addReasoning(span, "genkit:output", "totalTokens")
	},
})
