package simulate

import (
	"math"
	"math/rand/v2"
	"time"
)

// Workload is the traffic of one group of requests without spans: months of it
// take seconds, which is what judging an alert rule needs. Requests arrive as a
// Poisson process and are prefilled one after another, first come first served,
// so that neighbours wait together as they do on a real engine: the busier it
// is, the more their latencies go hand in hand.
type Workload struct {
	PerMinute float64 // mean rate
	// Utilisation is the share of time that a server prefills, at the mean rate:
	// it sets how long an average prompt takes, Utilisation·Servers/PerMinute
	// minutes. It must stay below 1 at the peak.
	Utilisation float64
	// Servers is how many there are, default 1. Each request goes to one of them
	// at random and waits there.
	Servers int
	// Swing is the amplitude of the daily rhythm: 0.3 lets the rate move between
	// 0.7 and 1.3 of the mean.
	Swing float64
	// Input is the number of uncached input tokens; zero is a median of 800 with
	// a heavy tail (sigma 0.7).
	Input Lognormal
	// Network is the median of the network's part of TTFT, default 20 ms.
	Network time.Duration
	// Stalls is the share of requests whose network part is multiplied by a Pareto
	// variable of shape 1.2, at most 10,000: its variance is all but infinite.
	Stalls float64
	// Shift changes the system at a time (Unix nanoseconds); nil is no change.
	Shift func(unixNano int64) Shift
	Seed  uint64
}

// Shift is what differs from the usual. Zero factors mean 1.
type Shift struct {
	Rate    float64       // factor on the rate
	Input   float64       // factor on input tokens: a change of the mix
	Prefill float64       // factor on the time per token: a regression
	Network time.Duration // added to the network
	Version string        // service.version, "1.0.0" if empty
}

// Sample is one request of a workload. TTFT = Network + Queue + Prefill exactly.
type Sample struct {
	End                           int64 // Unix nanoseconds, when the first token arrived
	Input                         int   // uncached input tokens
	TTFT, Network, Queue, Prefill int64 // nanoseconds
	Version                       string
}

// Run yields the samples of requests that arrive in [from, to) (Unix
// nanoseconds), in order of arrival, until yield returns false. The queue is
// empty at from.
func (w Workload) Run(from, to int64, yield func(Sample) bool) {
	rng := rand.New(rand.NewPCG(w.Seed, 0x5eed))
	if w.Input.Median == 0 {
		w.Input = Lognormal{Median: 800, Sigma: 0.7, Max: 32000}
	}
	if w.Network == 0 {
		w.Network = 20 * time.Millisecond
	}
	gap := 60e9 / w.PerMinute
	meanTokens := w.Input.Median * math.Exp(w.Input.Sigma*w.Input.Sigma/2)
	servers := max(1, w.Servers)
	perToken := w.Utilisation * float64(servers) * gap / meanTokens
	free := make([]float64, servers) // when each has done everything that came before
	for t := float64(from); ; {
		shift := Shift{}
		if w.Shift != nil {
			shift = w.Shift(int64(t))
		}
		day := 2 * math.Pi * math.Mod(t/float64(24*time.Hour), 1)
		rate := factor(shift.Rate) * (1 + w.Swing*math.Sin(day))
		t += gap / rate * rng.ExpFloat64()
		if t >= float64(to) {
			return
		}
		s := Sample{Input: w.Input.sample(rng, factor(shift.Input)), Version: "1.0.0"}
		if shift.Version != "" {
			s.Version = shift.Version
		}
		at := 0
		if servers > 1 {
			at = rng.IntN(servers)
		}
		start := math.Max(t, free[at])
		// A few per cent of kernel and clock noise on top of the tokens' cost.
		s.Prefill = int64(float64(s.Input) * perToken * factor(shift.Prefill) * (1 + 0.03*rng.NormFloat64()))
		s.Prefill = max(s.Prefill, 1)
		s.Queue = int64(start - t)
		network := float64(w.Network) * math.Exp(0.3*rng.NormFloat64())
		if w.Stalls > 0 && rng.Float64() < w.Stalls {
			network *= math.Min(1e4, math.Pow(1-rng.Float64(), -1/1.2))
		}
		s.Network = int64(network) + int64(shift.Network)
		s.TTFT = s.Network + s.Queue + s.Prefill
		free[at] = start + float64(s.Prefill)
		s.End = int64(t) + s.TTFT
		if !yield(s) {
			return
		}
	}
}

func factor(f float64) float64 {
	if f == 0 {
		return 1
	}
	return f
}
