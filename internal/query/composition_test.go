package query

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCompositionAgreesWithTheReference(t *testing.T) {
	e, all := stored(t, 10, 5000, noon.Add(-time.Hour), noon)
	scope := Scope{Range: Range{noon.Add(-50 * time.Minute), noon}}
	rows := inRange(all, scope.Range)
	for _, m := range []Metric{TTFT, Total} {
		for _, by := range [][]string{nil, {"model"}, {"service", "vantage"}} {
			answer, err := e.Composition(t.Context(), Composition{Scope: scope, Metric: m, GroupBy: by, Quantiles: []float64{0.5, 0.9, 0.95, 0.99}})
			require.NoError(t, err)
			groups := groupsOf(rows, by...)
			require.Len(t, answer.Groups, len(groups))
			for _, g := range answer.Groups {
				group := groups[keyOf(g.Labels)]
				assert.EqualValues(t, len(values(group, m, false)), g.N)
				for _, c := range g.Compositions {
					window, from, to, completeOnly := composition(group, m, c.Q)
					assert.Equal(t, completeOnly, g.CompleteOnly)
					assert.Equal(t, quantileOf(values(group, m, false), c.Q), c.ValueNS)
					assert.Equal(t, [2]int64{from, to}, [2]int64{c.FromRank, c.ToRank})
					assert.EqualValues(t, len(window), c.Window)
					if c.WindowTooSmall {
						assert.Less(t, len(window), 30)
						assert.Empty(t, c.Parts)
						continue
					}
					checkWindow(t, c, window, m)
				}
			}
		}
	}
}

func checkWindow(t *testing.T, c QuantileComposition, window []row, m Metric) {
	t.Helper()
	var whole, sum int64
	for _, r := range window {
		whole += *r.of(m)
	}
	n := int64(len(window))
	require.NotNil(t, c.MeanNS)
	assert.Equal(t, whole/n, *c.MeanNS)
	for i, p := range c.Parts {
		sum += p.MeanNS
		if i == len(c.Parts)-1 {
			break
		}
		var known, n int64
		for _, r := range window {
			if ns := r.parts(m)[i]; ns != nil {
				known, n = known+*ns, n+1
			}
		}
		assert.InDelta(t, float64(known)/float64(len(window)), float64(p.MeanNS), 1, p.Part)
		assert.InDelta(t, float64(n)/float64(len(window)), p.Coverage, 1e-9)
	}
	assert.Equal(t, *c.MeanNS, sum, "the parts add up to the mean")
}

func TestWindowRanks(t *testing.T) {
	for _, tt := range []struct {
		q        float64
		n        int64
		from, to int64
	}{
		{0.5, 10_000, 4500, 5500},  // ± 5 %
		{0.9, 10_000, 8750, 9250},  // ± 2.5 %
		{0.99, 10_000, 9875, 9925}, // ± 0.25 %
		{0.99, 4000, 3945, 3975},   // widened until 30
		{0.99, 100_000, 98750, 99250},
		{0.99, 1000, 980, 1000}, // at most to ± 1 %: too small
		{0.5, 40, 5, 35},
		{0.5, 20, 0, 20},
	} {
		from, to := windowRanks(tt.q, tt.n)
		assert.Equal(t, [2]int64{tt.from, tt.to}, [2]int64{from, to}, "p%g of %d", 100*tt.q, tt.n)
	}
	rapid.Check(t, func(t *rapid.T) {
		q, n := rapid.Float64Range(0.001, 0.999).Draw(t, "q"), rapid.Int64Range(0, 100_000).Draw(t, "n")
		from, to := windowRanks(q, n)
		assert.True(t, 0 <= from && from <= to && to <= n)
		widest := int64((1-q)*float64(n)) + 1
		assert.True(t, from >= int64(q*float64(n))-widest-1 && to <= int64(q*float64(n))+widest+1)
		if rank := int64(q * float64(n)); n > 0 {
			assert.True(t, from <= rank && rank < to+1, "the quantile lies in its window")
		}
	})
}

func TestMeansAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1000).Draw(t, "n")
		var whole sum
		var parts []sum
		for _, ns := range rapid.SliceOfN(rapid.Uint64(), 1, 5).Draw(t, "parts") {
			var s sum
			for range rapid.IntRange(1, 4).Draw(t, "times") {
				s.add(ns)
			}
			if s.hi >= uint64(n) { // a mean beyond 64 bits: not of durations
				t.Skip()
			}
			parts = append(parts, s)
			whole.merge(s)
		}
		if whole.hi >= uint64(n) {
			t.Skip()
		}
		each, mean := means(parts, n)
		var added uint64
		for i, x := range each {
			added += uint64(x)
			exact, _ := parts[i].mean(n)
			assert.LessOrEqual(t, uint64(x)-uint64(exact), uint64(1))
		}
		assert.Equal(t, uint64(mean), added)
	})
}
