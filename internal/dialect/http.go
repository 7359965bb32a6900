package dialect

// Plain HTTP spans: attempts, connections, and the servers' own windows.
var _ = register(Dialect{
	Name:    "http",
	Title:   "Plain HTTP instrumentation",
	Generic: true,
	Scopes:  []string{"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "go.opentelemetry.io/otel/instrumentation/httptrace"},
	Signs:   []Sign{{Key: "http.request.method"}, {Key: "http.method"}},
	Names: []SpanName{
		{Name: "http.getconn", Role: RoleConnect, Extent: Connect, HasExtent: true},
		{Name: "http.dns", Role: RoleConnect, Extent: Connect, HasExtent: true},
		{Name: "http.connect", Role: RoleConnect, Extent: Connect, HasExtent: true},
		{Name: "http.tls", Role: RoleConnect, Extent: Connect, HasExtent: true},
		{Name: "http.headers", Role: RoleOther},
		{Name: "http.send", Role: RoleOther},
		{Name: "http.receive", Role: RoleOther},
	},
	Kinds: []KindTable{
		{Key: "http.request.method", Rank: 200, Else: roleHTTPSide},
		{Key: "http.method", Rank: 201, Else: roleHTTPSide},
	},
	Vocabulary: concat([]Rule{
		{Key: "http.response.status_code", To: HTTPStatus, Rank: 1},
		{Key: "http.status_code", To: HTTPStatus, Rank: 2},
		{Key: "http.request.resend_count", To: Resends, Rank: 1},
		{Key: "net.peer.name", To: ServerAddress, Rank: 3},
		{Key: "url.full", To: URLPath, Rank: 1},
		{Key: "http.url", To: URLPath, Rank: 2},
		{Key: "url.path", To: URLPath, Rank: 3},
		{Key: "http.target", To: URLPath, Rank: 4},
		{Key: "http.route", To: URLPath, Rank: 5},
		{Key: "http.conn.reused", To: IsReused},
	},
		header("openai-processing-ms", Rule{To: HeaderTotal, Unit: Millis, Rank: 1, Note: "only if streaming is false: on a stream it is the time to the headers"}),
		header("x-envoy-upstream-service-time", Rule{To: HeaderTotal, Unit: Millis, Rank: 3, Note: "as openai-processing-ms, trusted less"}),
	),
	Events: []Event{
		{Name: "http.getconn.start", Does: eventConnectStart},
		{Name: "http.getconn.done", Does: eventConnectDone},
	},
	Splits: "Retries and connection time below a call; the whole network time where the engine's spans are there too. A client span that lasts as long as the engine's becomes the request itself.",
	More:   "Go's otelhttp covers the whole body; Python's httpx, requests and aiohttp end at the response headers, so add an instrumentation of the LLM SDK there.",
	Finish: finishHTTP,
})

func finishHTTP(f *draft, _ Span) {
	if f.Is(reused) {
		f.clear(Connect)
	}
}

func concat(lists ...[]Rule) []Rule {
	var all []Rule
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
