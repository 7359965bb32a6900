package histogram

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// MinBlocks is the smallest number of time blocks from which a variation from
// block to block is estimated.
const MinBlocks = 10

// miss is the chance on each side that a 95 % interval misses the truth.
const miss = 0.025

// deviations is how many standard deviations a normal value exceeds with that chance.
const deviations = 1.959963984540054

// Required returns the smallest number of independent values for which a 95 %
// interval of quantile q exists: 368 for p99, 72 for p95, 36 for p90. Below it
// the truth lies beyond the largest value (or the smallest) too often.
func Required(q float64) int64 {
	tail := max(q, 1-q)
	if tail >= 1 {
		return math.MaxInt64
	}
	return int64(math.Ceil(math.Log(miss) / math.Log(tail)))
}

// IntervalRanks returns the 0-based ranks, of n sorted values, between which
// quantile q of the population lies with 95 % confidence, when n values are
// worth n/phi independent ones. It is false if there are too few.
func IntervalRanks(q float64, n int64, phi float64) (low, high int64, ok bool) {
	effective := Effective(n, phi)
	if effective < Required(q) {
		return 0, 0, false
	}
	// How many of the independent values lie below the quantile is binomial.
	below := distuv.Binomial{N: float64(effective), P: q}
	first := crossing(below, -deviations, func(chance float64) bool { return chance > miss })
	last := crossing(below, deviations, func(chance float64) bool { return chance >= 1-miss })
	scale := float64(n) / float64(effective)
	low = int64(float64(max(first-1, 0)) * scale)
	high = int64(math.Ceil(float64(last+1)*scale)) - 1
	return low, min(high, n-1), true
}

// crossing returns the smallest k at which the chance of k or fewer has passed a
// limit, which is that of z standard deviations. It is looked for near where the
// normal distribution, corrected for skewness (Cornish and Fisher), has it:
// seldom two away, while halving all of n would compute 14 chances of 16,000.
func crossing(b distuv.Binomial, z float64, passed func(chance float64) bool) int64 {
	near := b.Mean() + z*b.StdDev() + (1-2*b.P)*(z*z-1)/6 - 0.5
	k := max(0, min(math.Ceil(near), b.N))
	for k > 0 && passed(b.CDF(k-1)) {
		k--
	}
	for !passed(b.CDF(k)) {
		k++
	}
	return int64(k)
}

// Effective returns n/phi, rounded down: how many independent values n
// dependent ones are worth.
func Effective(n int64, phi float64) int64 { return int64(float64(n) / phi) }

// QuantileInterval returns a 95 % confidence interval of quantile q in
// nanoseconds, rounded outwards to the ends of its buckets; see IntervalRanks.
func (h *Histogram) QuantileInterval(q, phi float64) (low, high int64, ok bool) {
	l, u, ok := IntervalRanks(q, h.n, phi)
	if !ok {
		return 0, 0, false
	}
	first, _ := h.At(l)
	last, _ := h.At(u)
	lo, _ := Bounds(first)
	_, hi := Bounds(last)
	return int64(math.Floor(lo)), int64(math.Ceil(hi)), true
}

// Overdispersion returns φ: the variance, from time block to time block, of the
// share of values above quantile q of them all (the blocks' sum), divided by what it would be if
// values were independent. It is at least 1, and false with fewer than
// MinBlocks blocks that have values.
//
// Requests that waited in the same queue are not independent: in a busy system
// φ is tens, and an interval that ignores it is several times too narrow.
func Overdispersion(all *Histogram, blocks []*Histogram, q float64) (phi float64, ok bool) {
	used := 0
	for _, b := range blocks {
		if b.n > 0 {
			used++
		}
	}
	if used < MinBlocks {
		return 0, false
	}
	limit, _ := all.At(Rank(q, all.n))
	p := float64(all.Above(limit)) / float64(all.n)
	if p == 0 {
		// The quantile lies in the last bucket: take the share from there on.
		limit--
		p = float64(all.Above(limit)) / float64(all.n)
	}
	if p == 1 {
		return 1, true // all values in one bucket: nothing varies
	}
	var sum float64
	for _, b := range blocks {
		if b.n > 0 {
			d := float64(b.Above(limit)) - float64(b.n)*p
			sum += d * d / (float64(b.n) * p * (1 - p))
		}
	}
	return max(1, sum/float64(used-1)), true
}
