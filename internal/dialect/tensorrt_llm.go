package dialect

// TensorRT-LLM counts from arrival, as vLLM V0 did, and sends -1 for what it
// did not measure.
var _ = register(Dialect{
	Name:     "tensorrt_llm",
	Title:    "TensorRT-LLM",
	Engine:   "tensorrt_llm",
	Provider: "tensorrt_llm",
	Scopes:   []string{"trt.llm"},
	Names:    []SpanName{{Name: "llm_request", Role: RoleEngine}},
	Splits:   "Queue; prefill and decode by difference.",
	More:     "otlp_traces_endpoint and return_perf_metrics in the server's options.",
	Finish: func(f *draft, _ Span) {
		if f.Role != RoleEngine {
			return
		}
		if f.Has(OutputTokens) && f.Number(OutputTokens) == 0 {
			f.Role = RoleOther
			return
		}
		if !f.Has(Prefill) && !f.Has(Decode) {
			f.Marks |= ArrivalClock
		}
		if f.Number(MaxTokens) == 1 {
			f.Stage = StagePrefill // the context server's, if another span of the request decodes
		}
	},
})
