package histogram

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

func TestIndexIsExactAtPowersOfTwo(t *testing.T) {
	for e := range 62 {
		v := int64(1) << e
		assert.Equal(t, int32(e*64-1), Index(v), "2^%d belongs to the bucket it closes", e)
		if e > 0 && e < 49 { // from 2^49 on one more is closer than a logarithm can tell
			assert.GreaterOrEqual(t, Index(v+1), int32(e*64), "2^%d + 1", e)
		}
	}
	assert.EqualValues(t, ZeroIndex, Index(0))
	assert.EqualValues(t, ZeroIndex, Index(-5))
	assert.EqualValues(t, -1, Index(1))
}

// Index is checked against its definition in exact arithmetic: a < v <= b for
// a^64 = 2^i, that is v^64 compared with 2^i.
func TestIndexMatchesItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(1, 1<<40).Draw(t, "v")
		i := Index(v)
		power := new(big.Int).Exp(big.NewInt(v), big.NewInt(64), nil)
		atLeast := func(i int32) int {
			if i < 0 {
				return 1
			}
			return power.Cmp(new(big.Int).Lsh(big.NewInt(1), uint(i)))
		}
		assert.Positive(t, atLeast(i), "2^(i/64) < v")
		assert.LessOrEqual(t, atLeast(i+1), 0, "v <= 2^((i+1)/64)")
	})
}

func TestIndexIsMonotone(t *testing.T) {
	assert.True(t, slices.IsSorted(lastIn))
	for k, last := range lastIn[:53*64] {
		if k > 0 && last == lastIn[k-1] {
			continue // bounds less than 1 ns apart
		}
		assert.LessOrEqual(t, Index(last), int32(k)-1)
		assert.GreaterOrEqual(t, Index(last+1), int32(k))
	}
}

func TestValueIsWithinTheErrorBound(t *testing.T) {
	assert.Less(t, ErrorBound, 0.0055)
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(0, 1<<50).Draw(t, "v")
		assert.LessOrEqual(t, math.Abs(Value(Index(v))-float64(v)), ErrorBound*float64(v)*(1+1e-9))
	})
}

func TestQuantileTakesTheSameElementAsSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1<<40), 1, 300).Draw(t, "values")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		cut := rapid.IntRange(0, len(values)).Draw(t, "cut")
		var a, b Histogram
		for _, v := range values[:cut] {
			a.Observe(v)
		}
		for _, v := range values[cut:] {
			b.Observe(v)
		}
		a.Merge(&b)
		slices.Sort(values)
		want := values[Rank(q, int64(len(values)))]
		got, ok := a.Quantile(q)
		require.True(t, ok)
		assert.EqualValues(t, len(values), a.N())
		assert.LessOrEqual(t, math.Abs(float64(got-want)), ErrorBound*float64(want)+0.5)
	})
	var empty Histogram
	_, ok := empty.Quantile(0.5)
	assert.False(t, ok)
}

func TestRequiredIsTheTableOfTheDefinition(t *testing.T) {
	for q, want := range map[float64]int64{0.99: 368, 0.95: 72, 0.90: 36} {
		assert.Equal(t, want, Required(q))
		_, _, ok := IntervalRanks(q, want, 1)
		assert.True(t, ok, "p%g of %d", 100*q, want)
		_, _, ok = IntervalRanks(q, want-1, 1)
		assert.False(t, ok, "p%g of %d", 100*q, want-1)
		_, _, ok = IntervalRanks(q, 2*want-1, 2)
		assert.False(t, ok, "φ halves the sample")
	}
}

// The ranks are those of a search through all of n. From some 10⁸ on, chances far from
// the limit are computed so badly that the search goes astray.
func TestIntervalRanksAreThoseOfASearch(t *testing.T) {
	searched := func(q float64, n int64) (low, high int64) {
		below := distuv.Binomial{N: float64(n), P: q}
		first := sort.Search(int(n), func(k int) bool { return below.CDF(float64(k)) > miss })
		last := sort.Search(int(n), func(k int) bool { return below.CDF(float64(k)) >= 1-miss })
		return int64(max(first-1, 0)), min(int64(last), n-1)
	}
	for _, q := range []float64{0.0001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.999999} {
		for n, step := Required(q), int64(1); n < 1e8; n, step = n+step, step+step/3+1 {
			low, high, ok := IntervalRanks(q, n, 1)
			require.True(t, ok)
			wantLow, wantHigh := searched(q, n)
			require.Equal(t, [2]int64{wantLow, wantHigh}, [2]int64{low, high}, "q=%g n=%d", q, n)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.Float64Range(1e-6, 1-1e-6).Draw(t, "q")
		n := Required(q) + rapid.Int64Range(0, 100_000).Draw(t, "more")
		low, high, _ := IntervalRanks(q, n, 1)
		wantLow, wantHigh := searched(q, n)
		require.Equal(t, [2]int64{wantLow, wantHigh}, [2]int64{low, high})
	})
}

