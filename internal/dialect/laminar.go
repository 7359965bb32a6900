package dialect

// Laminar.
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
