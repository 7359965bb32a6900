// Package histogram counts durations in logarithmic buckets: additive, the
// same in Go and in SQL, and with a known error.
//
// Bucket i at scale 6 is the interval (2^(i/64), 2^((i+1)/64)] nanoseconds, as
// in OpenTelemetry's exponential histogram. A value reported from its bucket
// (a, b] as 2ab/(a+b) is at most (b-a)/(b+a) = 0.54 % off.
//
// The package is pure: no I/O, no clock, no logger.
package histogram

import (
	"math"
	"math/big"
)

const (
	// Scale is the number of binary digits by which an octave is divided.
	Scale = 6
	// CoarseScale is that of the buckets that carry sums of phases: their index
	// is Coarse(i).
	CoarseScale = 3
	// ZeroIndex is the bucket of durations of zero, reported as exactly 0. It is
	// below the bucket of 1 ns, which is -1.
	ZeroIndex = -2

	perOctave = 1 << Scale
	octaves   = 63 // of an int64
)

// ErrorBound is the largest relative error of a value reported from its bucket.
var ErrorBound = (math.Exp2(1./perOctave) - 1) / (math.Exp2(1./perOctave) + 1)

// lastIn[k] is the largest integer that ClickHouse puts at or below bound
// 2^(k/64), by ceil(log2(v) * 64) - 1 in double precision.
//
// An integer just above an irrational bound may have a logarithm that rounds
// to the bound's. The table holds where that happens, so that Go and SQL agree
// on every integer below 2^53 (104 days in ns) and not only on nearly all.
var lastIn = bounds()

// within[m] is floor(log2(1 + m/256) * 64): where in its octave a double lies whose
// mantissa begins with the bits of m.
var within = func() (table [1 << withinBits]uint8) {
	for m := range table {
		table[m] = uint8(math.Log2(1+float64(m)/(1<<withinBits)) * perOctave)
	}
	return table
}()

const withinBits = 8

// Index returns the bucket of a duration in nanoseconds, ZeroIndex for zero and
// below. In SQL it is
//
//	if(v > 0, ceil(log2(v) * 64) - 1, -2)
func Index(ns int64) int32 {
	if ns <= 0 {
		return ZeroIndex
	}
	// Of the double: its exponent, and the first bits of its mantissa. They may be
	// a few off, and so may any logarithm, since Go's is not ClickHouse's.
	double := math.Float64bits(float64(ns))
	k := int(double>>52-1023)*perOctave + int(within[double>>(52-withinBits)&(1<<withinBits-1)])
	for k > 0 && ns <= lastIn[k-1] {
		k--
	}
	for k < len(lastIn) && ns > lastIn[k] {
		k++
	}
	return int32(k) - 1
}

// ends are the bounds of bucket i in whole nanoseconds: it holds low < ns <= high.
func ends(i int32) (low, high int64) {
	switch i {
	case ZeroIndex:
		return math.MinInt64, 0
	case -1:
		return 0, lastIn[0]
	}
	if int(i) == len(lastIn)-1 {
		return lastIn[i], math.MaxInt64
	}
	return lastIn[i], lastIn[i+1]
}

// Coarse returns the bucket at CoarseScale that contains bucket i. Zeros share
// one with 1 ns.
func Coarse(i int32) int32 { return i >> (Scale - CoarseScale) }

// Bounds returns the ends of bucket i, (lo, hi], in nanoseconds.
func Bounds(i int32) (lo, hi float64) {
	if i == ZeroIndex {
		return 0, 0
	}
	return math.Exp2(float64(i) / perOctave), math.Exp2(float64(i+1) / perOctave)
}

// Value returns the duration that bucket i is reported as, in nanoseconds.
func Value(i int32) float64 {
	lo, hi := Bounds(i)
	if hi == 0 {
		return 0
	}
	return 2 * lo * hi / (lo + hi)
}

// bounds computes lastIn at 128 bits, exactly enough that no entry depends on
// a rounding.
func bounds() []int64 {
	root := big.NewFloat(2).SetPrec(128)
	for range Scale {
		root.Sqrt(root)
	}
	table := make([]int64, octaves*perOctave)
	power := big.NewFloat(1).SetPrec(128)
	for k := range table {
		if k%perOctave == 0 {
			power.SetInt64(1).SetMantExp(power, k/perOctave) // sheds accumulated error
		}
		// A logarithm up to half a unit in the last place above k/64 rounds to it.
		l := float64(k) / perOctave
		half := (math.Nextafter(l, math.Inf(1)) - l) / 2
		slack := big.NewFloat(1).SetPrec(128)
		slack.Add(slack, big.NewFloat(half*math.Ln2))
		table[k], _ = slack.Mul(slack, power).Int64()
		power.Mul(power, root)
	}
	return table
}
