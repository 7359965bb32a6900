package dialect

// Semantic Kernel and Agent Framework; operation names carry the API.
var _ = register(Dialect{
	Name:   "semantic_kernel",
	Title:  "Semantic Kernel and Agent Framework",
	Scopes: []string{"Microsoft.SemanticKernel*", "semantic_kernel*", "agent_framework*", "Experimental.Microsoft.*"},
	Signs: []Sign{
		{Key: "gen_ai.operation.name", Value: "chat.completions"}, {Key: "gen_ai.operation.name", Value: "chat.streaming_completions"},
		{Key: "gen_ai.operation.name", Value: "text.completions"}, {Key: "gen_ai.operation.name", Value: "text.streaming_completions"},
	},
	Splits: "The total only.",
	More:   "SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS=true",
	Finish: func(f *draft, _ Span) {
		// Its operation names carry the API: chat.completions, text.completions.
		switch op := f.Text(Operation); op {
		case "chat.completions", "chat.streaming_completions":
			f.Role = RoleLLM
			f.setText(Operation, "chat")
		case "text.completions", "text.streaming_completions":
			f.Role = RoleLLM
			f.setText(Operation, "text_completion")
		}
	},
})
