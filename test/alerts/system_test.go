package alerts

import (
	"math"
	"slices"
	"time"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/simulate"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

var (
	monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	rule   = alert.Rule{Name: "ttft", Kind: alert.KindRegression, GroupBy: []string{"service"}}.WithDefaults()
	chat   = []alert.Label{{Name: "service", Value: "chat"}}
)

// system is one kind of traffic.
type system struct {
	perMinute, utilisation float64
	servers                int
	swing                  float64 // of the rate, over a day
	stalls                 float64 // share of requests with a very slow network
	drifts                 bool    // prompts become longer and shorter, over days and within each
}

// mix is the factor on the length of prompts, and the one on their number that
// leaves the load as it is.
func (s system) mix(at int64) (input, rate float64) {
	if !s.drifts {
		return 1, 1
	}
	days := float64(at-monday.UnixNano()) / float64(day)
	input = math.Exp(0.4*math.Sin(2*math.Pi*days/11) + 0.2*math.Sin(2*math.Pi*days))
	return input, 1 / input
}

func (s system) load(seed uint64, shift func(int64) simulate.Shift) simulate.Workload {
	return simulate.Workload{PerMinute: s.perMinute, Utilisation: s.utilisation, Servers: s.servers, Swing: s.swing, Stalls: s.stalls, Seed: seed,
		Shift: func(at int64) simulate.Shift {
			x := shift(at)
			input, rate := s.mix(at)
			x.Input, x.Rate = or1(x.Input)*input, or1(x.Rate)*rate
			return x
		}}
}

func or1(factor float64) float64 {
	if factor == 0 {
		return 1
	}
	return factor
}

func steady(int64) simulate.Shift { return simulate.Shift{} }

// fill adds the requests of a load that arrive in [arrive, to) and end at from or
// later. Source says where the TTFT of one that ends at a time was read from.
func fill(s *alert.Samples, w simulate.Workload, arrive, from, to time.Time, source func(at int64) string) {
	w.Run(arrive.UnixNano(), to.UnixNano(), func(r simulate.Sample) bool {
		if r.End >= from.UnixNano() {
			s.Add(alert.Sample{End: time.Unix(0, r.End).UTC(), Group: chat, Model: "m", Input: r.Input, Source: source(r.End), Value: r.TTFT,
				Parts: alert.Parts{alert.PartNetwork: float64(r.Network), alert.PartQueue: float64(r.Queue), alert.PartPrefill: float64(r.Prefill)}})
		}
		return true
	})
}

func attribute(int64) string { return "attribute" }

// slowdown is the factor on the time of prefill at which the p95 of TTFT is
// rise times as high, at the mean rate.
func (s system) slowdown(rise float64) float64 {
	p95 := func(prefill float64) float64 {
		w := simulate.Workload{PerMinute: s.perMinute, Utilisation: s.utilisation, Servers: s.servers, Stalls: s.stalls, Seed: 77,
			Shift: func(int64) simulate.Shift { return simulate.Shift{Prefill: prefill} }}
		const enough = 100_000
		ttft := make([]int64, 0, enough)
		w.Run(0, math.MaxInt64/2, func(r simulate.Sample) bool {
			ttft = append(ttft, r.TTFT)
			return len(ttft) < enough
		})
		slices.Sort(ttft)
		return float64(ttft[len(ttft)*95/100])
	}
	wanted := rise * p95(1)
	low, high := 1., 2*rise
	for range 10 {
		if mid := (low + high) / 2; p95(mid) < wanted {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}
