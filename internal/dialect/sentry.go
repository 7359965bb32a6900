package dialect

import "strings"

// Sentry, and spans that follow its conventions.
var _ = register(Dialect{
	Name:   "sentry",
	Title:  "Sentry",
	Scopes: []string{"sentry*", "@sentry/*"},
	Signs:  []Sign{{Key: "sentry.op"}, {Key: "sentry.origin"}},
	Vocabulary: []Rule{
		{Key: "gen_ai.response.streaming", To: Streamed, Rank: 1},
	},
	Own: []Rule{
		{Key: "gen_ai.response.time_to_first_token", To: TTFT, Unit: Seconds, Rank: 4, Kind: KindFirstChunk, Note: "deprecated name"},
	},
	Splits: "Time to first chunk and decode where time_to_first_token or time_to_first_chunk is sent.",
	More:   "Sentry's OTLP export of traces; the JavaScript SDK sends no first-token time.",
	Notes:  []string{"A stream that its consumer left has neither usage nor a finish reason: counted as cancelled."},
	Finish: func(f *draft, span Span) {
		if f.Text(FinishReason) == "in_progress" {
			// Of a streamed Responses call, each event's.
			if v, ok := span.Attributes().Get("gen_ai.response.finish_reasons"); ok && strings.Contains(v.AsString(), "completed") {
				f.setText(FinishReason, "completed")
			}
		}
		if f.streaming > 0 {
			f.cancelUnanswered()
		}
	},
})
