package dialect

// AI SDK 7's own integration follows the conventions, and stops its TTFT at
// the first output part and its duration before tools run.
var _ = register(Dialect{
	Name:        "vercel7",
	Title:       "Vercel AI SDK 7",
	Scopes:      []string{"gen_ai"},
	CutProvider: true,
	Traits:      ToolsBeside,
	Own: []Rule{
		{Key: "gen_ai.client.operation.time_to_first_chunk", To: TTFT, Unit: Seconds, Rank: 2, Kind: KindFirstToken, Note: "first text, reasoning or tool part"},
		{Key: "gen_ai.client.operation.duration", To: ModelDuration, Unit: Seconds, Rank: 1, Note: "without tools"},
	},
	Splits: "Time to first token and decode of streamed calls.",
	More:   "@ai-sdk/otel's OpenTelemetry integration.",
	Notes: []string{
		"Failed attempts of a retried call leave no span.",
		"An aborted call's span says nothing of the answer: counted as cancelled.",
	},
	Finish: func(f *draft, _ Span) { f.cancelUnanswered() },
})
