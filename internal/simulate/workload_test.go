package simulate

import (
	"math"
	"slices"
	"testing"
	"time"
)

// dispersion is φ of the p95 exceedances in five-minute windows.
func dispersion(samples []Sample, from int64) float64 {
	ttft := make([]int64, len(samples))
	for i, s := range samples {
		ttft[i] = s.TTFT
	}
	slices.Sort(ttft)
	threshold := ttft[len(ttft)*95/100]
	n, above := map[int64]float64{}, map[int64]float64{}
	for _, s := range samples {
		w := (s.End - from) / int64(5*time.Minute)
		n[w]++
		if s.TTFT > threshold {
			above[w]++
		}
	}
	sum := 0.0
	for w, k := range n {
		d := above[w] - 0.05*k
		sum += d * d / (0.05 * 0.95 * k)
	}
	return sum / float64(len(n))
}

func run(w Workload, d time.Duration) (samples []Sample) {
	w.Run(0, int64(d), func(s Sample) bool {
		samples = append(samples, s)
		return true
	})
	return samples
}

// Requests that wait in one queue are not independent: without load the tail
// counts are binomial, and the busier the server the more they vary.
func TestWorkloadOverdispersion(t *testing.T) {
	var phi []float64
	for _, u := range []float64{0.02, 0.7, 0.85} {
		samples := run(Workload{PerMinute: 100, Utilisation: u, Seed: 3}, 48*time.Hour)
		phi = append(phi, dispersion(samples, 0))
		if got := float64(len(samples)); math.Abs(got-100*60*48) > 4*math.Sqrt(got) {
			t.Errorf("%v requests in two days at 100 a minute", got)
		}
	}
	t.Logf("φ at utilisation 0.02, 0.7, 0.85: %.1f", phi)
	if phi[0] > 1.5 || phi[1] < 4 || phi[2] < 2*phi[1] {
		t.Errorf("φ at utilisation 0.02, 0.7, 0.85 is %.1f: want about 1, then steeply more", phi)
	}
}

func TestWorkloadParts(t *testing.T) {
	at := int64(6 * time.Hour)
	w := Workload{PerMinute: 60, Utilisation: 0.3, Seed: 9, Shift: func(u int64) Shift {
		if u < at {
			return Shift{}
		}
		return Shift{Prefill: 2, Version: "2"}
	}}
	var before, after, nb, na float64
	for _, s := range run(w, 12*time.Hour) {
		if s.Network+s.Queue+s.Prefill != s.TTFT || s.Queue < 0 || s.Prefill < 1 {
			t.Fatalf("parts do not add up: %+v", s)
		}
		if s.Version == "2" {
			after, na = after+float64(s.Prefill), na+1
		} else {
			before, nb = before+float64(s.Prefill), nb+1
		}
	}
	if r := after / na / (before / nb); r < 1.8 || r > 2.2 {
		t.Errorf("prefill grew by %.2f, asked for 2", r)
	}
}
