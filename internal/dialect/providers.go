package dialect

// What providers say about their own time in their answers and headers. It
// reaches a span only if somebody copies it there.
var _ = register(Dialect{
	Name:    "provider",
	Title:   "Providers' own response fields",
	Generic: true,
	Vocabulary: concat(
		blobs(groqFields(""), "usage", "x_groq", "x_groq.usage", "time_info", "llm.*.usage", "llm.*.x_groq", "llm.*.time_info", "groq.usage", "gen_ai.response.usage"),
		plain("usage.", "time_info.", "x_groq.usage.", "groq.usage.", "gen_ai.usage.", "cerebras.time_info.", "llm.usage.", "llm.*.usage.", "llm.*.x_groq.usage.", "llm.*.time_info."),
		[]Rule{
			{Key: "output.value", Only: "queue_time", Fields: concat(groqFields("usage/"), groqFields("token_usage/"), groqFields("time_info/"))},
			{Key: "output.value", Only: "predicted_ms", Fields: []Rule{
				{Key: "timings/prompt_ms", To: Prefill, Unit: Millis, Rank: 4, Note: "llama.cpp"},
				{Key: "timings/predicted_ms", To: Decode, Unit: Millis, Rank: 3, Note: "llama.cpp"},
			}},
			{Key: "timings", Fields: llamaFields},
			{Key: "llm.*.timings", Fields: llamaFields},
			{Key: "timings.prompt_ms", To: Prefill, Unit: Millis, Rank: 4},
			{Key: "timings.predicted_ms", To: Decode, Unit: Millis, Rank: 3},
			{Key: "total_duration", To: ServerTotal, Unit: Nanos, Rank: 2, Note: "Ollama"},
			{Key: "llm.*.total_duration", To: ServerTotal, Unit: Nanos, Rank: 2, Note: "Ollama"},
			{Key: "llm.*.prompt_eval_duration", To: Prefill, Unit: Nanos, Rank: 4, Note: "Ollama"},
			{Key: "llm.*.eval_duration", To: Decode, Unit: Nanos, Rank: 3, Note: "Ollama"},
			{Key: "ollama.total_duration", To: ServerTotal, Unit: Nanos, Rank: 2},
			{Key: "ollama.prompt_eval_duration", To: Prefill, Unit: Nanos, Rank: 4},
			{Key: "ollama.eval_duration", To: Decode, Unit: Nanos, Rank: 3},
			{Key: "prompt_eval_duration", To: Prefill, Unit: Nanos, Rank: 4, Note: "Ollama"},
			{Key: "eval_duration", To: Decode, Unit: Nanos, Rank: 3, Note: "Ollama"},
			{Key: "prompt_eval_count", To: InputTokens, Rank: 8, Note: "Ollama"},
			{Key: "eval_count", To: OutputTokens, Rank: 8, Note: "Ollama"},
			{Key: "llm.*.prompt_eval_count", To: InputTokens, Rank: 8, Note: "Ollama"},
			{Key: "llm.*.eval_count", To: OutputTokens, Rank: 8, Note: "Ollama"},
			{Key: "metrics.latencyMs", To: ServerTotal, Unit: Millis, Rank: 2, Note: "Bedrock Converse"},
			{Key: "metrics", Fields: converseFields},
			{Key: "llm.*.metrics", Fields: converseFields},
			{Key: "amazon-bedrock-invocationMetrics", Fields: bedrockFields},
			{Key: "llm.*.amazon-bedrock-invocationMetrics", Fields: bedrockFields},
		},
		header("x-amzn-bedrock-invocation-latency", Rule{To: HeaderTotal, Unit: Millis, Rank: 2}),
		header("fireworks-server-time-to-first-token", Rule{To: ServerTTFT, Unit: Seconds, Rank: 3}),
		header("fireworks-server-processing-time", Rule{To: HeaderTotal, Unit: Seconds, Rank: 2, Note: "the whole time only if not streamed"}),
		header("x-queue-time", Rule{To: Queue, Unit: Millis, Rank: 6, Note: "TGI, whole milliseconds, not streamed"}),
		header("x-total-time", Rule{To: HeaderTotal, Unit: Millis, Rank: 2, Note: "TGI"}),
		[]Rule{
			{Key: "http.request.header.x-stainless-retry-count", To: Resends, Rank: 2},
			{Key: "http.request.header.x_stainless_retry_count", To: Resends, Rank: 2},
		},
	),
	Notes:  []string{"OpenInference keeps whole answers in output.value, with what the provider says there."},
	Splits: "Queue, prefill and decode of Groq and Cerebras; the provider's total of Bedrock, Ollama and OpenAI (not streamed), so network.",
	More:   "Copy usage.queue_time, prompt_time and completion_time to the span, or capture response headers (OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE).",
})

// groqFields are Groq's usage and Cerebras' time_info: total_time is prompt +
// completion, without the queue.
func groqFields(prefix string) []Rule {
	return []Rule{
		{Key: prefix + "queue_time", To: Queue, Unit: Seconds, Rank: 5},
		{Key: prefix + "prompt_time", To: Prefill, Unit: Seconds, Rank: 4},
		{Key: prefix + "completion_time", To: Decode, Unit: Seconds, Rank: 3},
	}
}

var llamaFields = []Rule{
	{Key: "prompt_ms", To: Prefill, Unit: Millis, Rank: 4, Note: "llama.cpp"},
	{Key: "predicted_ms", To: Decode, Unit: Millis, Rank: 3, Note: "llama.cpp"},
}

var converseFields = []Rule{{Key: "latencyMs", To: ServerTotal, Unit: Millis, Rank: 2, Note: "Bedrock Converse"}}

var bedrockFields = []Rule{
	{Key: "inputTokenCount", To: InputTokens, Rank: 8},
	{Key: "outputTokenCount", To: OutputTokens, Rank: 8},
	{Key: "invocationLatency", To: ServerTotal, Unit: Millis, Rank: 2},
	{Key: "firstByteLatency", Ignore: true, Note: "a byte is not a token"},
}

func blobs(fields []Rule, keys ...string) []Rule {
	rules := make([]Rule, len(keys))
	for i, key := range keys {
		rules[i] = Rule{Key: key, Fields: fields}
	}
	return rules
}

func plain(prefixes ...string) []Rule {
	var rules []Rule
	for _, p := range prefixes {
		rules = append(rules, groqFields(p)...)
	}
	return rules
}
