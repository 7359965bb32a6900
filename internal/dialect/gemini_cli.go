package dialect

// Gemini CLI has no timing on its spans.
var _ = register(Dialect{
	Name:   "gemini_cli",
	Title:  "Gemini CLI",
	Scopes: []string{"gemini-cli*"},
	Signs:  []Sign{{Key: "gen_ai.operation.name", Value: "llm_call"}},
	Names: []SpanName{
		{Name: "llm_call", Role: RoleLLM},
		{Name: "tool_call", Role: RoleTool},
	},
	Splits: "The total only.",
	More:   "Its telemetry settings with an OTLP endpoint.",
	Finish: func(f *draft, _ Span) {
		if f.Role == RoleLLM && f.Text(Operation) == "" {
			f.setText(Operation, "generate_content")
		}
	},
})
