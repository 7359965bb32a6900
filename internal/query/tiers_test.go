package query

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/histogram"
)

// rollUp fills the hours table as the store does, up to a time.
func rollUp(t testing.TB, conn clickhouse.Conn, from, through time.Time) {
	t.Helper()
	for hour := from.Truncate(time.Hour); hour.Before(through.Truncate(time.Hour)); hour = hour.Add(time.Hour) {
		require.NoError(t, rollUpHour(t, conn, hour, 1))
	}
	require.NoError(t, conn.Exec(t.Context(), "INSERT INTO progress (loop, through) VALUES ('rollup', fromUnixTimestamp64Milli({through:Int64}))",
		clickhouse.Named("through", through.UnixMilli())))
}

func rollUpHour(t testing.TB, conn clickhouse.Conn, hour time.Time, version uint64) error {
	sql, err := os.ReadFile("../store/sql/hour.sql")
	require.NoError(t, err)
	return conn.Exec(t.Context(), string(sql), clickhouse.Named("hour", hour.Unix()), clickhouse.Named("version", version),
		clickhouse.Named("fold", false), clickhouse.Named("series", 1000))
}

// tiers are two engines on the same data: one reads requests, one reads hours
// wherever it can. The last two hours are still open.
func tiers(t *testing.T) (exact, long *Engine, all []row) {
	t.Helper()
	from := noon.Add(-15 * time.Hour)
	exact, all = stored(t, 70, 8000, from, noon)
	rollUp(t, exact.conn, from, noon.Add(-2*time.Hour+time.Minute))
	return exact, New(exact.conn, Limits{ExactRows: 1}), all
}

func within(t *testing.T, want, got *int64, bound float64, about ...any) {
	t.Helper()
	require.Equal(t, want == nil, got == nil, about...)
	if want != nil {
		assert.LessOrEqual(t, math.Abs(float64(*got-*want)), bound*float64(*want)+1, about...)
	}
}

