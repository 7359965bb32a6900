package dialect

// engineVocabulary is what vLLM began and other engines took over. The values
// are double seconds; -1 or less stands for "not measured".
var engineVocabulary = []Rule{
	{Key: "gen_ai.latency.time_in_queue", To: Queue, Unit: Seconds, Rank: 1},
	{Key: "gen_ai.latency.time_in_model_prefill", To: Prefill, Unit: Seconds, Rank: 1},
	{Key: "gen_ai.latency.time_in_model_decode", To: Decode, Unit: Seconds, Rank: 1},
	{Key: "gen_ai.latency.time_in_model_inference", To: Inference, Unit: Seconds, Rank: 1},
	{Key: "gen_ai.latency.time_to_first_token", To: ServerTTFT, Unit: Seconds, Rank: 1},
	{Key: "gen_ai.latency.e2e", To: EngineTotal, Unit: Seconds, Rank: 1},
	{Key: "gen_ai.request.id", To: RequestID, Rank: 1},
	{Key: "gen_ai.request.max_tokens", To: MaxTokens, Rank: 1},
	{Key: "gen_ai.request.n", To: Choices, Rank: 2},
	{Key: "gen_ai.usage.num_sequences", To: Choices, Rank: 4, Note: "vLLM V0, one span for all sequences"},
}

// datadogVocabulary is what Datadog's integration writes on vllm.request: the
// engine's own times, as V1 has them.
var datadogVocabulary = []Rule{
	{Key: "vllm.latency.queue", To: Queue, Unit: Seconds, Rank: 2, Note: "Datadog's integration"},
	{Key: "vllm.latency.prefill", To: Prefill, Unit: Seconds, Rank: 2, Note: "Datadog's integration"},
	{Key: "vllm.latency.decode", To: Decode, Unit: Seconds, Rank: 2, Note: "Datadog's integration"},
	{Key: "vllm.latency.inference", To: Inference, Unit: Seconds, Rank: 2, Note: "Datadog's integration"},
	{Key: "vllm.latency.ttft", To: ServerTTFT, Unit: Seconds, Rank: 2, Note: "Datadog's integration"},
	{Key: "vllm.request.model", To: Model, Rank: 8, Note: "Datadog's integration"},
}

// vLLM's llm_request. In V1 queue, prefill and decode come from the engine's
// monotonic clock, TTFT and e2e from the frontend's wall clock, so the former
// never add up to the latter. V0 has queue, TTFT and e2e from arrival only.
var _ = register(Dialect{
	Name:     "vllm",
	Title:    "vLLM",
	Engine:   "vllm",
	Provider: "vllm",
	Traits:   PartsFirst,
	Scopes:   []string{"vllm.tracing.otel", "vllm.llm_engine", "vllm", "vllm.*"},
	Signs: []Sign{
		{Key: "gen_ai.latency.e2e", SpanName: "llm_request"},
		{Key: "gen_ai.latency.time_in_queue", SpanName: "llm_request"},
		{Key: "gen_ai.latency.time_to_first_token", SpanName: "llm_request"},
		{Key: "vllm.request.model", SpanName: "vllm.request"},
	},
	Names: []SpanName{
		{Name: "llm_request", Role: RoleEngine},
		{Name: "vllm.request", Role: RoleEngine},
		{Name: "vllm_queue", Role: RolePart, Extent: Queue, HasExtent: true},
		{Name: "vllm_prefill", Role: RolePart, Extent: Prefill, HasExtent: true},
		{Name: "vllm_decode", Role: RolePart, Extent: Decode, HasExtent: true},
	},
	Vocabulary: concat(engineVocabulary, datadogVocabulary),
	Splits:     "Queue, prefill and decode (V1 measured; V0 queue measured, the others by difference).",
	More:       "vllm serve … --otlp-traces-endpoint http://phaseline:4317 --collect-detailed-traces=all",
	Notes: []string{
		"Aborted requests have no span.",
		"A span with completion_tokens 0 is a pooling call, not a request.",
		"Preemption is inside prefill or decode and cannot be told apart.",
	},
	Finish: finishVLLM,
})

func finishVLLM(f *draft, _ Span) {
	if f.Role != RoleEngine {
		return
	}
	if f.Has(OutputTokens) && f.Number(OutputTokens) == 0 {
		f.Role = RoleOther // pooling: embeddings, scores
		return
	}
	if !f.Has(Prefill) && !f.Has(Decode) && !f.Has(Inference) {
		f.Marks |= ArrivalClock
	}
	if f.Number(MaxTokens) == 1 {
		f.Stage = StagePrefill // if another span of the request decodes
	}
}
