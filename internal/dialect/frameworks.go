package dialect

import "strings"

// PydanticAI (and Logfire). Its TTFT ends when the consumer gets the first event.
var _ = register(Dialect{
	Name:   "pydantic_ai",
	Title:  "PydanticAI and Logfire",
	Scopes: []string{"pydantic-ai", "logfire.*"},
	Vocabulary: []Rule{
		{Key: "gen_ai.usage.details.cache_read_tokens", To: CachedTokens, Rank: 6},
		{Key: "gen_ai.usage.details.cache_read_input_tokens", To: CachedTokens, Rank: 6},
		{Key: "gen_ai.usage.details.cached_tokens", To: CachedTokens, Rank: 7},
		{Key: "gen_ai.usage.details.reasoning_tokens", To: ReasoningTokens, Rank: 6},
	},
	Splits: "Time to first chunk and decode of streamed calls.",
	More:   "Agent.instrument_all(), and stream.",
	Notes:  []string{"A cancelled stream has no TTFT and no usage."},
})

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

var _ = register(Dialect{
	Name:   "loongsuite",
	Title:  "LoongSuite",
	Scopes: []string{"loongsuite*", "opentelemetry.util.genai.extended_handler"},
	Kinds: []KindTable{{Key: "gen_ai.span.kind", Rank: 5, Values: map[string]Role{
		"LLM": RoleLLM, "TOOL": RoleTool,
	}}},
	Vocabulary: []Rule{
		{Key: "gen_ai.response.time_to_first_token", To: TTFT, Unit: SecondsOrNanos, Rank: 4, Kind: KindFirstChunk, Note: "LoongSuite int ns, Sentry double s"},
		{Key: "gen_ai.session.id", To: Session, Rank: 3},
		{Key: "gen_ai.user.id", To: User, Rank: 3},
	},
	Splits: "Time to first token and decode of streamed calls.",
	More:   "Nothing to switch on.",
})

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
})

// Google ADK.
var _ = register(Dialect{
	Name:   "google_adk",
	Title:  "Google ADK",
	Scopes: []string{"gcp.vertex.agent"},
	Signs:  []Sign{{Key: "gen_ai.system", Value: "gcp.vertex.agent"}},
	Names: []SpanName{
		{Name: "call_llm", Role: RoleLLM},
		{Name: "execute_tool*", Role: RoleTool},
		{Name: "invocation", Role: RoleOther},
		{Name: "agent_run*", Role: RoleOther},
		{Name: "invoke_agent*", Role: RoleOther},
	},
	Vocabulary: []Rule{
		{Key: "gcp.vertex.agent.session_id", To: Session, Rank: 5},
		{Key: "gcp.vertex.agent.llm_response", Fields: []Rule{
			{Key: "usage_metadata/prompt_token_count", To: InputTokens, Rank: 7},
			{Key: "usage_metadata/candidates_token_count", To: OutputTokens, Rank: 7},
			{Key: "usage_metadata/cached_content_token_count", To: CachedTokens, Rank: 7},
			{Key: "usage_metadata/thoughts_token_count", To: ReasoningTokens, Rank: 7},
		}},
	},
	Splits: "The total only.",
	More:   "Instrument the model client (google-genai) as well.",
	Notes:  []string{"execute_tool is a child of call_llm, so that a call may contain its tools' time.", "A failed call_llm bears no attribute."},
	Finish: func(f *Facts, _ Span) {
		if f.Role == RoleLLM && f.texts[Operation] == "" {
			f.texts[Operation] = "chat"
		}
	},
})

