package dialect

// Vercel AI SDK 4 to 6, and the legacy integration of 7. One doStream or
// doGenerate is one request; the span around them sums up.
var _ = register(Dialect{
	Name:        "vercel",
	Title:       "Vercel AI SDK",
	Scopes:      []string{"ai"},
	Signs:       []Sign{{Key: "ai.operationId"}},
	CutProvider: true,
	Traits:      ToolsBeside | EndNotLastToken,
	Kinds: []KindTable{{Key: "ai.operationId", Rank: 0, Values: map[string]Role{
		"ai.streamText.doStream": RoleLLM, "ai.generateText.doGenerate": RoleLLM,
		"ai.streamObject.doStream": RoleLLM, "ai.generateObject.doGenerate": RoleLLM,
		"ai.streamText": RoleWrapper, "ai.generateText": RoleWrapper, "ai.streamObject": RoleWrapper, "ai.generateObject": RoleWrapper,
		"ai.toolCall": RoleTool,
	}}},
	Vocabulary: []Rule{
		{Key: "ai.response.msToFirstChunk", To: TTFT, Unit: Millis, Rank: 3, Note: "the first part of any sort, or the first output: the span does not tell which"},
		{Key: "ai.stream.msToFirstChunk", To: TTFT, Unit: Millis, Rank: 3, Note: "streamObject's name"},
		{Key: "ai.response.msToFinish", To: FinishAt, Unit: Millis, Rank: 1, Note: "held back until client-side tools have run, except in 7"},
		{Key: "ai.model.id", To: Model, Rank: 5},
		{Key: "ai.model.provider", To: Provider, Rank: 5},
		{Key: "ai.usage.inputTokens", To: InputTokens, Rank: 4},
		{Key: "ai.usage.promptTokens", To: InputTokens, Rank: 5, Note: "version 4"},
		{Key: "ai.usage.outputTokens", To: OutputTokens, Rank: 4},
		{Key: "ai.usage.completionTokens", To: OutputTokens, Rank: 5, Note: "version 4"},
		{Key: "ai.usage.cachedInputTokens", To: CachedTokens, Rank: 4},
		{Key: "ai.usage.inputTokenDetails.cacheReadTokens", To: CachedTokens, Rank: 4},
		{Key: "ai.usage.inputTokenDetails.cacheWriteTokens", To: CacheWriteTokens, Rank: 4},
		{Key: "ai.usage.reasoningTokens", To: ReasoningTokens, Rank: 4},
		{Key: "ai.usage.outputTokenDetails.reasoningTokens", To: ReasoningTokens, Rank: 4},
		{Key: "ai.response.id", To: ResponseID, Rank: 2},
		{Key: "ai.response.model", To: ResponseModel, Rank: 3},
		{Key: "ai.response.finishReason", To: FinishReason, Rank: 4},
		{Key: "ai.telemetry.metadata.sessionId", To: Session, Rank: 4},
		{Key: "ai.telemetry.metadata.userId", To: User, Rank: 4},
		{Key: "ai.response.providerMetadata", Fields: []Rule{
			{Key: "openai/cachedPromptTokens", To: CachedTokens, Rank: 5},
		}},
	},
	Splits: "Time to first chunk of streamed calls; decode where no tool ran inside.",
	More:   "experimental_telemetry: { isEnabled: true } on each call; for time to first token, AI SDK 7 with @ai-sdk/otel.",
	Notes: []string{
		"streamObject sends no time of finishing, so its decode is unknown.",
		"An aborted call of 5 or 6 leaves only ai.streamText: counted, no row.",
		"In 7 an aborted call's span ends there and says nothing of the answer: counted as cancelled.",
	},
	Finish: func(f *draft, _ Span) {
		// ai.operationId says what kind of call it is, not which operation.
		if f.Role == RoleLLM {
			f.setText(Operation, "chat")
		}
		f.cancelUnanswered()
	},
})
