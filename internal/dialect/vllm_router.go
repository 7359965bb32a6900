package dialect

// The production-stack router: SERVER span > CLIENT span > the engine's.
var _ = register(Dialect{
	Name:   "vllm_router",
	Title:  "vLLM production-stack router",
	Scopes: []string{"vllm-router"},
	Traits: Gateway | NeverClient,
	Names: []SpanName{
		{Name: "router *", Role: RoleServer},
		{Name: "process_request", Role: RoleHTTP},
	},
	Vocabulary: []Rule{
		{Key: "vllm.model", To: Model, Rank: 8},
		{Key: "vllm.is_streaming", To: Streamed, Rank: 1},
	},
	Own: []Rule{
		{Key: "vllm.request_id", To: RequestID, Rank: 3},
	},
	Splits: "Its part of network.",
	More:   "The router's OTLP endpoint option.",
})
