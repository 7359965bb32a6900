package dialect

// Netra has its own name for the time to first token, which is the whole call
// where nothing is streamed.
var _ = register(Dialect{
	Name:   "netra",
	Title:  "Netra",
	Scopes: []string{"netra*"},
	Signs:  []Sign{{Key: "gen_ai.performance.time_to_first_token"}},
	Vocabulary: []Rule{
		{Key: "gen_ai.performance.time_to_first_token", To: TTFT, Unit: Seconds, Rank: 6, Kind: KindFirstChunk},
	},
	Splits: "Time to first chunk and decode of streamed calls.",
	More:   "Nothing to switch on.",
	Notes:  []string{"Where no stream flag is sent, a first token in the call's last twentieth is refused."},
	Finish: func(f *draft, _ Span) { f.refuseWholeCall() },
})
