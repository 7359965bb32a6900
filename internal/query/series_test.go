package query

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTimeSeriesAgreesWithTheReference(t *testing.T) {
	e, all := stored(t, 4, 4000, noon.Add(-2*time.Hour), noon)
	from := noon.Add(-107 * time.Minute) // the first step begins before it
	scope := Scope{Range: Range{from, noon.Add(-10 * time.Minute)}}
	rows := inRange(all, scope.Range)
	for _, m := range []Metric{TTFT, Total, Queue} {
		answer, err := e.TimeSeries(t.Context(), TimeSeries{Scope: scope, Metric: m, GroupBy: []string{"service", "model"}, Step: 15 * time.Minute, Limit: 4})
		require.NoError(t, err)
		groups := groupsOf(rows, "service", "model")
		require.Len(t, answer.Series, 4)
		assert.EqualValues(t, len(groups)-4, answer.Omitted)
		assert.EqualValues(t, len(rows), answer.N)
		assert.Equal(t, noon.Add(-2*time.Hour), answer.Times[0])
		for _, s := range answer.Series {
			for i, from := range answer.Times {
				step := inRange(groups[keyOf(s.Labels)], Range{from, from.Add(15 * time.Minute)})
				want := values(step, m, false)
				assert.EqualValues(t, len(step), s.N[i])
				assert.Equal(t, outcomes(step).Errors, s.Errors[i])
				assert.EqualValues(t, len(want), s.Counted[i])
				assert.Equal(t, meanOf(want), s.MeanNS[i])
				for _, q := range s.Quantiles {
					assert.Equal(t, quantileOf(want, q.Q), q.ValuesNS[i])
				}
				if len(want) == 0 || m == Queue {
					continue
				}
				var sum int64
				for _, p := range s.Parts {
					sum += *p.MeanNS[i]
				}
				assert.Equal(t, *s.MeanNS[i], sum, "parts add up to the mean")
			}
		}
	}
}

func TestHeatmapAgreesWithTheReference(t *testing.T) {
	e, all := stored(t, 5, 4000, noon.Add(-2*time.Hour), noon)
	zero := draw(newRandom(5), noon.Add(-time.Minute)) // a queue that took no time at all
	nothing := int64(0)
	zero.Outcome, zero.QueueNS = "ok", &nothing
	zero.follow()
	insert(t, e.conn, []row{zero})
	all = append(all, zero)

	scope := Scope{Range: Range{noon.Add(-110 * time.Minute), noon}}
	rows := inRange(all, scope.Range)
	for _, m := range Metrics {
		answer, err := e.Heatmap(t.Context(), Heatmap{Scope: scope, Metric: m, Step: 10 * time.Minute})
		require.NoError(t, err)
		require.Len(t, answer.Counts, len(answer.Times))
		assert.LessOrEqual(t, len(answer.Buckets), heatmapRows)
		var total int64
		for i, from := range answer.Times {
			want := values(inRange(rows, Range{from, from.Add(10 * time.Minute)}), m, false)
			for j, b := range answer.Buckets {
				if j > 0 {
					assert.Equal(t, answer.Buckets[j-1].HighNS, b.LowNS, "adjacent")
				}
				var n int64
				for _, v := range want {
					if (v > b.LowNS || b.LowNS == 0) && v <= b.HighNS {
						n++
					}
				}
				assert.Equal(t, n, answer.Counts[i][j], "%s %s %v", m, from, b)
				total += answer.Counts[i][j]
			}
		}
		assert.EqualValues(t, len(values(rows, m, false)), total)
	}
}

func TestSteps(t *testing.T) {
	e := New(nil, Limits{})
	for _, tt := range []struct{ length, want time.Duration }{
		{time.Minute, time.Second}, {time.Hour, 30 * time.Second}, {24 * time.Hour, 15 * time.Minute},
		{25 * time.Hour, time.Hour}, {30 * 24 * time.Hour, 6 * time.Hour}, {3 * 365 * 24 * time.Hour, 7 * 24 * time.Hour},
	} {
		s, err := e.steps(Range{noon, noon.Add(tt.length)}, 0)
		require.NoError(t, err)
		assert.Equal(t, tt.want, s.step)
	}
	_, err := e.steps(Range{noon, noon.Add(time.Hour)}, time.Hour/11_001)
	assert.Equal(t, CodeTooLarge, codeOf(err))
	_, err = e.steps(Range{noon, noon.Add(11_000 * time.Second)}, time.Second)
	assert.NoError(t, err)
}