func TestTiersAgree(t *testing.T) {
	exact, long, all := tiers(t)
	t.Run("tier", func(t *testing.T) { checkTier(t, long) })
	scope := Scope{Range: Range{noon.Add(-14*time.Hour + 7*time.Minute), noon.Add(-13 * time.Minute)}}
	rows := inRange(all, scope.Range)

	t.Run("breakdown", func(t *testing.T) {
		for _, by := range [][]string{nil, {"service", "outcome", "vantage"}} {
			{
				scope := scope
				scope.IncludeFailed = by != nil
				x, err := exact.Breakdown(t.Context(), Breakdown{Scope: scope, GroupBy: by})
				require.NoError(t, err)
				y, err := long.Breakdown(t.Context(), Breakdown{Scope: scope, GroupBy: by})
				require.NoError(t, err)
				assert.Equal(t, TierRequests, x.Tier)
				assert.Equal(t, TierHours, y.Tier)
				assert.Equal(t, histogram.ErrorBound, y.ErrorBound)
				assert.EqualValues(t, len(rows), y.N)
				assert.Equal(t, x.Coverage, y.Coverage)
				require.Len(t, y.Groups, len(x.Groups))
				for i, g := range x.Groups {
					o := y.Groups[i]
					assert.Equal(t, g.Labels, o.Labels)
					assert.Equal(t, g.Counts, o.Counts)
					assert.Equal(t, g.TotalParts, o.TotalParts, "sums are exact in both")
					assert.Equal(t, g.TTFTParts, o.TTFTParts)
					for j, d := range g.Metrics {
						assert.Equal(t, d.N, o.Metrics[j].N)
						assert.Equal(t, d.MeanNS, o.Metrics[j].MeanNS)
						for k, q := range d.Quantiles {
							within(t, q.ValueNS, o.Metrics[j].Quantiles[k].ValueNS, histogram.ErrorBound, g.Labels, d.Metric, q.Q)
						}
					}
				}
			}
		}
	})
	t.Run("series", func(t *testing.T) {
		question := TimeSeries{Scope: scope, Metric: Total, Step: 3 * time.Hour, GroupBy: []string{"model"}, Limit: 2}
		x, err := exact.TimeSeries(t.Context(), question)
		require.NoError(t, err)
		y, err := long.TimeSeries(t.Context(), question)
		require.NoError(t, err)
		assert.Equal(t, TierHours, y.Tier)
		assert.Equal(t, x.Times, y.Times)
		for i, s := range x.Series {
			o := y.Series[i]
			assert.Equal(t, s.N, o.N)
			assert.Equal(t, s.MeanNS, o.MeanNS)
			assert.Equal(t, s.Parts, o.Parts)
			for j, q := range s.Quantiles {
				for k := range q.ValuesNS {
					within(t, q.ValuesNS[k], o.Quantiles[j].ValuesNS[k], histogram.ErrorBound)
				}
			}
		}
	})
	t.Run("requests that are too many to keep", func(t *testing.T) {
		question := TimeSeries{Scope: scope, Metric: Total, Step: 20 * time.Minute, GroupBy: []string{"model"}}
		x, err := exact.TimeSeries(t.Context(), question)
		require.NoError(t, err)
		y, err := long.TimeSeries(t.Context(), question)
		require.NoError(t, err)
		assert.Equal(t, TierRequests, y.Tier, "steps under an hour")
		assert.Equal(t, histogram.ErrorBound, y.ErrorBound)
		for i, s := range x.Series {
			o := y.Series[i]
			assert.Equal(t, [3][]int64{s.N, s.Errors, s.Counted}, [3][]int64{o.N, o.Errors, o.Counted})
			assert.Equal(t, s.MeanNS, o.MeanNS)
			assert.Equal(t, s.Parts, o.Parts)
			for j, q := range s.Quantiles {
				for k := range q.ValuesNS {
					within(t, q.ValuesNS[k], o.Quantiles[j].ValuesNS[k], histogram.ErrorBound)
				}
			}
		}
		question.Step = 0
		y, err = long.TimeSeries(t.Context(), question)
		require.NoError(t, err)
		assert.Equal(t, [2]any{TierHours, int64(time.Hour)}, [2]any{y.Tier, y.StepNS}, "the step is ours to choose")
		rectangles := Heatmap{Scope: scope, Step: 20 * time.Minute}
		before, err := exact.Heatmap(t.Context(), rectangles)
		require.NoError(t, err)
		after, err := long.Heatmap(t.Context(), rectangles)
		require.NoError(t, err)
		assert.Equal(t, before.Counts, after.Counts)

		// Hours do not have the operation.
		parts := Breakdown{Scope: scope, GroupBy: []string{"operation"}}
		b, err := exact.Breakdown(t.Context(), parts)
		require.NoError(t, err)
		a, err := long.Breakdown(t.Context(), parts)
		require.NoError(t, err)
		assert.Equal(t, [2]any{TierRequests, histogram.ErrorBound}, [2]any{a.Tier, a.ErrorBound})
		for i, g := range b.Groups {
			assert.Equal(t, g.Counts, a.Groups[i].Counts)
			assert.Equal(t, g.TotalParts, a.Groups[i].TotalParts)
			for j, d := range g.Metrics {
				assert.Equal(t, d.MeanNS, a.Groups[i].Metrics[j].MeanNS)
				for k, q := range d.Quantiles {
					within(t, q.ValueNS, a.Groups[i].Metrics[j].Quantiles[k].ValueNS, histogram.ErrorBound)
				}
			}
		}
		composed, err := long.Composition(t.Context(), Composition{Scope: scope, GroupBy: []string{"operation"}})
		require.NoError(t, err)
		kept, err := exact.Composition(t.Context(), Composition{Scope: scope, GroupBy: []string{"operation"}})
		require.NoError(t, err)
		for i, g := range kept.Groups {
			for j, c := range g.Compositions {
				// Coarse buckets are 9 % wide: their edges blur the window.
				within(t, c.MeanNS, composed.Groups[i].Compositions[j].MeanNS, 0.045)
			}
		}
	})
	t.Run("heatmap", func(t *testing.T) {
		question := Heatmap{Scope: scope, Step: 2 * time.Hour}
		x, err := exact.Heatmap(t.Context(), question)
		require.NoError(t, err)
		y, err := long.Heatmap(t.Context(), question)
		require.NoError(t, err)
		assert.Equal(t, TierHours, y.Tier)
		assert.Equal(t, x.Buckets, y.Buckets)
		assert.Equal(t, x.Counts, y.Counts)
	})
	t.Run("composition", func(t *testing.T) {
		for _, m := range []Metric{TTFT, Total} {
			question := Composition{Scope: scope, Metric: m, GroupBy: []string{"model"}}
			x, err := exact.Composition(t.Context(), question)
			require.NoError(t, err)
			y, err := long.Composition(t.Context(), question)
			require.NoError(t, err)
			assert.Equal(t, TierHours, y.Tier)
			for i, g := range x.Groups {
				o := y.Groups[i]
				assert.Equal(t, [3]any{g.N, g.Complete, g.CompleteOnly}, [3]any{o.N, o.Complete, o.CompleteOnly})
				for j, c := range g.Compositions {
					d := o.Compositions[j]
					assert.Equal(t, [2]int64{c.FromRank, c.ToRank}, [2]int64{d.FromRank, d.ToRank})
					// Coarse buckets are 9 % wide: their edges blur the window.
					within(t, c.MeanNS, d.MeanNS, 0.045)
					for k, p := range c.Parts {
						assert.InDelta(t, float64(p.MeanNS), float64(d.Parts[k].MeanNS), 0.15*float64(*c.MeanNS), "%g %s", c.Q, p.Part)
					}
				}
			}
		}
	})
	t.Run("compare", func(t *testing.T) {
		a, b := scope, scope
		a.Range.To, b.Range.From = noon.Add(-7*time.Hour), noon.Add(-7*time.Hour)
		x, err := exact.Compare(t.Context(), Compare{A: a, B: b})
		require.NoError(t, err)
		y, err := long.Compare(t.Context(), Compare{A: a, B: b})
		require.NoError(t, err)
		assert.Equal(t, TierHours, y.A.Tier)
		assert.Equal(t, x.Mean.NS, y.Mean.NS)
		assert.Equal(t, x.Mix, y.Mix)
		assert.Equal(t, x.A.MeanParts, y.A.MeanParts)
	})
	t.Run("values", func(t *testing.T) {
		x, err := exact.DimensionValues(t.Context(), DimensionValues{Scope: scope, Dimension: "model", Limit: 2})
		require.NoError(t, err)
		y, err := long.DimensionValues(t.Context(), DimensionValues{Scope: scope, Dimension: "model", Limit: 2})
		require.NoError(t, err)
		assert.Equal(t, TierHours, y.Tier)
		assert.Equal(t, x.Values, y.Values)
		assert.Equal(t, x.Omitted, y.Omitted)
	})
}

