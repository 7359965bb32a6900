package dialect

// Dynamo's spans have no timing, but its HTTP span is the server's window.
var _ = register(Dialect{
	Name:   "dynamo",
	Title:  "NVIDIA Dynamo",
	Engine: "dynamo",
	Scopes: []string{"dynamo*"},
	Signs:  []Sign{{Key: "x_request_id", SpanName: "http-request"}},
	Names:  []SpanName{{Name: "http-request", Role: RoleServer}},
	Splits: "The server's window, so network. Queue, prefill and decode come from the engine behind it, where that has spans.",
	More:   "Turn on the engine's own tracing too: per-request timing is only in Dynamo's logs.",
})

// Anthropic's platform delivers its own SERVER span to the customer, below
// the SDK's.
var _ = register(Dialect{
	Name:   "claude_platform",
	Title:  "Anthropic platform",
	Scopes: []string{"com.anthropic.claude-platform"},
	Signs:  []Sign{{Key: "service.name", Value: "claude-platform", Resource: true}},
	Names:  anthropicMethods(RoleEngine),
	Splits: "The server's window, so network. Queue, prefill and decode are not told.",
	More:   "Anthropic's delivery of server spans (beta), to the same place as the SDK's.",
	Finish: finishAnthropic,
})

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
func finishAnthropic(f *Facts, _ Span) {
	if f.Status == StatusUnset {
		f.Status = StatusCancelled
	}
	if f.texts[Provider] == "" {
		f.texts[Provider] = "anthropic"
	}
	if f.texts[Operation] == "" {
		f.texts[Operation] = "chat"
	}
}
