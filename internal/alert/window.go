package alert

import "time"

// Stratum is a kind of request within a group. Requests are compared only with
// requests of their own stratum, so that longer prompts are a change of the mix
// and another instrumentation is not a regression.
type Stratum struct {
	Model      string `json:"model"`
	Input      int8   `json:"input_halves"` // half powers of two: uncached input tokens from 2^(Input/2) on; -1 unknown
	Vantage    string `json:"vantage"`
	TTFTSource string `json:"ttft_source"`
}

// Part is an additive piece of a metric: of TTFT or of the total.
type Part uint8

const (
	PartNetwork Part = iota
	PartQueue
	PartPrefill
	PartDecode // always 0 within TTFT
	PartRest   // what the evidence cannot split
	partCount
)

func (p Part) String() string {
	return [...]string{"network", "queue", "prefill", "decode", "unattributed"}[p]
}

// Parts are sums or means of the parts in nanoseconds.
type Parts [partCount]float64

// Slice is the requests of one coarse bucket: how many, and the sums of their parts.
type Slice struct {
	N    int64
	Sums Parts
}

// Distribution is the metric of the requests of one stratum: counts by bucket
// (internal/histogram, scale 6), and sums of parts by coarse bucket.
type Distribution struct {
	Counts map[int32]int64
	Slices map[int32]Slice
}

// N is the number of requests in the distribution.
func (d Distribution) N() (n int64) {
	for _, c := range d.Counts {
		n += c
	}
	return n
}

// Window is what one group did from Start to End.
type Window struct {
	Start, End time.Time
	Requests   int64 // whatever their outcome
	Streamed   int64 // of Requests: those that should carry a TTFT, not failed and not known to be unstreamed
	WithTTFT   int64 // of Streamed
	Good       int64 // of Requests: those that meet the rule's objective
	Strata     map[Stratum]Distribution

	// Surprise is how far the window lay from what its own past led to expect.
	// Nil where there was not enough past.
	Surprise *Surprise
	// Incident marks a window in which the alert was pending, firing or
	// recovering: it is no part of any later baseline.
	Incident bool
}

// N is the number of requests with the metric.
func (w Window) N() (n int64) {
	for _, d := range w.Strata {
		n += d.N()
	}
	return n
}

// merge adds the distributions of several windows.
func merge(windows []Window) map[Stratum]Distribution {
	merged := map[Stratum]Distribution{}
	for _, w := range windows {
		for s, d := range w.Strata {
			m, ok := merged[s]
			if !ok {
				m = Distribution{Counts: map[int32]int64{}, Slices: map[int32]Slice{}}
				merged[s] = m
			}
			m.add(d)
		}
	}
	return merged
}

func (d Distribution) add(o Distribution) {
	for i, c := range o.Counts {
		d.Counts[i] += c
	}
	for i, s := range o.Slices {
		t := d.Slices[i]
		t.N += s.N
		for p := range t.Sums {
			t.Sums[p] += s.Sums[p]
		}
		d.Slices[i] = t
	}
}