func TestQualityLooksAtTheNewest(t *testing.T) {
	exact, _, all := tiers(t)
	whole := Range{noon.Add(-15 * time.Hour), noon.Add(-3 * time.Hour)}
	answer, err := New(exact.conn, Limits{ExactRows: 1000}).Quality(t.Context(), Quality{Scope{Range: whole}})
	require.NoError(t, err)
	assert.Equal(t, whole.To, answer.Range.To)
	assert.InDelta(t, 1000, answer.N, 500)
	assert.Len(t, inRange(all, answer.Range), int(answer.N))
}

// checkTier checks that hours are read only where they answer.
func checkTier(t *testing.T, long *Engine) {
	day := Scope{Range: Range{noon.Add(-13 * time.Hour), noon}}
	tier := func(b Breakdown) Tier {
		t.Helper()
		b.Metrics = []Metric{Total}
		answer, err := long.Breakdown(t.Context(), b)
		require.NoError(t, err)
		return answer.Tier
	}
	assert.Equal(t, TierHours, tier(Breakdown{Scope: day}))
	assert.Equal(t, TierRequests, tier(Breakdown{Scope: day, GroupBy: []string{"error_type"}}), "a dimension hours has not")
	filtered := day
	filtered.Filters = []Filter{{"attributes.route", Equal, []string{"/chat"}}}
	assert.Equal(t, TierRequests, tier(Breakdown{Scope: filtered}))
	filtered.Filters = []Filter{{"model", Matches, []string{"llama.*"}}}
	assert.Equal(t, TierHours, tier(Breakdown{Scope: filtered}))
	hour := Scope{Range: Range{noon.Add(-10 * time.Hour), noon.Add(-9 * time.Hour)}}
	assert.Equal(t, TierHours, tier(Breakdown{Scope: hour}), "though requests are read ahead")
	open := Scope{Range: Range{noon.Add(-90 * time.Minute), noon}}
	assert.Equal(t, TierRequests, tier(Breakdown{Scope: open}), "these hours are not closed")
	short := Scope{Range: Range{noon.Add(-10*time.Hour - 50*time.Minute), noon.Add(-10*time.Hour - 5*time.Minute)}}
	assert.Equal(t, TierRequests, tier(Breakdown{Scope: short}), "no whole hour in it")
}