// Genkit keeps everything in JSON.
var _ = register(Dialect{
	Name:   "genkit",
	Title:  "Firebase Genkit",
	Scopes: []string{"genkit-tracer", "genkit*"},
	Signs:  []Sign{{Key: "genkit:type"}, {Key: "genkit:metadata:subtype"}},
	Kinds: []KindTable{
		{Key: "genkit:metadata:subtype", Rank: 1, Values: map[string]Role{"model": RoleLLM, "tool": RoleTool}},
		{Key: "genkit:type", Rank: 6},
	},
	Vocabulary: []Rule{
		{Key: "genkit:name", To: Model, Rank: 6, Note: "with the plugin's prefix, such as googleai/"},
		{Key: "genkit:sessionId", To: Session, Rank: 5},
		{Key: "genkit:output", Fields: []Rule{
			{Key: "usage/inputTokens", To: InputTokens, Rank: 6},
			{Key: "usage/outputTokens", To: OutputTokens, Rank: 6},
			{Key: "usage/cachedContentTokens", To: CachedTokens, Rank: 6},
			{Key: "usage/thoughtsTokens", To: ReasoningTokens, Rank: 6},
			{Key: "finishReason", To: FinishReason, Rank: 6},
		}},
	},
	Splits: "The total only.",
	More:   "Nothing to switch on; its latencyMs is the caller's own total again.",
	Finish: func(f *Facts, _ Span) {
		if f.Role != RoleLLM {
			return
		}
		if plugin, model, ok := strings.Cut(f.texts[Model], "/"); ok {
			f.texts[Model] = model
			if f.texts[Provider] == "" {
				f.texts[Provider] = plugin
			}
		}
		f.texts[Operation] = "chat"
	},
})

// Mastra. Its completion_start_time is right for a first stream, stale in the
// next step of a tool loop, and nearly the whole call where nothing is streamed.
var _ = register(Dialect{
	Name:        "mastra",
	Title:       "Mastra",
	Scopes:      []string{"@mastra/*"},
	Signs:       []Sign{{Key: "mastra.span.type"}},
	CutProvider: true,
	Traits:      ToolsBeside,
	Kinds: []KindTable{{Key: "mastra.span.type", Rank: 1, Values: map[string]Role{
		"model_inference": RoleLLM, "tool_call": RoleTool, "mcp_tool_call": RoleTool,
	}}},
	Vocabulary: []Rule{
		{Key: "mastra.completion_start_time", To: TTFT, Unit: ISOTime, Rank: 7, Kind: KindFirstToken},
	},
	Splits: "Time to first token and decode, unless a tool ran inside.",
	More:   "@mastra/otel-exporter.",
	Notes:  []string{"Nothing on the span tells whether the call was streamed.", "A failed call's status is OK; its finish reason is error."},
})

var _ = register(Dialect{
	Name:   "langsmith",
	Title:  "LangSmith, OTel mode",
	Scopes: []string{"langsmith*"},
	Signs:  []Sign{{Key: "langsmith.span.kind"}},
	Kinds:  []KindTable{{Key: "langsmith.span.kind", Rank: 3, Values: map[string]Role{"llm": RoleLLM, "LLM": RoleLLM, "tool": RoleTool, "TOOL": RoleTool}}},
	Vocabulary: []Rule{
		{Key: "langsmith.request.streaming", To: Streamed, Rank: 1},
		{Key: "langsmith.metadata.ls_provider", To: Provider, Rank: 0, Note: "gen_ai.system is langchain, a framework"},
		{Key: "langsmith.metadata.ls_model_name", To: Model, Rank: 6},
		{Key: "langsmith.trace.session_id", To: Session, Rank: 5},
		{Key: "langsmith.metadata.session_id", To: Session, Rank: 6},
		{Key: "gen_ai.usage.input_token_details", Fields: []Rule{
			{Key: "cache_read", To: CachedTokens, Rank: 6},
		}},
		{Key: "gen_ai.usage.output_token_details", Fields: []Rule{
			{Key: "reasoning", To: ReasoningTokens, Rank: 6},
		}},
	},
	Events: []Event{{Name: "Cancelled", Does: eventCancelled}},
	Splits: "The total only.",
	More:   "LANGSMITH_OTEL_ENABLED=true, with an active span around streamed calls: without one theirs is never exported.",
})

