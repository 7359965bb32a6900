package alert

import (
	"math"
	"time"
)

const (
	// MinPastWindows is the fewest judged past windows that φ is estimated from.
	MinPastWindows = 72
	// maximumFor is how far back judged windows count: twice the week in which
	// everything that recurs has been seen.
	maximumFor = 14 * 24 * time.Hour
	// sameTime is how far from the present time of day a past window may lie, so
	// that the peak's φ is not that of the night.
	sameTime = 2 * time.Hour
	// minSameTime is the fewest windows near the present time of day for φ to be
	// estimated from them alone.
	minSameTime = 144
)

// Squares of a standard normal variable: half lie above the first, a tenth
// above the second (chi-square with one degree of freedom).
const (
	chiSquareMedian = 0.4549
	chiSquareTenth  = 2.7055
)

// Overdispersion says by how much the tail counts of a group's windows vary
// more than those of independent requests would.
//
// Requests that waited in the same queue are alike. With the intraclass
// correlation ρ, the count of a window of n requests has 1 + (n-1)·ρ times the
// variance of a binomial one (Kish 1965, the design effect). ρ and not φ is kept,
// so that windows of a quiet night, or of a thinner sample, can speak for the
// ones of a busy day.
type Overdispersion struct {
	Rho     float64
	Windows int // that it rests on
}

// Phi is the overdispersion of a window of n requests, at least 1.
func (o Overdispersion) Phi(n int64) float64 { return 1 + o.Rho*math.Max(0, float64(n-1)) }

// Record is what a group's judged windows lead to expect of the next one.
type Record struct {
	Overdispersion
	// Largest is the largest surprise of Compared windows, in units of its own √φ.
	Largest  float64
	Compared int
}

// NewRecord takes it from the windows that ended before start.
func NewRecord(past []Window, start time.Time) Record {
	r := Record{Overdispersion: EstimateOverdispersion(past, start)}
	r.Largest, r.Compared = r.largest(past, start)
	return r
}

// known is a record, and of which time.
type known struct {
	at     time.Time
	record Record
}

// record is that of so many windows together, before those of which the last
// begins at start. It is made once for as long as they are: of the windows that
// begin between two ends of judged ones it is the same, and of longer spans it
// changes little.
func (g *group) record(windows int, start time.Time, length time.Duration) Record {
	at := start.Truncate(time.Duration(windows) * length)
	k, ok := g.known[windows]
	if !ok || !k.at.Equal(at) {
		past := g.past
		if windows > 1 {
			past = spans(past, windows)
		}
		k = known{at, NewRecord(past, at.Add(-time.Duration(windows-1)*length))}
		if g.known == nil {
			g.known = map[int]known{}
		}
		g.known[windows] = k
	}
	return k.record
}

// EstimateOverdispersion takes ρ from the judged windows that ended before
// start. It is the larger of two estimates, one by which half of the surprises
// lie where half should, and one for a tenth: neither is moved by a few
// incidents, and the second sees tails heavier than normal.
func EstimateOverdispersion(past []Window, start time.Time) Overdispersion {
	type square struct{ z2, n float64 }
	var all, near []square
	for _, w := range past {
		if !w.counts(start) {
			continue
		}
		s := square{w.Surprise.squared(), float64(w.Surprise.N - 1)}
		all = append(all, s)
		apart := w.Start.Sub(start) % (24 * time.Hour)
		if apart < 0 {
			apart += 24 * time.Hour
		}
		if apart <= sameTime || apart >= 24*time.Hour-sameTime {
			near = append(near, s)
		}
	}
	if len(near) >= minSameTime {
		all = near
	}
	o := Overdispersion{Windows: len(all)}
	if len(all) == 0 {
		return o
	}
	// The share of surprises above a limit falls as ρ grows: find the ρ at which
	// it is what it should be.
	solve := func(limit, share float64) float64 {
		above := func(rho float64) float64 {
			k := 0
			for _, s := range all {
				if s.z2 > limit*(1+rho*s.n) {
					k++
				}
			}
			return float64(k) / float64(len(all))
		}
		if above(0) <= share {
			return 0
		}
		low, high := 0.0, 1.0
		for range 30 {
			if mid := (low + high) / 2; above(mid) > share {
				low = mid
			} else {
				high = mid
			}
		}
		return high
	}
	o.Rho = math.Max(solve(chiSquareMedian, 0.5), solve(chiSquareTenth, 0.1))
	return o
}

// squared is Z² with half a request less of a difference (Yates 1934): counts
// come in whole requests, which in a window of few of them looks like correlation.
func (s Surprise) squared() float64 {
	if s.Variance == 0 {
		return 0
	}
	d := math.Max(0, math.Abs(s.Exceeding-s.Expected)-0.5)
	return d * d / s.Variance
}

// largest is the largest surprise of the judged windows before start, in units
// of its own √φ, and of how many.
//
// Neither windows right before start that were more than chance count, since what
// grows slowly would hide itself; nor, where there are others, those of too few
// requests to fire: an incident in a quiet night is not left out of the past, and
// would hide a later one.
func (o Overdispersion) largest(past []Window, start time.Time) (z float64, windows int) {
	last := len(past)
	for ; last > 0; last-- {
		w := past[last-1]
		if w.counts(start) && o.scaled(w) <= fireZ {
			break
		}
	}
	var most [2]float64 // of all, and of those that could have fired
	var counts [2]int
	for _, w := range past[:last] {
		if !w.counts(start) {
			continue
		}
		scaled := o.scaled(w)
		for i := range most {
			if i == 1 && float64(w.Surprise.N)/o.Phi(w.Surprise.N) < MinEffective {
				continue
			}
			if counts[i] == 0 || scaled > most[i] {
				most[i] = scaled
			}
			counts[i]++
		}
	}
	if counts[1] >= MinPastWindows {
		return most[1], counts[1]
	}
	return most[0], counts[0]
}

// scaled is the window's surprise in units of its own √φ.
func (o Overdispersion) scaled(w Window) float64 {
	return w.Surprise.Z() / math.Sqrt(o.Phi(w.Surprise.N))
}

// pastMargin is by how much a surprise must exceed the largest of so many past
// windows. The next record of a steady series comes by itself, once in as many
// windows as there have been; by a margin it hardly does. A short past has not
// seen much, so it needs more of one.
func pastMargin(windows int) float64 {
	const (
		settled = 1.25 // from a week of 5-minute windows on
		enough  = 2016
		young   = 100
	)
	return settled + young*math.Max(0, 1/float64(windows)-1./enough)
}

// counts says whether the window is part of the past of one that begins at start.
func (w Window) counts(start time.Time) bool {
	return w.Surprise != nil && !w.Incident && !w.End.After(start) && start.Sub(w.Start) <= maximumFor
}
