package simulate

// Hardware is what one replica runs on, as its data sheet gives it.
type Hardware struct {
	Memory    float64 // bytes of device memory, all devices together
	Bandwidth float64 // bytes per second
	Compute   float64 // dense bf16 FLOP per second
}

// Data-sheet values; Times scales them for tensor parallelism.
var (
	L4   = Hardware{Memory: 24e9, Bandwidth: 300e9, Compute: 121e12}
	A100 = Hardware{Memory: 40e9, Bandwidth: 1555e9, Compute: 312e12}
	H100 = Hardware{Memory: 80e9, Bandwidth: 3350e9, Compute: 989e12}
)

// Times gives n devices that share every layer. Memory adds up; bandwidth and
// compute lose a tenth to the all-reduce between devices.
func (h Hardware) Times(n int) Hardware {
	if n == 1 {
		return h
	}
	k := float64(n)
	return Hardware{Memory: h.Memory * k, Bandwidth: h.Bandwidth * k * 0.9, Compute: h.Compute * k * 0.9}
}

// Model is the shape of a dense transformer with grouped-query attention.
type Model struct {
	Name       string
	Parameters float64
	Layers     int
	Hidden     int // width of the residual stream
	KVHeads    int
	HeadDim    int
}

// Shapes from the models' published configuration files.
var (
	Llama8B  = Model{Name: "meta-llama/Llama-3.1-8B-Instruct", Parameters: 8.03e9, Layers: 32, Hidden: 4096, KVHeads: 8, HeadDim: 128}
	Llama70B = Model{Name: "meta-llama/Llama-3.3-70B-Instruct", Parameters: 70.6e9, Layers: 80, Hidden: 8192, KVHeads: 8, HeadDim: 128}
	Qwen32B  = Model{Name: "Qwen/Qwen3-32B", Parameters: 32.8e9, Layers: 64, Hidden: 5120, KVHeads: 8, HeadDim: 128}
)

// EngineConfig is a replica's capacity and speed. All costs are nanoseconds.
type EngineConfig struct {
	MaxSeqs          int // vLLM's max_num_seqs: sequences in one batch
	MaxBatchedTokens int // vLLM's max_num_batched_tokens: the chunked-prefill budget of a step
	KVTokens         int // tokens the KV cache holds
	PrefixTokens     int // part of it that keeps finished prefixes for reuse

	StepBase        float64 // reading every weight once
	StepPerSeq      float64 // sampling and scheduling of one sequence
	StepPerKV       float64 // reading one cached token
	PrefillPerToken float64 // one prompt token through the model
	PrefillPerPair  float64 // one prompt token attending to one earlier token
}

// Engine derives a replica's speed from a roofline: decode is bound by memory
// bandwidth, prefill by compute. The efficiencies are those at which the model
// meets published measurements of vLLM, which TestCalibration holds it to.
func Engine(m Model, h Hardware) EngineConfig {
	const (
		bandwidthShare = 0.77 // of the data sheet's bandwidth that a decode step reaches
		computeShare   = 0.55 // of the data sheet's FLOPs that a prefill reaches
		weightBytes    = 2    // bf16
		memoryShare    = 0.9  // vLLM's default gpu_memory_utilization
	)
	kvBytes := float64(2 * m.Layers * m.KVHeads * m.HeadDim * 2)
	weights := m.Parameters * weightBytes
	kv := int((h.Memory*memoryShare - weights) / kvBytes)
	return EngineConfig{
		MaxSeqs: 256, MaxBatchedTokens: 2048,
		KVTokens: kv, PrefixTokens: kv / 2,
		StepBase:        weights / (h.Bandwidth * bandwidthShare) * 1e9,
		StepPerSeq:      35e3,
		StepPerKV:       kvBytes / (h.Bandwidth * bandwidthShare) * 1e9,
		PrefillPerToken: 2 * m.Parameters / (h.Compute * computeShare) * 1e9,
		PrefillPerPair:  float64(4*m.Layers*m.Hidden) / (h.Compute * computeShare) * 1e9,
	}
}
