package dialect

// Aliases seen in the field, each from one sender.
var _ = register(Dialect{
	Name:    "aliases",
	Title:   "Other names of time to first token",
	Generic: true,
	Vocabulary: []Rule{
		{Key: "gen_ai.response.time_to_first_token_ms", To: TTFT, Unit: Millis, Rank: 6, Kind: KindFirstChunk},
		{Key: "lk.response.ttft", To: TTFT, Unit: Seconds, Rank: 6, Kind: KindFirstChunk, Note: "LiveKit"},
		{Key: "copilot_chat.time_to_first_token", To: TTFT, Unit: Millis, Rank: 6, Kind: KindFirstToken, Note: "Copilot Chat of VS Code; the metric of this name is in seconds"},
		{Key: "copilot_chat.canceled", To: IsCancelled, Note: "Copilot Chat of VS Code"},
		{Key: "gen_ai.server.ttft", Refuse: RefusedTTFT, Note: "an older name of OpenLIT's"},
	},
	Splits: "Time to first chunk and decode.",
	More:   "Map any other attribute in the configuration: mappings: [{attribute, fact: ttft, unit}].",
})
