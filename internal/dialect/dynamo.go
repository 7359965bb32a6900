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
