package dialect

import "strings"

// OpenLLMetry (Traceloop), Python and JavaScript.
var _ = register(Dialect{
	Name:  "openllmetry",
	Title: "OpenLLMetry (Traceloop)",
	Scopes: []string{
		"opentelemetry.instrumentation.openai.v1", "opentelemetry.instrumentation.openai.v0",
		"opentelemetry.instrumentation.anthropic.v1", "opentelemetry.instrumentation.cohere", "opentelemetry.instrumentation.groq",
		"opentelemetry.instrumentation.mistralai", "opentelemetry.instrumentation.ollama", "opentelemetry.instrumentation.bedrock",
		"opentelemetry.instrumentation.google_generativeai", "opentelemetry.instrumentation.together", "opentelemetry.instrumentation.replicate",
		"opentelemetry.instrumentation.watsonx", "opentelemetry.instrumentation.sagemaker", "opentelemetry.instrumentation.langchain",
		"opentelemetry.instrumentation.llamaindex", "opentelemetry.instrumentation.haystack",
		"traceloop.tracer", "@traceloop/*",
	},
	Signs: []Sign{{Key: "llm.request.type"}, {Key: "traceloop.span.kind"}},
	Names: []SpanName{{Name: "openai.response", Role: RoleLLM}},
	Kinds: []KindTable{
		{Key: "traceloop.span.kind", Rank: 1, Values: map[string]Role{"tool": RoleTool}},
		{Key: "llm.request.type", Rank: 3, Values: map[string]Role{
			"chat": RoleLLM, "completion": RoleLLM, "acompletion": RoleLLM, "atext_completion": RoleLLM, "text_completion": RoleLLM,
		}},
	},
	Vocabulary: []Rule{
		{Key: "llm.request.type", To: Operation, Rank: 2},
		{Key: "gen_ai.is_streaming", To: Streamed, Rank: 1},
		{Key: "llm.is_streaming", To: Streamed, Rank: 2, Note: "bool, or the string True from LiteLLM"},
		{Key: "gen_ai.completion.0.finish_reason", To: FinishReason, Rank: 6},
		{Key: "traceloop.association.properties.session_id", To: Session, Rank: 3},
		{Key: "traceloop.association.properties.user_id", To: User, Rank: 5},
		{Key: "traceloop.prompt.key", To: PromptName, Rank: 2},
		{Key: "traceloop.prompt.version", To: PromptVersion, Rank: 2},
	},
	Events: []Event{
		{Name: "gen_ai.content.completion.chunk", Does: eventChunk, Note: "one for each chunk, OpenAI chat only"},
		{Name: "llm.content.completion.chunk", Does: eventChunk, Note: "before 0.53; Cohere still"},
	},
	Splits: "Time to first chunk and decode of streamed OpenAI and Cohere chats in Python, from chunk events; otherwise the total only.",
	More:   "Raise OTEL_SPAN_EVENT_COUNT_LIMIT above 128: SDKs drop the oldest events, and the first chunk's with them.",
	Notes: []string{
		"An abandoned stream's span ends when Python collects it.",
		"JavaScript sends neither a stream flag nor chunk events; the span of a streamed Responses call ends at the headers.",
		"An aborted stream of Google's JavaScript SDK has status OK and nothing of the answer: counted as cancelled.",
	},
	Finish: finishOpenLLMetry,
})

// finishOpenLLMetry also marks spans of streamed Responses calls in JavaScript,
// which end at the headers and carry nothing of the answer.
func finishOpenLLMetry(f *draft, _ Span) {
	switch op := f.Text(Operation); {
	case op == "completion":
		f.setText(Operation, "text_completion") // here the legacy API, at LiteLLM any
	case op == "" && f.Role == RoleLLM:
		f.setText(Operation, "chat") // Responses
	}
	if strings.HasPrefix(f.Origin.Scope, "@traceloop/instrumentation-google") {
		f.cancelUnanswered() // an aborted stream's status is OK
	}
	if f.Role == RoleLLM && f.Origin.Scope == "@traceloop/instrumentation-openai" && f.Status != StatusError &&
		f.Text(ResponseModel) == "" && f.Text(ResponseID) == "" && f.Text(FinishReason) == "" && !f.Has(OutputTokens) {
		f.Marks |= EndsAtHeaders
	}
}
