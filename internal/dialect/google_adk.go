package dialect

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
			{Key: "usage_metadata/total_token_count", Ignore: true, Note: "tells whether thoughts are counted beside the output"},
		}},
	},
	Splits: "The total only.",
	More:   "Instrument the model client (google-genai) as well.",
	Notes:  []string{"execute_tool is a child of call_llm, so that a call may contain its tools' time.", "A call_llm without any attribute failed: its status stays unset."},
	Finish: func(f *draft, span Span) {
		if f.Role != RoleLLM {
			return
		}
		if f.Text(Operation) == "" {
			f.setText(Operation, "chat")
		}
		if f.Status == StatusUnset && span.Attributes().Len() == 0 {
			f.Status = StatusError
		}
		f.addReasoning(span, "gcp.vertex.agent.llm_response", "total_token_count")
	},
})
