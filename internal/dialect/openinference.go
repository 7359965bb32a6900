package dialect

// OpenInference (Arize), Python and JavaScript.
var _ = register(Dialect{
	Name:   "openinference",
	Title:  "OpenInference (Arize Phoenix)",
	Scopes: []string{"openinference.instrumentation.*", "@arizeai/openinference-*"},
	Signs:  []Sign{{Key: "openinference.span.kind"}},
	Kinds: []KindTable{{Key: "openinference.span.kind", Rank: 4, Values: map[string]Role{
		"LLM": RoleLLM, "TOOL": RoleTool,
	}}},
	Vocabulary: []Rule{
		{Key: "openinference.span.kind", To: Operation, Rank: 4},
		{Key: "llm.request.model_name", To: Model, Rank: 2},
		{Key: "llm.model_name", To: Model, Rank: 3, Note: "the response's model overwrites the request's"},
		{Key: "llm.response.model_name", To: ResponseModel, Rank: 2},
		{Key: "llm.provider", To: Provider, Rank: 3},
		{Key: "llm.system", To: Provider, Rank: 4},
		{Key: "llm.invocation_parameters", Fields: []Rule{
			{Key: "stream", To: StreamedIfTrue, Rank: 3, Note: "false proves nothing: LangChain JS sends it for streamed calls"},
			{Key: "n", To: Choices, Rank: 3},
		}},
		{Key: "gen_ai.request.*", Fields: streamField, Note: "of a request kept as JSON"},
		{Key: "gen_ai.request.messages", Ignore: true, Note: "what was said"},
		{Key: "gen_ai.request.instructions", Ignore: true, Note: "what was said"},
		{Key: "langfuse.observation.model.parameters", Fields: streamField},
		{Key: "llm.token_count.prompt", To: InputTokens, Rank: 3},
		{Key: "llm.token_count.completion", To: OutputTokens, Rank: 3},
		{Key: "llm.token_count.prompt_details.cache_read", To: CachedTokens, Rank: 3},
		{Key: "llm.token_count.prompt_details.cache_write", To: CacheWriteTokens, Rank: 4},
		{Key: "llm.token_count.completion_details.reasoning", To: ReasoningTokens, Rank: 3},
		{Key: "llm.finish_reason", To: FinishReason, Rank: 3},
		{Key: "llm.prompt_template.version", To: PromptVersion, Rank: 4},
		{Key: "prompt.id", To: PromptName, Rank: 4},
		{Key: "time_to_first_token_ms", To: TTFT, Unit: Millis, Rank: 6, Kind: KindFirstChunk, Note: "realtime sessions"},
	},
	Events: []Event{{Name: "First Token Stream Event", Does: eventFirstToken, Note: "the first chunk, which may carry only a role"}},
	Splits: "Time to first chunk and decode of streamed calls in Python (openai, llama-index, mistralai), from the span event; otherwise the total only.",
	More:   "Nothing to switch on; the JavaScript packages send no first-token event.",
	Notes:  []string{"In JavaScript a stream that its consumer left is read to its end, so that the span looks like a success."},
})

// streamField reads a request's parameters, where the instrumentation keeps
// them as JSON.
var streamField = []Rule{{Key: "stream", To: StreamedIfTrue, Rank: 3}}
