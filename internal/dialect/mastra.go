package dialect

// Mastra. Its completion_start_time is right for a first stream, stale in the
// next step of a tool loop, and nearly the whole call where nothing is streamed.
var _ = register(Dialect{
	Name:        "mastra",
	Title:       "Mastra",
	Scopes:      []string{"@mastra/*"},
	Signs:       []Sign{{Key: "mastra.span.type"}},
	CutProvider: true,
	Traits:      ToolsBeside,
	Kinds: []KindTable{{Key: "mastra.span.type", Rank: 1, Values: map[string]Role{
		"model_inference": RoleLLM, "tool_call": RoleTool, "mcp_tool_call": RoleTool,
	}}},
	Vocabulary: []Rule{
		{Key: "mastra.completion_start_time", To: TTFT, Unit: ISOTime, Rank: 7, Kind: KindFirstToken},
	},
	Splits: "Time to first token and decode, unless a tool ran inside.",
	More:   "@mastra/otel-exporter.",
	Notes: []string{
		"Nothing on the span tells whether the call was streamed: a first token in its last twentieth is refused.",
		"A failed call's status is OK; its finish reason is error. An aborted one has none and is counted as cancelled.",
	},
	Finish: func(f *draft, _ Span) {
		f.cancelUnanswered()
		f.refuseWholeCall()
	},
})
