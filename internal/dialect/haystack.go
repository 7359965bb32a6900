package dialect

// Haystack: the generator component's span wraps the SDK's, and bears nothing
// that makes it a request by itself.
var _ = register(Dialect{
	Name:   "haystack",
	Title:  "Haystack",
	Scopes: []string{"haystack*"},
	Names:  []SpanName{{Name: "haystack.*", Role: RoleOther}},
	Splits: "Nothing by itself.",
	More:   "Instrument the model's SDK as well (OpenInference, OpenLLMetry, OTel): its spans become the requests.",
})
