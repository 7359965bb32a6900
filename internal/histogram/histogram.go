package histogram

import (
	"iter"
	"math"
	"slices"
)

// Histogram counts durations per bucket. The zero value is empty and ready.
type Histogram struct {
	buckets []bucket // ascending by index, counts above zero
	n       int64
}

type bucket struct {
	index int32
	n     int64
}

// N is the number of durations observed.
func (h *Histogram) N() int64 { return h.n }

// Observe counts one duration in nanoseconds.
func (h *Histogram) Observe(ns int64) { h.Add(Index(ns), 1) }

// Add counts n durations of bucket i; n must not be negative.
func (h *Histogram) Add(i int32, n int64) {
	if n == 0 {
		return
	}
	h.n += n
	at, found := slices.BinarySearchFunc(h.buckets, i, func(b bucket, i int32) int { return int(b.index) - int(i) })
	if found {
		h.buckets[at].n += n
		return
	}
	h.buckets = slices.Insert(h.buckets, at, bucket{i, n})
}

// Merge adds every count of o.
func (h *Histogram) Merge(o *Histogram) {
	if o.n == 0 {
		return
	}
	merged := make([]bucket, 0, len(h.buckets)+len(o.buckets))
	a, b := h.buckets, o.buckets
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].index < b[0].index:
			merged, a = append(merged, a[0]), a[1:]
		case a[0].index > b[0].index:
			merged, b = append(merged, b[0]), b[1:]
		default:
			merged = append(merged, bucket{a[0].index, a[0].n + b[0].n})
			a, b = a[1:], b[1:]
		}
	}
	h.buckets = append(append(merged, a...), b...)
	h.n += o.n
}

// All yields each bucket that is not empty, ascending, with its count.
func (h *Histogram) All() iter.Seq2[int32, int64] {
	return func(yield func(int32, int64) bool) {
		for _, b := range h.buckets {
			if !yield(b.index, b.n) {
				return
			}
		}
	}
}

// Above counts the durations in buckets above bucket i.
func (h *Histogram) Above(i int32) int64 {
	var n int64
	for _, b := range slices.Backward(h.buckets) {
		if b.index <= i {
			break
		}
		n += b.n
	}
	return n
}

// Rank returns the position of quantile q among n sorted values: floor(q·n),
// 0-based, the last at most. It is the same product of doubles as ClickHouse's
// quantileExact, so that both choose the same element.
func Rank(q float64, n int64) int64 {
	return max(0, min(int64(q*float64(n)), n-1))
}

// At returns the bucket of the value with the given 0-based rank.
func (h *Histogram) At(rank int64) (int32, bool) {
	if rank < 0 || rank >= h.n {
		return 0, false
	}
	at := 0
	for below := h.buckets[0].n; below <= rank; below += h.buckets[at].n {
		at++
	}
	return h.buckets[at].index, true
}

// Quantile returns quantile q in nanoseconds, at most ErrorBound off; false if
// the histogram is empty.
func (h *Histogram) Quantile(q float64) (ns int64, ok bool) {
	i, ok := h.At(Rank(q, h.n))
	if !ok {
		return 0, false
	}
	return int64(math.Round(Value(i))), true
}

// Nth returns the value with the given 0-based rank of those that were
// counted, which are given in any order.
func (h *Histogram) Nth(rank int64, values ...[]int64) int64 {
	i, _ := h.At(rank)
	var near []int64
	below := int64(0)
	for _, b := range h.buckets {
		if b.index == i {
			near = make([]int64, 0, b.n)
			break
		}
		below += b.n
	}
	low, high := ends(i)
	for _, some := range values {
		for _, ns := range some {
			if low < ns && ns <= high {
				near = append(near, ns)
			}
		}
	}
	slices.Sort(near)
	return near[rank-below]
}

// Extent returns the lowest and the highest bucket that is not empty.
func (h *Histogram) Extent() (low, high int32, ok bool) {
	if h.n == 0 {
		return 0, 0, false
	}
	return h.buckets[0].index, h.buckets[len(h.buckets)-1].index, true
}
