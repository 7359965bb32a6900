package query

import "math/bits"

// sum adds durations in nanoseconds without overflow: a billion requests of
// ten seconds pass 64 bits.
type sum struct{ hi, lo uint64 }

func (s *sum) add(ns uint64) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, ns, 0)
	s.hi += carry
}

func (s *sum) merge(o sum) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, o.lo, 0)
	s.hi, _ = bits.Add64(s.hi, o.hi, carry)
}

// minus returns s - o, which must not be negative.
func (s sum) minus(o sum) sum {
	lo, borrow := bits.Sub64(s.lo, o.lo, 0)
	hi, _ := bits.Sub64(s.hi, o.hi, borrow)
	return sum{hi, lo}
}

// mean returns the quotient by n, rounded down, and the remainder.
func (s sum) mean(n int64) (quotient int64, remainder uint64) {
	q, r := bits.Div64(s.hi, s.lo, uint64(n))
	return int64(q), r
}

func (s sum) float() float64 { return float64(s.hi)*(1<<64) + float64(s.lo) }

// means divides the parts by n so that the results add up exactly to the mean
// of their sum, rounded down: what rounding loses goes to the parts with the
// largest remainders.
func means(parts []sum, n int64) (each []int64, mean int64) {
	each = make([]int64, len(parts))
	if n == 0 {
		return each, 0
	}
	remainders := make([]uint64, len(parts))
	var whole sum
	var given int64
	for i, p := range parts {
		each[i], remainders[i] = p.mean(n)
		given += each[i]
		whole.merge(p)
	}
	mean, _ = whole.mean(n)
	for ; given < mean; given++ {
		largest := 0
		for i, r := range remainders {
			if r > remainders[largest] {
				largest = i
			}
		}
		each[largest]++
		remainders[largest] = 0
	}
	return each, mean
}
