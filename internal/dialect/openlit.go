package dialect

// OpenLIT. Its TTFT starts after the SDK call has returned, with the headers
// already in, and is the whole call where nothing is streamed.
var _ = register(Dialect{
	Name:   "openlit",
	Title:  "OpenLIT",
	Scopes: []string{"openlit.*", "@openlit/*"},
	Signs:  []Sign{{Key: "telemetry.sdk.name", Value: "openlit"}, {Key: "telemetry.sdk.name", Value: "openlit", Resource: true}},
	Vocabulary: []Rule{
		{Key: "gen_ai.request.is_stream", To: Streamed, Rank: 1, Note: "TypeScript's name"},
	},
	Own: []Rule{
		{Key: "gen_ai.server.time_to_first_token", Refuse: RefusedTTFT, Note: "its clock starts when the headers are in"},
		{Key: "gen_ai.server.ttft", Refuse: RefusedTTFT, Note: "the same, older name"},
		{Key: "gen_ai.response.time_to_first_token", Refuse: RefusedTTFT},
	},
	Splits: "The total only.",
	More:   "Nothing: its TTFT cannot be used. OpenLLMetry, OpenInference or OTel's own instrumentation measure it.",
	Notes: []string{
		"The TypeScript package sends api.openai.com for every server, and uses its vLLM scope for any OpenAI-compatible one.",
		"Its spans of aborted calls have neither the stream flag nor usage: counted as cancelled.",
	},
	Finish: func(f *draft, _ Span) {
		if len(f.Origin.Scope) > 0 && f.Origin.Scope[0] == '@' {
			f.setText(ServerAddress, "") // hard-coded, whatever was called
			if f.streaming == 0 {
				f.cancelUnanswered() // the flag comes with the end of the answer
			}
		}
	},
})
