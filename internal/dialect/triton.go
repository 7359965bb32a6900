package dialect

// NVIDIA Triton: InferRequest > model > compute, with events of one steady
// clock on the last two. It knows no first token, and serves models of any kind.
var _ = register(Dialect{
	Name:     "triton",
	Title:    "NVIDIA Triton Inference Server",
	Engine:   "triton",
	Provider: "triton",
	Scopes:   []string{"triton-server"},
	Names: []SpanName{
		{Name: "InferRequest", Role: RoleEngine},
		{Name: "*", Role: RolePart},
	},
	Vocabulary: []Rule{
		{Key: "triton.model_name", To: Model, Rank: 9},
		{Key: "triton.request_id", To: RequestID, Rank: 2},
	},
	Events: []Event{
		{Name: "QUEUE_START", Does: eventQueueStart},
		{Name: "COMPUTE_START", Does: eventComputeStart},
	},
	Splits: "Queue. Decode comes from a streaming client.",
	More:   "--trace-config mode=opentelemetry --trace-config opentelemetry,url=http://phaseline:4318/v1/traces --trace-config level=TIMESTAMPS --trace-config rate=1",
	Notes:  []string{"Put another engine's tracing behind it (vLLM, TensorRT-LLM) for prefill and decode."},
})