// Go and SQL must put every duration into the same bucket. An index is a step
// function, so it is enough to look at both sides of every step.
func TestBucketsInGoAndSQLAreTheSame(t *testing.T) {
	conn := database(t)
	var ns []int64
	for i := int32(-1); i < 52*64; i++ {
		_, bound := histogram.Bounds(i)
		for d := int64(-2); d <= 2; d++ {
			if v := int64(bound) + d; v >= 0 {
				ns = append(ns, v)
			}
		}
	}
	sqls := map[string]string{"query": "if(v > 0, toInt16(ceil(log2(assumeNotNull(v)) * 64) - 1), -2)"}
	text, err := os.ReadFile("../store/sql/hour.sql")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "v -> toInt16(")
	require.True(t, found)
	rest, _, _ = strings.Cut(rest, ") AS bucket")
	sqls["store"] = "toInt16(" + rest + ")"
	for name, sql := range sqls {
		var got []int16
		row := conn.QueryRow(t.Context(), "SELECT arrayMap(v -> "+sql+", {ns:Array(Int64)})", clickhouse.Named("ns", ns))
		require.NoError(t, row.Scan(&got))
		for i, v := range ns {
			require.EqualValues(t, histogram.Index(v), got[i], "%s: %d ns", name, v)
		}
	}
}

// Once requests are past their retention only hours are left of them, however
// few they were.
func TestDroppedRequestsAreAnsweredFromHours(t *testing.T) {
	from := noon.Add(-30 * time.Hour)
	e, all := stored(t, 71, 600, from, noon)
	rollUp(t, e.conn, from, noon)
	kept := noon.Truncate(24 * time.Hour)
	before, err := e.Breakdown(t.Context(), Breakdown{Scope: Scope{Range: Range{from.Add(17 * time.Minute), noon}}, Metrics: []Metric{Total}})
	require.NoError(t, err)
	require.Equal(t, TierRequests, before.Tier)
	for day := from.Truncate(24 * time.Hour); day.Before(kept); day = day.Add(24 * time.Hour) {
		require.NoError(t, e.conn.Exec(t.Context(), "ALTER TABLE requests DROP PARTITION '"+day.Format(time.DateOnly)+"'"))
	}

	scope := Scope{Range: Range{from.Add(17 * time.Minute), noon}}
	after, err := e.Breakdown(t.Context(), Breakdown{Scope: scope, Metrics: []Metric{Total}})
	require.NoError(t, err)
	assert.Equal(t, TierHours, after.Tier)
	assert.Equal(t, from.Add(time.Hour), after.Range.From, "of the first hour there is no part")
	assert.EqualValues(t, len(inRange(all, after.Range)), after.N)

	_, err = e.Breakdown(t.Context(), Breakdown{Scope: scope, GroupBy: []string{"engine"}})
	assert.Equal(t, CodeTooLarge, codeOf(err))
	assert.Contains(t, err.Error(), "kept by the hour only")
	_, err = e.TimeSeries(t.Context(), TimeSeries{Scope: scope, Step: 30 * time.Minute})
	assert.Equal(t, "step", err.(*Error).Parameter)
	scope.Range.From = kept.Add(time.Hour)
	recent, err := e.Breakdown(t.Context(), Breakdown{Scope: scope, GroupBy: []string{"engine"}})
	require.NoError(t, err)
	assert.Equal(t, TierRequests, recent.Tier)
	assert.EqualValues(t, len(inRange(all, scope.Range)), recent.N)
}
