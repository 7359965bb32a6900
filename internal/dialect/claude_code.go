package dialect

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Claude Code. duration_ms includes retries, ttft_ms begins at an unstated
// attempt, and input_tokens excludes cached ones. Numbers may be strings.
var _ = register(Dialect{
	Name:               "claude_code",
	Title:              "Claude Code",
	Scopes:             []string{"com.anthropic.claude_code*", "claude-code*", "claude_code*"},
	Signs:              []Sign{{SpanName: "claude_code.*"}, {Key: "span.type", Value: "llm_request"}},
	InputExcludesCache: true,
	Names: []SpanName{
		{Name: "claude_code.llm_request", Role: RoleLLM},
		{Name: "claude_code.tool", Role: RoleTool},
		{Name: "claude_code.*", Role: RoleOther},
	},
	Kinds: []KindTable{{Key: "span.type", Rank: 6, Values: map[string]Role{"llm_request": RoleLLM}}},
	Own: []Rule{
		{Key: "model", To: Model, Rank: 6},
		{Key: "ttft_ms", To: TTFT, Unit: Millis, Rank: 6, Note: "believed on the first attempt only"},
		{Key: "attempt", To: Attempt, Rank: 1},
		{Key: "input_tokens", To: InputTokens, Rank: 6, Note: "without cached ones, which are added"},
		{Key: "output_tokens", To: OutputTokens, Rank: 6},
		{Key: "cache_read_tokens", To: CachedTokens, Rank: 6},
		{Key: "cache_creation_tokens", To: CacheWriteTokens, Rank: 6},
		{Key: "stop_reason", To: FinishReason, Rank: 5},
		{Key: "request_id", To: ResponseID, Rank: 3},
		{Key: "status_code", To: HTTPStatus, Rank: 3, Note: "of failed requests"},
	},
	Events: []Event{{Name: "gen_ai.request.attempt", Does: eventAttempt, Note: "one for each attempt; the attribute attempt counts them too"}},
	Splits: "Time to first token and decode of first attempts.",
	More:   "CLAUDE_CODE_ENABLE_TELEMETRY=1 and OTEL_TRACES_EXPORTER=otlp.",
	Notes:  []string{"Waiting for the user and running tools are spans of their own, not requests."},
	Finish: finishAgentCLI,
})

// finishAgentCLI refuses a TTFT that began at some later attempt. That there
// is one still tells that the call was streamed.
func finishAgentCLI(f *draft, span Span) {
	if f.Role != RoleLLM {
		return
	}
	if v, ok := span.Attributes().Get("ttft_ms"); ok && v.Type() != pcommon.ValueTypeEmpty && f.streaming == 0 {
		f.streaming = 1
	}
	if f.Number(Attempt) > 1 && f.Has(TTFT) {
		f.refuse(RefusedTTFT, f.numbers[TTFT].source)
		f.clear(TTFT)
	}
	if f.Text(Operation) == "" {
		f.setText(Operation, "chat")
	}
}
