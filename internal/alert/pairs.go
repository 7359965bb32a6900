package alert

// Within a kind of request, prompts become longer too. The narrower the kinds, the
// less that looks like a regression, but the fewer requests each has. So prompt
// lengths are compared by half powers of two, and where the past of a half is
// short, by whole ones: an even Stratum.Input and the one above it are a pair.

// minSplitN is the fewest requests of a half's past by which it is compared on its
// own; the pair must have minBaselineN as any kind must. At 50 two or three of them
// lie above the p95: below, the tail is that of a single request.
const minSplitN = 50

// sibling is the other half of the pair; unknown lengths have none.
func (s Stratum) sibling() Stratum {
	if s.Input >= 0 {
		s.Input ^= 1
	}
	return s
}

// pair is the key of both halves together.
func (s Stratum) pair() Stratum {
	if s.Input >= 0 {
		s.Input &^= 1
	}
	return s
}

// prepareBaseline makes a past ready to be compared with, in halves where it can.
func prepareBaseline(strata map[Stratum]Distribution, q float64) kinds {
	apart := func(s Stratum) bool {
		a, b := strata[s].N(), strata[s.sibling()].N()
		return s.Input >= 0 && min(a, b) >= minSplitN && a+b >= minBaselineN
	}
	all := prepare(pairUp(strata, apart), q)
	for s, k := range all {
		k.known = k.n >= minBaselineN || apart(s)
		all[s] = k
	}
	return all
}

// prepareLike makes requests ready to be compared with a past, in its halves and pairs.
func prepareLike(baseline kinds, strata map[Stratum]Distribution, q float64) kinds {
	return prepare(pairUp(strata, func(s Stratum) bool {
		_, lower := baseline[s.pair()]
		_, upper := baseline[s.pair().sibling()]
		return lower && upper
	}), q)
}

// pairUp joins the halves that are not to be kept apart.
func pairUp(strata map[Stratum]Distribution, apart func(Stratum) bool) map[Stratum]Distribution {
	paired := make(map[Stratum]Distribution, len(strata))
	for s, d := range strata {
		if !apart(s) {
			s = s.pair()
		}
		if other, ok := paired[s]; ok {
			sum := Distribution{Counts: map[int32]int64{}, Slices: map[int32]Slice{}}
			sum.add(other)
			sum.add(d)
			d = sum
		}
		paired[s] = d
	}
	return paired
}
