package dialect

// Strands names two attributes after server metrics, in int milliseconds: the
// first is the client's, the second is the provider's own total.
var _ = register(Dialect{
	Name:   "strands",
	Title:  "Strands Agents",
	Scopes: []string{"strands.telemetry.tracer", "strands*"},
	Signs:  []Sign{{Key: "gen_ai.system", Value: "strands-agents"}, {Key: "gen_ai.provider.name", Value: "strands-agents"}},
	Own: []Rule{
		{Key: "gen_ai.server.time_to_first_token", To: TTFT, Unit: Millis, Rank: 5, Kind: KindFirstToken, Note: "client side: request to first content block"},
		{Key: "gen_ai.server.request.duration", To: ServerTotal, Unit: Millis, Rank: 1, Note: "Bedrock's latencyMs or Ollama's total"},
	},
	Splits: "Network where Bedrock or Ollama answers, time to first token and decode.",
	More:   "Strands' OTLP exporter.",
	Notes:  []string{"The provider is reported as strands-agents."},
})
