package simulate

import (
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Demo is the scenario of `phaseline demo`: six applications, two gateways and
// four pools of engines, at about four requests a second.
type Demo struct {
	Seed uint64
	// Start is when the live stream begins. What lies before is backfilled.
	Start time.Time
	// Past is how far back the history goes.
	Past time.Duration
}

// Scenario builds the system with everything that happens to it, before and
// after Start.
func (d Demo) Scenario() *Scenario {
	eu := Region{Name: "eu-west-1", Weight: 0.55, RTT: 18 * time.Millisecond, Jitter: 1500 * time.Microsecond}
	us := Region{Name: "us-east-1", Weight: 0.35, RTT: 9 * time.Millisecond, Jitter: time.Millisecond}
	ap := Region{Name: "ap-south-1", Weight: 0.10, RTT: 130 * time.Millisecond, Jitter: 5 * time.Millisecond}
	near := func(name string) []Region {
		return []Region{{Name: name, Weight: 1, RTT: time.Millisecond, Jitter: 300 * time.Microsecond}}
	}

	return &Scenario{
		Clients: []Client{
			{
				Service: "chat-api", Version: "2.3.1", Environment: "production", Dialect: Semconv, Route: "/chat",
				Gateway: "litellm", Pool: "vllm-llama-8b", Model: "llama-3.1-8b", Provider: "openai",
				Regions: []Region{eu, us, ap}, Rate: 1.6,
				Input: Lognormal{Median: 420, Sigma: 0.7, Max: 12000}, Output: Lognormal{Median: 190, Sigma: 0.5, Max: 1024},
				SystemTokens: 900, FollowUps: 0.5, Streaming: 0.97, Retries: 0.01, Errors: 0.006, Aborts: 0.02,
			}, {
				Service: "support-bot", Version: "1.14.0", Environment: "production", Dialect: VercelAI, Route: "answer-ticket",
				Gateway: "envoy-ai-gateway", Pool: "vllm-llama-70b", Model: "llama-3.3-70b", Provider: "openai",
				Regions: []Region{eu, us}, Rate: 0.6,
				Input: Lognormal{Median: 900, Sigma: 0.6, Max: 12000}, Output: Lognormal{Median: 240, Sigma: 0.45, Max: 1024},
				SystemTokens: 1600, FollowUps: 0.6, Streaming: 1, Retries: 0.01, Errors: 0.004, Aborts: 0.01,
			}, {
				Service: "rag-search", Version: "0.9.2", Environment: "production", Dialect: OpenInference, Route: "/search",
				Pool: "sglang-qwen3-32b", Model: "Qwen/Qwen3-32B", Provider: "openai",
				Regions: near("us-east-1"), Rate: 0.8,
				Input: Lognormal{Median: 3200, Sigma: 0.45, Max: 24000}, Output: Lognormal{Median: 150, Sigma: 0.5, Max: 768},
				SystemTokens: 600, FollowUps: 0.1, Streaming: 0.9, Errors: 0.004, Aborts: 0.01,
			}, {
				Service: "mail-assist", Version: "3.0.4", Environment: "production", Dialect: Semconv, Route: "/draft",
				Gateway: "litellm-eu", Pool: "vllm-llama-70b", Model: "llama-3.3-70b", Provider: "openai",
				Regions: []Region{eu}, Rate: 0.45,
				Input: Lognormal{Median: 700, Sigma: 0.6, Max: 8000}, Output: Lognormal{Median: 220, Sigma: 0.4, Max: 700},
				SystemTokens: 500, FollowUps: 0.2, Streaming: 0.8, Retries: 0.01, Errors: 0.005, Aborts: 0.01,
			}, {
				Service: "code-assist", Version: "5.2.0", Environment: "production", Dialect: OpenLLMetry, Route: "complete",
				Pool: "api.openai.com", Model: "gpt-4.1-mini", Provider: "openai",
				Regions: []Region{us}, Rate: 0.4,
				Input: Lognormal{Median: 1500, Sigma: 0.8, Max: 16000}, Output: Lognormal{Median: 45, Sigma: 0.6, Max: 220},
				SystemTokens: 1200, FollowUps: 0.3, Streaming: 1, Retries: 0.015, Errors: 0.008, Aborts: 0.03,
			}, {
				Service: "doc-pipeline", Version: "1.1.0", Environment: "batch", Dialect: PlainHTTP, Route: "enrich",
				Pool: "vllm-llama-8b", Model: "llama-3.1-8b",
				Regions: near("eu-west-1"), Rate: 0.2,
				Input: Lognormal{Median: 1800, Sigma: 0.5, Max: 8000}, Output: Lognormal{Median: 120, Sigma: 0.4, Max: 400},
				SystemTokens: 300, Errors: 0.003,
			},
		},
		Gateways: []Gateway{
			{Service: "litellm", Version: "1.81.0", Dialect: LiteLLMv1, Overhead: 7 * time.Millisecond, CacheHits: 0.18},
			{Service: "litellm-eu", Version: "2.0.1", Dialect: LiteLLMv2, Overhead: 5 * time.Millisecond},
			{Service: "envoy-ai-gateway", Version: "1.1.0", Dialect: EnvoyAI, Overhead: 3 * time.Millisecond},
		},
		Pools: []Pool{
			{Service: "vllm-llama-8b", Version: "0.23.0", Dialect: VLLM, Engine: slots(Engine(Llama8B, A100), 10), Replicas: 2},
			{Service: "vllm-llama-70b", Version: "0.23.0", Dialect: VLLMFastAPI, Engine: slots(Engine(Llama70B, H100.Times(4)), 16), Replicas: 2},
			{Service: "sglang-qwen3-32b", Version: "0.6.1", Dialect: SGLang, Engine: slots(Engine(Qwen32B, H100.Times(2)), 12), Replicas: 3},
			{Service: "api.openai.com", Dialect: Hosted, Engine: Engine(Llama70B, H100.Times(8)), Replicas: 4},
		},
		Incidents: append(d.History(), d.live()...),
		Rhythm:    daily,
		Sampling:  d.sampling,
	}
}

// slots bounds a batch. Demo engines are small so that four requests a second
// can show what a thousand do to large ones.
func slots(c EngineConfig, n int) EngineConfig {
	c.MaxSeqs = n
	return c
}

// daily is the rhythm of an office day with a weaker weekend, in local time.
func daily(unixNano int64) float64 {
	t := time.Unix(0, unixNano)
	hour := float64(t.Hour()) + float64(t.Minute())/60
	x := 1 + 0.4*math.Cos((hour-14)/24*2*math.Pi) + 0.1*math.Cos((hour-10)/12*2*math.Pi)
	if d := t.Weekday(); d == time.Saturday || d == time.Sunday {
		x *= 0.7
	}
	return x
}

// sampling keeps every recent trace and thins out the past, as a team does that
// turns its sampler up over time: the load, and so the latency, is that of all
// requests, and two weeks stay a quarter of a million.
func (d Demo) sampling(unixNano int64) float64 {
	age := float64(d.Start.UnixNano()-unixNano) / float64(3*time.Hour)
	return max(0.025, min(1, 1/(0.8+age)))
}

// What an incident does at its usual strength.
var scripts = map[IncidentKind]Incident{
	QueueSaturation: {Kind: QueueSaturation, Service: "chat-api", Pool: "vllm-llama-8b", Strength: 2,
		Label: "one of two vllm-llama-8b replicas is lost in a traffic peak: requests wait in the queue"},
	BadDeploy: {Kind: BadDeploy, Service: "rag-search", Version: "0.10.0", Strength: 3.5,
		Label: "rag-search 0.10.0 turns on an adapter that makes prefill slower; rolled back at the end"},
	NetworkDegraded: {Kind: NetworkDegraded, Region: "eu-west-1", Strength: 90,
		Label: "packets are lost between eu-west-1 and the gateways"},
	PromptMixShift: {Kind: PromptMixShift, Service: "rag-search", Strength: 1.8,
		Label: "rag-search retrieves more passages: prompts are longer, the engine is not slower"},
	CacheOutage: {Kind: CacheOutage, Strength: 1,
		Label: "the cache cluster is away: no semantic-cache hits, no reused prefixes"},
}

// sequence lets an application recover before the next incident that concerns
// it: an alert goes on for ten minutes after its cause is gone.
var sequence = []IncidentKind{QueueSaturation, BadDeploy, CacheOutage, NetworkDegraded, PromptMixShift}

func scripted(kind IncidentKind, from time.Time, length time.Duration) Incident {
	in := scripts[kind]
	in.From, in.To = from.UnixNano(), from.Add(length).UnixNano()
	return in
}

// History lists the incidents of the past: one in the last hour, so that the
// first page has a story, two more of the last day, and then one about every day
// and a half.
func (d Demo) History() []Incident {
	out := []Incident{
		scripted(BadDeploy, d.Start.Add(-38*time.Minute), 12*time.Minute),
		scripted(QueueSaturation, d.Start.Add(-5*time.Hour), 20*time.Minute),
		scripted(NetworkDegraded, d.Start.Add(-11*time.Hour), 40*time.Minute),
	}
	for i, back := 0, 26*time.Hour; back < d.Past; i, back = i+1, back+35*time.Hour {
		out = append(out, scripted(sequence[(i+3)%len(sequence)], d.Start.Add(-back), 40*time.Minute))
	}
	oldest := d.Start.Add(-d.Past).UnixNano()
	out = overlapping(out, oldest, d.Start.UnixNano())
	for i := range out {
		out[i].From = max(out[i].From, oldest) // what lies before was live, and calm
	}
	return out
}

// Live incidents: the first begins FirstLive after the start and the next ones
// follow every LiveEvery, each for LiveLength.
const (
	FirstLive  = 2 * time.Minute
	LiveEvery  = 10 * time.Minute
	LiveLength = 5 * time.Minute
)

func (d Demo) live() []Incident {
	var out []Incident
	for i := range 30 * 24 * 6 {
		in := scripted(sequence[i%len(sequence)], d.Start.Add(FirstLive+time.Duration(i)*LiveEvery), LiveLength)
		out = append(out, in)
	}
	return out
}

// Chunk is a part of the history that is simulated on its own.
type Chunk struct{ From, To int64 }

// Chunks cuts [Start-Past, Start) into pieces, the newest first, so that the
// pages people open first are full first. Later pieces are longer.
func (d Demo) Chunks() []Chunk {
	var out []Chunk
	to, oldest := d.Start.UnixNano(), d.Start.Add(-d.Past).UnixNano()
	for to > oldest {
		length := int64(time.Hour)
		if len(out) > 5 {
			length = int64(6 * time.Hour)
		}
		from := max(to-length, oldest)
		out = append(out, Chunk{from, to})
		to = from
	}
	return out
}

const (
	warmUp = 3 * time.Minute // empty queues and caches fill before a chunk begins
	drain  = 5 * time.Minute // and its last requests end after it
)

// exportSize is how many spans an export of the history has at least.
const exportSize = 4000

// Backfill simulates one chunk, the requests that start in it, and sends it in
// a few large exports.
func (d Demo) Backfill(c Chunk, send func(ptrace.Traces) error) error {
	s := d.Scenario()
	sampling := s.Sampling
	s.Sampling = func(t int64) float64 {
		if t < c.From || t >= c.To {
			return 0
		}
		return sampling(t)
	}
	step := max(c.To-c.From, int64(time.Minute)) / 60
	s.Faults = Faults{Flush: time.Duration(step), Skew: 40 * time.Millisecond}
	end := min(c.To+int64(drain), d.Start.UnixNano())
	sim, err := New(s, d.Seed, c.From-int64(warmUp))
	if err != nil {
		return err
	}
	var held []Delivery
	spans := 0
	for t := c.From; ; {
		for _, x := range sim.Advance(t) {
			held = append(held, x)
			spans += x.Traces.SpanCount()
		}
		if t == end {
			held = append(held, sim.Flush()...)
		} else if spans < exportSize {
			t = min(t+step, end)
			continue
		}
		for _, td := range Merge(held, exportSize) {
			if err := send(td); err != nil {
				return err
			}
		}
		if t == end {
			return nil
		}
		held, spans = nil, 0
	}
}

// Live is the simulation that goes on from Start: Advance it to the present.
func (d Demo) Live() (*Simulation, error) {
	s := d.Scenario()
	s.Faults = Faults{Flush: 2 * time.Second, Delay: 200 * time.Millisecond, Skew: 40 * time.Millisecond}
	from := d.Start.Add(-warmUp).UnixNano()
	s.Sampling = func(t int64) float64 {
		if t < d.Start.UnixNano() {
			return 0
		}
		return 1
	}
	sim, err := New(s, d.Seed+1, from)
	if err != nil {
		return nil, err
	}
	sim.Advance(d.Start.UnixNano())
	return sim, nil
}