var _ = register(Dialect{
	Name:   "laminar",
	Title:  "Laminar",
	Scopes: []string{"lmnr*", "@lmnr-ai/*"},
	Signs:  []Sign{{Key: "lmnr.span.type"}},
	Kinds:  []KindTable{{Key: "lmnr.span.type", Rank: 3, Values: map[string]Role{"LLM": RoleLLM, "TOOL": RoleTool}}},
	Vocabulary: []Rule{
		{Key: "lmnr.association.properties.session_id", To: Session, Rank: 5},
		{Key: "lmnr.association.properties.user_id", To: User, Rank: 5},
	},
	Splits: "The total only.",
	More:   "Nothing to switch on.",
})

var _ = register(Dialect{
	Name:   "mlflow",
	Title:  "MLflow",
	Scopes: []string{"mlflow*"},
	Signs:  []Sign{{Key: "mlflow.spanType"}},
	Kinds: []KindTable{{Key: "mlflow.spanType", Rank: 3, Values: map[string]Role{
		"CHAT_MODEL": RoleLLM, "LLM": RoleLLM, "TOOL": RoleTool,
	}}},
	Vocabulary: []Rule{
		{Key: "mlflow.chat.tokenUsage", Fields: []Rule{
			{Key: "input_tokens", To: InputTokens, Rank: 6},
			{Key: "output_tokens", To: OutputTokens, Rank: 6},
			{Key: "cache_read_input_tokens", To: CachedTokens, Rank: 6},
		}},
		{Key: "mlflow.llm.model", To: Model, Rank: 6},
		{Key: "mlflow.llm.provider", To: Provider, Rank: 6},
		{Key: "mlflow.trace.session", To: Session, Rank: 5},
		{Key: "mlflow.trace.user", To: User, Rank: 5},
	},
	Events: []Event{{Name: "mlflow.chunk.item.*", Does: eventChunk, Note: "one for each chunk"}},
	Splits: "Time to first chunk and decode of streamed calls, from chunk events.",
	More:   "MLFLOW's OTLP export; raise the span event limit.",
	Finish: func(f *Facts, _ Span) {
		if f.Role == RoleLLM && f.texts[Operation] == "" {
			f.texts[Operation] = "chat"
		}
	},
})

var _ = register(Dialect{
	Name:   "semantic_kernel",
	Title:  "Semantic Kernel and Agent Framework",
	Scopes: []string{"Microsoft.SemanticKernel*", "semantic_kernel*", "agent_framework*", "Experimental.Microsoft.*"},
	Kinds:  nil,
	Own: []Rule{
		{Key: "gen_ai.operation.name", To: Operation, Rank: 1},
	},
	Splits: "The total only.",
	More:   "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS=true",
	Finish: func(f *Facts, span Span) {
		// Its operation names carry the API: chat.completions, text.completions.
		switch op := f.texts[Operation]; op {
		case "chat.completions", "chat.streaming_completions":
			f.Role, f.texts[Operation] = RoleLLM, "chat"
		case "text.completions", "text.streaming_completions":
			f.Role, f.texts[Operation] = RoleLLM, "text_completion"
		}
	},
})

// Aliases seen in the field, each from one sender.
var _ = register(Dialect{
	Name:    "aliases",
	Title:   "Other names of time to first token",
	Generic: true,
	Vocabulary: []Rule{
		{Key: "gen_ai.response.time_to_first_token_ms", To: TTFT, Unit: Millis, Rank: 6, Kind: KindFirstChunk},
		{Key: "gen_ai.performance.time_to_first_token", To: TTFT, Unit: Seconds, Rank: 6, Kind: KindFirstChunk, Note: "Netra"},
		{Key: "lk.response.ttft", To: TTFT, Unit: Seconds, Rank: 6, Kind: KindFirstChunk, Note: "LiveKit"},
		{Key: "gen_ai.server.ttft", Refuse: RefusedTTFT, Note: "an older name of OpenLIT's"},
	},
	Splits: "Time to first chunk and decode.",
	More:   "Map any other attribute in the configuration: mappings: [{attribute, fact: ttft, unit}].",
})
