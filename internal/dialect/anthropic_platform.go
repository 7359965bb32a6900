package dialect

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
