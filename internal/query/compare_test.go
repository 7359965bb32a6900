package query

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The hour before noon, and the hour after it as change makes it.
func compared(t *testing.T, seed uint64, question Compare, change func(*row)) CompareAnswer {
	t.Helper()
	conn := database(t)
	rows := generate(newRandom(seed), 8000, noon.Add(-time.Hour), noon.Add(time.Hour))
	for i := range rows {
		if !rows[i].End.Before(noon) {
			change(&rows[i])
		}
	}
	insert(t, conn, rows)
	question.A.Range, question.B.Range = Range{noon.Add(-time.Hour), noon}, Range{noon, noon.Add(time.Hour)}
	answer, err := New(conn, Limits{}).Compare(t.Context(), question)
	require.NoError(t, err)
	checkConservation(t, answer)
	return answer
}

func checkConservation(t *testing.T, answer CompareAnswer) {
	t.Helper()
	differences := []*Difference{answer.Mean}
	for _, q := range answer.Quantiles {
		differences = append(differences, q.Difference)
	}
	for _, d := range differences {
		if d == nil {
			continue
		}
		var sum int64
		for _, p := range d.Parts {
			sum += p.NS
		}
		assert.Equal(t, d.NS, sum, "the parts add up to the difference")
		require.NotNil(t, d.LowNS)
		assert.True(t, *d.LowNS <= d.NS && d.NS <= *d.HighNS)
	}
	var a, b int64
	for i := range answer.A.MeanParts {
		a, b = a+answer.A.MeanParts[i].MeanNS, b+answer.B.MeanParts[i].MeanNS
	}
	assert.Equal(t, b-a, answer.Mean.NS)
	assert.Equal(t, answer.Mean.NS, *answer.Mix.WithinNS+*answer.Mix.ShiftNS)
}

// lengthen adds to a part of the row's TTFT and total, where it is known.
func (r *row) queued(by int64) {
	if r.QueueNS == nil {
		return
	}
	queue, ttftQueue, ttft := *r.QueueNS+by, *r.TTFTQueueNS+by, *r.TTFTNS+by
	r.QueueNS, r.TTFTQueueNS, r.TTFTNS, r.TotalNS = &queue, &ttftQueue, &ttft, r.TotalNS+by
}

func TestCompareFindsTheOwner(t *testing.T) {
	random := newRandom(1)
	for _, m := range []Metric{TTFT, Total} {
		answer := compared(t, 20, Compare{Metric: m, Quantiles: []float64{0.5, 0.99}}, func(r *row) {
			if random.IntN(50) == 0 { // a queue builds up now and then
				r.queued(2e9)
			} else {
				r.queued(150e6)
			}
		})
		assert.Equal(t, string(PartQueue), answer.Mean.Owner, "%s: %+v", m, answer.Mean)
		if m == TTFT {
			assert.Equal(t, string(PartQueue), answer.Quantiles[0].Difference.Owner, "p50")
			assert.Equal(t, string(PartQueue), answer.Quantiles[1].Difference.Owner, "p99")
			assert.InDelta(t, 2e9, float64(*answer.Quantiles[1].ValueNS), 0.4e9)
		}
		assert.Less(t, math.Abs(float64(*answer.Mix.ShiftNS)), 0.1*float64(*answer.Mix.WithinNS), "no other work than before")
		assert.InDelta(t, 1, *answer.Mix.Compared, 0.01)
	}
}

func TestCompareBoundsADifferenceThatIsNotThere(t *testing.T) {
	answer := compared(t, 30, Compare{Quantiles: []float64{0.9}}, func(*row) {})
	assert.Equal(t, OwnerNone, answer.Mean.Owner)
	assert.Less(t, *answer.Mean.RelativeBound, 0.1, "no difference larger than a tenth")
}

