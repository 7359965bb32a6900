package dialect

// SGLang. time_in_model_prefill runs from dispatch to first token, queue
// included, so prefill is read from the scheduler's slices only; decode too, so
// that all three are of one clock.
var _ = register(Dialect{
	Name:     "sglang",
	Title:    "SGLang",
	Engine:   "sglang",
	Provider: "sglang",
	Traits:   PartsFirst | StagesTogether,
	Scopes:   []string{"sglang server", "sglang"},
	Signs:    []Sign{{Key: "module", Value: "sglang::*"}},
	Names: []SpanName{
		{Name: "Req *", Role: RoleEngine},
		{Name: "prefill Req*", Role: RoleEngine, Stage: StagePrefill},
		{Name: "decode Req*", Role: RoleEngine, Stage: StageDecode},
		{Name: "prefill_waiting", Role: RolePart, Extent: Queue, HasExtent: true},
		{Name: "prefill_forward", Role: RolePart, Extent: Prefill, HasExtent: true},
		{Name: "decode_forward", Role: RolePart, Extent: Decode, HasExtent: true},
	},
	Vocabulary: []Rule{
		{Key: "rid", To: RequestID, Rank: 2},
		{Key: "gen_ai.usage.cached_tokens", To: CachedTokens, Rank: 3},
	},
	Own: []Rule{
		{Key: "gen_ai.latency.time_in_model_decode", To: Decode, Unit: Seconds, Rank: 1},
		{Key: "gen_ai.latency.time_to_first_token", To: ServerTTFT, Unit: Seconds, Rank: 1},
		{Key: "gen_ai.latency.e2e", To: EngineTotal, Unit: Seconds, Rank: 1},
		{Key: "gen_ai.latency.time_in_model_prefill", Ignore: true, Note: "dispatch to first token, queue included: not prefill"},
	},
	Events: []Event{{Name: "retract", Does: eventPreempted}},
	Splits: "Queue, prefill and decode from the scheduler's slices; without them, decode only.",
	More:   "--enable-trace --otlp-traces-endpoint phaseline:4317, trace level 1 or more.",
	Notes: []string{
		"Span names begin with a space.",
		"With prefill and decode on different workers, both get the request at once: the decoding one's span is the server's window.",
	},
})
