package dialect

// llm-d: the gateway's and the sidecar's spans around vLLM's. The sidecar's
// "true TTFT" is the time to the start of decode, in whole milliseconds.
var _ = register(Dialect{
	Name:   "llm_d",
	Title:  "llm-d",
	Scopes: []string{"llm-d*", "llm_d*"},
	Signs:  []Sign{{Key: "llm_d.pd_proxy.true_ttft_ms"}, {Key: "llm_d.pd_proxy.total_duration_ms"}, {SpanName: "llm_d.*"}, {SpanName: "gateway.request"}, {SpanName: "gateway.request_orchestration"}},
	Traits: Gateway | NeverClient,
	Names: []SpanName{
		{Name: "gateway.request", Role: RoleServer},
		{Name: "gateway.request_orchestration", Role: RoleOther},
		{Name: "llm_d.pd_proxy.request", Role: RoleServer},
		{Name: "llm_d.*", Role: RoleOther},
	},
	Own: []Rule{
		{Key: "llm_d.pd_proxy.true_ttft_ms", Ignore: true, Note: "time to the start of decode, not to the first token"},
		{Key: "llm_d.pd_proxy.prefill_duration_ms", Ignore: true, Note: "an HTTP call's, not prefill"},
		{Key: "llm_d.pd_proxy.decode_duration_ms", Ignore: true, Note: "an HTTP call's, not decode"},
		{Key: "llm_d.pd_proxy.decode.streaming", To: Streamed, Rank: 4},
	},
	Splits: "Its part of network; with prefill and decode on different workers, the queues of both.",
	More:   "Tracing in the gateway and the routing sidecar, and vLLM's own --otlp-traces-endpoint.",
})
