package dialect

// Text Generation Inference writes its durations as texts, in Rust's format.
// inference_time is prefill and decode together.
var _ = register(Dialect{
	Name:     "tgi",
	Title:    "Hugging Face TGI",
	Engine:   "tgi",
	Provider: "tgi",
	// Its scope is that of any Rust program; its attributes are its own, but a
	// request that failed has none, and compat_generate never has.
	Signs: []Sign{{Key: "validation_time"}, {Key: "inference_time"}, {Key: "service.name", Value: "text-generation-inference.*", Resource: true}},
	Names: []SpanName{
		{Name: "generate", Role: RoleEngine},
		{Name: "generate_stream", Role: RoleEngine},
		{Name: "chat_completions", Role: RoleEngine},
		{Name: "completions", Role: RoleEngine},
		{Name: "compat_generate", Role: RoleEngine},
	},
	Own: []Rule{
		{Key: "queue_time", To: Queue, Unit: DurationText, Rank: 1},
		{Key: "inference_time", To: Inference, Unit: DurationText, Rank: 1},
		{Key: "total_time", To: EngineTotal, Unit: DurationText, Rank: 1},
		{Key: "validation_time", Ignore: true, Note: "frontend time, unattributed"},
		{Key: "time_per_token", Ignore: true, Note: "inference time / tokens, prefill included"},
	},
	Splits: "Queue. Prefill and decode are one number, so decode comes from a streaming client.",
	More:   "text-generation-launcher --otlp-endpoint http://phaseline:4317",
})
