package dialect

// Anthropic's SDKs trace each method of the API.
var _ = register(Dialect{
	Name:   "anthropic_sdk",
	Title:  "Anthropic SDK",
	Scopes: []string{"com.anthropic.sdk.*"},
	Names:  anthropicMethods(RoleLLM),
	Splits: "As the semantic conventions, with the platform's spans network too.",
	More:   "The SDK's own tracing (beta).",
	Finish: finishAnthropic,
})

// anthropicMethods: only methods that generate are requests, not those that
// count tokens or manage batches and files.
func anthropicMethods(role Role) []SpanName {
	return []SpanName{
		{Name: "anthropic.messages.create", Role: role},
		{Name: "anthropic.messages.stream", Role: role},
		{Name: "anthropic.messages.parse", Role: role},
		{Name: "anthropic.beta.messages.create", Role: role},
		{Name: "anthropic.beta.messages.stream", Role: role},
		{Name: "anthropic.beta.messages.parse", Role: role},
		{Name: "anthropic.completions.create", Role: role},
		{Name: "anthropic.messages.*", Role: RoleOther},
		{Name: "anthropic.beta.*", Role: RoleOther},
	}
}

// finishAnthropic: status OK and ERROR are set, unset means cancelled.
func finishAnthropic(f *draft, _ Span) {
	if f.Status == StatusUnset {
		f.Status = StatusCancelled
	}
	if f.Text(Provider) == "" {
		f.setText(Provider, "anthropic")
	}
	if f.Text(Operation) == "" {
		f.setText(Operation, "chat")
	}
}