// Under the null a 95 % interval excludes zero once in twenty times, also where
// the requests of a time block waited in the same queue: there an interval that
// takes requests for independent excludes it most of the time.
func TestIntervalsKeepTheirPromise(t *testing.T) {
	random := newRandom(5)
	sideOf := func(shared float64) *side {
		x := &side{blocks: map[int64][]slice{}}
		for block := range int64(12) {
			load := math.Exp(shared * random.NormFloat64())
			buckets := map[int16]*slice{}
			for range 150 {
				ns := int64(load * random.ExpFloat64() * 1e8)
				bucket := coarse(ns)
				if buckets[bucket] == nil {
					buckets[bucket] = &slice{place: place{block: block, bucket: bucket, complete: true}}
				}
				buckets[bucket].add(split{whole: ns, parts: [4]int64{-1, ns / 2, -1, -1}, complete: true})
			}
			for _, s := range buckets {
				x.blocks[block] = append(x.blocks[block], *s)
				x.whole.merge(*s)
			}
		}
		x.answer.MeanParts = x.whole.means(wholes[TTFT])
		return x
	}
	for _, shared := range []float64{0, 0.3} {
		const runs = 100
		var mean, p90 int
		for range runs {
			a, b := sideOf(shared), sideOf(shared)
			if difference(a.mean(), b.mean()).Owner != OwnerNone {
				mean++
			}
			around := func(x *side) level {
				p := x.all(false)
				parts, _ := p.around(windowRanks(0.9, p.size)).rounded(wholes[TTFT])
				return x.around(QuantileComposition{Quantile: Quantile{Q: 0.9}, Parts: parts})
			}
			if difference(around(a), around(b)).Owner != OwnerNone {
				p90++
			}
		}
		t.Logf("blocks that differ by %g: excluded zero in %d (mean) and %d (p90) of %d", shared, mean, p90, runs)
		assert.InDelta(t, 0.05*runs, mean, 0.06*runs)
		assert.InDelta(t, 0.05*runs, p90, 0.06*runs)
	}
}

func TestCompareSetsTheMixApart(t *testing.T) {
	answer := compared(t, 50, Compare{}, func(r *row) {
		// Longer prompts, each as fast as such prompts were before.
		if r.InputTokens != nil && r.TTFTPrefillNS != nil && *r.InputTokens < 8000 {
			input, prefill := *r.InputTokens+8000, *r.PrefillNS+8000*20_000
			added := prefill - *r.PrefillNS
			ttft := *r.TTFTNS + added
			r.InputTokens, r.PrefillNS, r.TTFTPrefillNS, r.TTFTNS, r.TotalNS = &input, &prefill, &prefill, &ttft, r.TotalNS+added
		}
	})
	assert.Equal(t, string(PartPrefill), answer.Mean.Owner)
	assert.Greater(t, *answer.Mix.ShiftNS, *answer.Mix.WithinNS, "%+v", answer.Mix)
	assert.NotEmpty(t, answer.Mix.Strata)
}

func TestCompareTwoValuesOfADimension(t *testing.T) {
	conn := database(t)
	rows := generate(newRandom(60), 8000, noon.Add(-time.Hour), noon)
	for i := range rows {
		if rows[i].Version == "1.1" {
			rows[i].queued(100e6)
		}
	}
	insert(t, conn, rows)
	version := func(v string) Scope {
		return Scope{Range: Range{noon.Add(-time.Hour), noon}, Filters: []Filter{{"version", Equal, []string{v}}}}
	}
	answer, err := New(conn, Limits{}).Compare(t.Context(), Compare{A: version("1.0"), B: version("1.1")})
	require.NoError(t, err)
	checkConservation(t, answer)
	assert.Equal(t, string(PartQueue), answer.Mean.Owner)
	assert.EqualValues(t, len(groupsOf(rows, "version")[key{"1.1"}]), answer.B.N)
}

func TestCompareNeedsTimeBlocks(t *testing.T) {
	conn := database(t)
	rows := generate(newRandom(61), 2000, noon.Add(-6*time.Minute), noon) // two blocks of an hour
	insert(t, conn, rows)
	s := Scope{Range: Range{noon.Add(-time.Hour), noon}}
	answer, err := New(conn, Limits{}).Compare(t.Context(), Compare{A: s, B: s})
	require.NoError(t, err)
	assert.Less(t, answer.A.Blocks, 10)
	assert.Nil(t, answer.Mean.LowNS, "no interval without blocks")
	assert.Equal(t, OwnerNone, answer.Mean.Owner)
}
