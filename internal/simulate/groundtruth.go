package simulate

import "time"

// GroundTruth is the scenario that Phaseline's answers are held against: every
// pair of dialects that meet in the field, under clocks that disagree by up to
// half a second and exporters that lose, repeat and delay.
func GroundTruth() *Scenario {
	near := Region{Name: "eu-west-1", Weight: 0.7, RTT: 14 * time.Millisecond, Jitter: 2 * time.Millisecond}
	far := Region{Name: "ap-south-1", Weight: 0.3, RTT: 140 * time.Millisecond, Jitter: 12 * time.Millisecond}
	client := func(service string, d Dialect, gateway, pool string) Client {
		return Client{
			Service: service, Version: "1.0.0", Environment: "test", Dialect: d, Route: "task",
			Gateway: gateway, Pool: pool, Model: "model-of-" + pool, Provider: "openai",
			Regions: []Region{near, far}, Rate: 1.5,
			Input: Lognormal{Median: 900, Sigma: 0.8, Max: 12000}, Output: Lognormal{Median: 110, Sigma: 0.6, Max: 600},
			SystemTokens: 400, FollowUps: 0.4, Streaming: 0.85, Retries: 0.03, Errors: 0.01, Aborts: 0.02,
		}
	}
	once := func(c Client) Client { c.Retries = 0; return c } // each of its HTTP spans is a call
	tools := client("tool-agent", VercelAI, "", "hosted")
	tools.Tools = 0.3

	return &Scenario{
		Clients: []Client{
			client("a", Semconv, "", "vllm"),
			client("b", Semconv, "litellm", "vllm"),
			client("c", Semconv, "litellm-2", "vllm-http"),
			client("d", Semconv, "", "sglang"),
			client("e", Semconv, "", "hosted"),
			client("f", OpenLLMetry, "", "vllm"),
			client("g", OpenLLMetry, "", "hosted"),
			client("h", OpenInference, "", "sglang"),
			client("i", OpenInference, "envoy", "vllm"),
			client("j", OpenInference, "", "hosted"),
			client("k", VercelAI, "envoy", "vllm-http"),
			client("l", VercelAI, "", "vllm"),
			tools,
			once(client("m", PlainHTTP, "", "vllm")),
			once(client("n", PlainHTTP, "", "sglang")),
		},
		Gateways: []Gateway{
			{Service: "litellm", Version: "1.81.0", Dialect: LiteLLMv1, Overhead: 7 * time.Millisecond, CacheHits: 0.15},
			{Service: "litellm-2", Version: "2.0.1", Dialect: LiteLLMv2, Overhead: 5 * time.Millisecond},
			{Service: "envoy", Version: "1.1.0", Dialect: EnvoyAI, Overhead: 3 * time.Millisecond},
		},
		Pools: []Pool{
			{Service: "vllm", Version: "0.23.0", Dialect: VLLM, Engine: slots(Engine(Llama8B, A100), 12), Replicas: 5},
			{Service: "vllm-http", Version: "0.23.0", Dialect: VLLMFastAPI, Engine: slots(Engine(Llama70B, H100.Times(4)), 12), Replicas: 2},
			{Service: "sglang", Version: "0.6.1", Dialect: SGLang, Engine: slots(Engine(Qwen32B, H100.Times(2)), 10), Replicas: 3},
			{Service: "hosted", Dialect: Hosted, Engine: Engine(Llama70B, H100.Times(8)), Replicas: 3},
		},
		Faults: Faults{
			Flush: 5 * time.Second, Delay: 300 * time.Millisecond, Skew: 500 * time.Millisecond,
			Loss: 0.01, Duplicate: 0.05, Late: 0.1, LateBy: 2 * time.Minute,
		},
	}
}
