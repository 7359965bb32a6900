package alert

import (
	"math"

	"github.com/phaseline/phaseline/internal/histogram"
)

// kinds are distributions made ready to be compared, by kind of request.
type kinds map[Stratum]kind

// kind is the distribution of one stratum.
type kind struct {
	n      float64
	counts dense[float64]       // by bucket
	slices dense[weightedSlice] // by coarse bucket
	// limit is the bucket of the quantile, and share that of the requests above it.
	limit int32
	share float64
	// known says that a past has enough of it for its tail to be told.
	known bool
}

type weightedSlice struct {
	n    float64
	sums Parts
}

// dense has a value for each of a stretch of indexes.
type dense[T any] struct {
	first  int32
	values []T
}

// stretch is one of zero values that holds every index of the others.
func stretch[T any](all ...dense[T]) dense[T] {
	first, end := int32(math.MaxInt32), int32(math.MinInt32)
	for _, d := range all {
		if len(d.values) > 0 {
			first, end = min(first, d.first), max(end, d.first+int32(len(d.values)))
		}
	}
	if first >= end {
		return dense[T]{}
	}
	return dense[T]{first, make([]T, end-first)}
}

// spread puts a map into one.
func spread[S, T any](from map[int32]S, value func(S) T) dense[T] {
	first, last := int32(math.MaxInt32), int32(math.MinInt32)
	for i := range from {
		first, last = min(first, i), max(last, i)
	}
	if len(from) == 0 {
		return dense[T]{}
	}
	d := dense[T]{first, make([]T, last-first+1)}
	for i, v := range from {
		d.values[i-first] = value(v)
	}
	return d
}

// prepare makes distributions ready to be compared at a quantile.
func prepare(strata map[Stratum]Distribution, q float64) kinds {
	all := make(kinds, len(strata))
	for stratum, d := range strata {
		k := kind{
			counts: spread(d.Counts, func(n int64) float64 { return float64(n) }),
			slices: spread(d.Slices, func(s Slice) weightedSlice { return weightedSlice{float64(s.N), s.Sums} }),
		}
		for _, n := range k.counts.values {
			k.n += n
		}
		if k.n == 0 {
			continue
		}
		seen := 0.
		for i, n := range k.counts.values {
			if seen += n; seen > math.Floor(q*k.n) {
				k.limit, k.share = k.counts.first+int32(i), (k.n-seen)/k.n
				break
			}
		}
		all[stratum] = k
	}
	return all
}

// above is how many requests lie above a bucket.
func (k kind) above(limit int32) (n float64) {
	for _, c := range k.counts.values[min(max(limit-k.counts.first+1, 0), int32(len(k.counts.values))):] {
		n += c
	}
	return n
}

// n is the number of requests of all kinds.
func (all kinds) n() (n float64) {
	for _, k := range all {
		n += k.n
	}
	return n
}

// own are the weights by which a distribution counts as it is.
func (all kinds) own() map[Stratum]float64 {
	weights := make(map[Stratum]float64, len(all))
	for s, k := range all {
		weights[s] = k.n
	}
	return weights
}

// weighted is a distribution whose requests count by a weight: the past seen
// through the present mix.
type weighted struct {
	n      float64
	counts dense[float64]
	slices dense[weightedSlice]
}

// standardise weighs each kind so that it counts as many requests as weights gives
// it. Kinds absent from either are left out.
func (all kinds) standardise(weights map[Stratum]float64) weighted {
	var w weighted
	var counts []dense[float64]
	var slices []dense[weightedSlice]
	var scales []float64
	for s, target := range weights {
		if k, ok := all[s]; ok && target > 0 {
			counts, slices, scales = append(counts, k.counts), append(slices, k.slices), append(scales, target/k.n)
			w.n += target
		}
	}
	w.counts, w.slices = stretch(counts...), stretch(slices...)
	for i, scale := range scales {
		for j, n := range counts[i].values {
			w.counts.values[counts[i].first-w.counts.first+int32(j)] += n * scale
		}
		for j, slice := range slices[i].values {
			t := &w.slices.values[slices[i].first-w.slices.first+int32(j)]
			t.n += slice.n * scale
			for p := range t.sums {
				t.sums[p] += slice.sums[p] * scale
			}
		}
	}
	return w
}

// matchedMix sees both sides through the current mix of those kinds that have a past.
func matchedMix(current, baseline kinds) (now, then weighted) {
	weights := map[Stratum]float64{}
	for s, k := range current {
		if baseline[s].known {
			weights[s] = k.n
		}
	}
	return current.standardise(weights), baseline.standardise(weights)
}

// quantile is the value at rank floor(q·n), in nanoseconds; 0 when empty.
func (w weighted) quantile(q float64) float64 {
	return w.atRank(math.Floor(q * w.n))
}

func (w weighted) atRank(rank float64) float64 {
	seen, last := 0.0, -1
	for i, n := range w.counts.values {
		if n == 0 {
			continue
		}
		seen, last = seen+n, i
		if seen > rank+1e-9 {
			break
		}
	}
	if last < 0 {
		return 0
	}
	return histogram.Value(w.counts.first + int32(last))
}

// composition is the mean of the parts over the requests around quantile q:
// ranks within q ± (1-q)/4 of n, cut from the coarse buckets in proportion.
func (w weighted) composition(q float64) (parts Parts, n float64) {
	half := (1 - q) / 4
	total := 0.0
	for _, s := range w.slices.values {
		total += s.n
	}
	from, to := (q-half)*total, (q+half)*total
	seen := 0.0
	for _, s := range w.slices.values {
		take := math.Min(to, seen+s.n) - math.Max(from, seen)
		seen += s.n
		if take <= 0 || s.n == 0 {
			continue
		}
		for p := range parts {
			parts[p] += s.sums[p] / s.n * take
		}
		n += take
	}
	if n > 0 {
		for p := range parts {
			parts[p] /= n
		}
	}
	return parts, n
}
