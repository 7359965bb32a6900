package alert

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPromptLengthsAreHalfPowersOfTwo(t *testing.T) {
	for tokens, want := range map[int]int8{-1: 12, 0: 12, 64: 12, 90: 12, 91: 13, 127: 13, 128: 14, 181: 14, 182: 15, 1 << 20: 40} {
		assert.Equal(t, want, inputHalves(tokens), "%d tokens", tokens)
	}
	lower, upper, unknown := Stratum{Input: 12}, Stratum{Input: 13}, Stratum{Input: -1}
	assert.Equal(t, lower, upper.sibling())
	assert.Equal(t, upper, lower.sibling())
	assert.Equal(t, lower, upper.pair())
	assert.Equal(t, unknown, unknown.pair())
	assert.Equal(t, unknown, unknown.sibling())
}

// Halves are compared on their own where the past of both says enough, and as one
// kind otherwise; what is compared with a past is cut as the past is.
func TestHalvesWithAShortPastAreOneKind(t *testing.T) {
	const low, high = 12, 13
	requests := func(n int64) Distribution { return Distribution{Counts: map[int32]int64{1900: n}} }
	strata := func(lower, upper int64) map[Stratum]Distribution {
		all := map[Stratum]Distribution{}
		if lower > 0 {
			all[Stratum{Input: low}] = requests(lower)
		}
		if upper > 0 {
			all[Stratum{Input: high}] = requests(upper)
		}
		return all
	}
	for _, c := range []struct {
		name         string
		lower, upper int64
		want         map[int8]float64 // the past's kinds
		known        bool
		present      map[int8]float64 // 3 and 4 requests beside it
	}{
		{"both known", 150, 50, map[int8]float64{low: 150, high: 50}, true, map[int8]float64{low: 3, high: 4}},
		{"upper short", 151, 49, map[int8]float64{low: 200}, true, map[int8]float64{low: 7}},
		{"no upper", 200, 0, map[int8]float64{low: 200}, true, map[int8]float64{low: 7}},
		{"no lower", 0, 200, map[int8]float64{low: 200}, true, map[int8]float64{low: 7}},
		{"both too few", 149, 50, map[int8]float64{low: 199}, false, map[int8]float64{low: 7}},
	} {
		past := prepareBaseline(strata(c.lower, c.upper), 0.95)
		present := prepareLike(past, strata(3, 4), 0.95)
		counts := func(all kinds) map[int8]float64 {
			n := map[int8]float64{}
			for s, k := range all {
				n[s.Input] = k.n
			}
			return n
		}
		assert.Equal(t, c.want, counts(past), c.name)
		assert.Equal(t, c.present, counts(present), c.name)
		for _, k := range past {
			assert.Equal(t, c.known, k.known, c.name)
		}
	}
}