// The interval must contain the true quantile in 95 % of samples, whatever the
// distribution; order statistics are conservative, never less.
func TestIntervalCoversTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, q := range []float64{0.5, 0.9, 0.99} {
		truth := -math.Log(1-q) * 1e8
		covered := 0
		const samples = 2000
		for range samples {
			var h Histogram
			for range 500 {
				h.Observe(int64(random.ExpFloat64() * 1e8))
			}
			low, high, ok := h.QuantileInterval(q, 1)
			require.True(t, ok)
			if float64(low) <= truth && truth <= float64(high) {
				covered++
			}
		}
		assert.GreaterOrEqual(t, float64(covered)/samples, 0.94, "q=%g", q)
	}
}

func TestOverdispersion(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	blocks := func(shared float64) (blocks []*Histogram) {
		for range 60 {
			load := math.Exp(shared * random.NormFloat64()) // one queue for the whole block
			h := &Histogram{}
			for range 400 {
				h.Observe(int64(load * random.ExpFloat64() * 1e8))
			}
			blocks = append(blocks, h)
		}
		return blocks
	}
	overdispersion := func(blocks []*Histogram, q float64) (float64, bool) {
		var sum Sum
		for _, b := range blocks {
			sum.Add(b)
		}
		all := sum.Take()
		return Overdispersion(&all, blocks, q)
	}
	phi, ok := overdispersion(blocks(0), 0.95)
	require.True(t, ok)
	assert.InDelta(t, 1, phi, 0.6, "independent requests")
	phi, ok = overdispersion(blocks(0.5), 0.95)
	require.True(t, ok)
	assert.Greater(t, phi, 8., "requests of one block share a queue")
	_, ok = overdispersion(blocks(0)[:MinBlocks-1], 0.95)
	assert.False(t, ok)

	same := make([]*Histogram, MinBlocks)
	for i := range same {
		same[i] = &Histogram{}
		same[i].Add(100, 5)
	}
	phi, ok = overdispersion(same, 0.5)
	assert.True(t, ok)
	assert.Equal(t, 1., phi)
}

// However durations come to be added, the histogram is the same.
func TestSumAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want Histogram
		var sum Sum
		for range 2 { // a sum starts anew once it is taken
			want = Histogram{}
			for range rapid.IntRange(0, 4).Draw(t, "parts") {
				values := rapid.SliceOfN(rapid.Int64Range(-1, math.MaxInt64), 0, 300).Draw(t, "values")
				var part Histogram
				for _, v := range values {
					part.Observe(v)
				}
				want.Merge(&part)
				switch rapid.IntRange(0, 2).Draw(t, "how") {
				case 0:
					sum.Observe(values)
				case 1:
					sum.Add(&part)
				case 2:
					var one Sum
					one.Add(&part)
					require.NoError(t, sum.AddEncoded(one.TakeEncoded(nil)))
					require.Zero(t, one)
				}
			}
			got := sum.Take()
			require.Equal(t, want.n, got.n)
			require.True(t, slices.Equal(want.buckets, got.buckets))
			require.Zero(t, sum)
		}
	})
}

func TestSumRefusesWhatIsNoHistogram(t *testing.T) {
	for _, text := range []string{
		"\x80",             // no end
		"\x01",             // no count
		"\x01\x00",         // a count of zero
		"\x01\x02\x00\x01", // the same bucket twice
		"\x90\x4e\x01",     // a bucket beyond the last
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01", // no number of 64 bits
	} {
		var sum Sum
		assert.Error(t, sum.AddEncoded([]byte(text)), "%q", text)
	}
}
