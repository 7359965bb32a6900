package query

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/histogram"
)

// stored is a database with rows, some of them stored in several versions, and
// what of them is to be seen.
func stored(t testing.TB, seed uint64, n int, from, to time.Time) (*Engine, []row) {
	t.Helper()
	conn := database(t)
	random := rand.New(rand.NewPCG(seed, 1))
	rows := generate(random, n, from, to)
	insert(t, conn, rows)
	newer := later(random, rows)
	insert(t, conn, newer)
	return New(conn, Limits{}), visible(append(rows, newer...))
}

// later returns newer versions of some rows, tombstones of some, repeats some.
func later(random *rand.Rand, rows []row) []row {
	var newer []row
	for _, r := range rows {
		switch random.IntN(10) {
		case 0:
			r.version, r.deleted = r.version+1000, true
		case 1:
			other := draw(random, r.End)
			other.TraceID, other.SpanID, other.Service, other.version = r.TraceID, r.SpanID, r.Service, r.version+1000
			r = other
		case 2:
		default:
			continue
		}
		newer = append(newer, r)
	}
	return newer
}

func TestBreakdownAgreesWithTheReference(t *testing.T) {
	// Over midnight, so that the range touches two partitions.
	midnight := noon.Truncate(24 * time.Hour)
	e, all := stored(t, 1, 6000, midnight.Add(-90*time.Minute), midnight.Add(90*time.Minute))
	scope := Scope{Range: Range{midnight.Add(-time.Hour), midnight.Add(20 * time.Minute)}}
	rows := inRange(all, scope.Range)

	tests := map[string]Breakdown{
		"everything":    {},
		"three":         {GroupBy: []string{"service", "model", "outcome"}, Limit: 1000},
		"failed too":    {Scope: Scope{IncludeFailed: true}, GroupBy: []string{"version"}},
		"attribute":     {GroupBy: []string{"attributes.route"}},
		"absent":        {GroupBy: []string{"attributes.absent"}},
		"computed":      {GroupBy: []string{"streaming", "cache", "input_bucket"}, Limit: 1000},
		"evidence":      {GroupBy: []string{"vantage", "ttft_source", "ttft_kind"}},
		"two quantiles": {Quantiles: []float64{0.999, 0.001}, Metrics: []Metric{Queue}},
	}
	for name, question := range tests {
		t.Run(name, func(t *testing.T) {
			question.Range = scope.Range
			answer, err := e.Breakdown(t.Context(), question)
			require.NoError(t, err)
			assert.Equal(t, TierRequests, answer.Tier)
			assert.Zero(t, answer.ErrorBound)
			assert.EqualValues(t, len(rows), answer.N)
			want := groupsOf(rows, question.GroupBy...)
			require.Len(t, answer.Groups, len(want))
			previous := answer.Groups[0].Counts.N
			for _, g := range answer.Groups {
				checkGroup(t, g, want[keyOf(g.Labels)], question)
				assert.LessOrEqual(t, g.Counts.N, previous, "the busiest first")
				previous = g.Counts.N
			}
		})
	}
}

func checkGroup(t *testing.T, g BreakdownGroup, rows []row, question Breakdown) {
	t.Helper()
	assert.Equal(t, outcomes(rows), g.Counts)
	assert.InDelta(t, float64(len(rows))/question.Range.length().Seconds(), g.RatePerSecond, 1e-9)
	assert.InDelta(t, float64(g.Counts.Errors)/float64(len(rows)), *g.ErrorRate, 1e-9)
	for _, d := range g.Metrics {
		want := values(rows, d.Metric, question.IncludeFailed)
		assert.EqualValues(t, len(want), d.N, d.Metric)
		assert.Equal(t, meanOf(want), d.MeanNS, d.Metric)
		for _, q := range d.Quantiles {
			assert.Equal(t, quantileOf(want, q.Q), q.ValueNS, "%s %g", d.Metric, q.Q)
			assert.Equal(t, histogram.Required(q.Q), q.Required)
			if q.TooSmall {
				assert.Nil(t, q.LowNS)
				continue
			}
			assert.LessOrEqual(t, *q.LowNS, *q.ValueNS)
			assert.GreaterOrEqual(t, *q.HighNS, *q.ValueNS)
			assert.GreaterOrEqual(t, *q.Overdispersion, 1.)
		}
	}
	for _, m := range []Metric{Total, TTFT} {
		parts := g.TotalParts
		if m == TTFT {
			parts = g.TTFTParts
		}
		whole := values(rows, m, question.IncludeFailed)
		if len(whole) == 0 {
			assert.Empty(t, parts)
			continue
		}
		var sum int64
		for i, p := range parts[:len(parts)-1] {
			var known []int64
			var total int64
			for _, r := range rows {
				if ns := r.parts(m)[i]; ns != nil && r.counts(question.IncludeFailed) && r.of(m) != nil {
					known = append(known, *ns)
					total += *ns
				}
			}
			assert.InDelta(t, float64(total)/float64(len(whole)), float64(p.MeanNS), 1, "%s of %s", p.Part, m)
			assert.InDelta(t, float64(len(known))/float64(len(whole)), p.Coverage, 1e-9)
		}
		for _, p := range parts {
			sum += p.MeanNS
		}
		assert.Equal(t, *meanOf(whole), sum, "the parts of %s add up to its mean", m)
	}
}

func TestBreakdownFilters(t *testing.T) {
	e, all := stored(t, 2, 2000, noon.Add(-time.Hour), noon)
	tests := map[string]func(row) bool{
		"model=llama-70b":                      func(r row) bool { return r.Model == "llama-70b" },
		"model=":                               func(r row) bool { return r.Model == "" },
		"model!=llama-70b":                     func(r row) bool { return r.Model != "llama-70b" },
		"service=~chat.*|search":               func(r row) bool { return r.Service == "chat-api" || r.Service == "search" },
		"service=~chat":                        func(row) bool { return false },
		`service=~\Qchat-api`:                  func(r row) bool { return r.Service == "chat-api" },
		"service in chat-api,agent":            func(r row) bool { return r.Service == "chat-api" || r.Service == "agent" },
		"outcome=error":                        func(r row) bool { return r.Outcome == "error" },
		"outcome=no such":                      func(row) bool { return false },
		"streaming=":                           func(r row) bool { return r.Streaming == nil },
		"attributes.route=/chat":               func(r row) bool { return r.Attributes["route"] == "/chat" },
		"attributes.absent=":                   func(row) bool { return true },
		"flag=error":                           func(r row) bool { return len(r.Flags) > 0 },
		"flag!=error":                          func(r row) bool { return len(r.Flags) == 0 },
		"flag=~err.*":                          func(r row) bool { return len(r.Flags) > 0 },
		"flag in error,cancelled":              func(r row) bool { return len(r.Flags) > 0 },
		"trace_id=" + all[0].TraceID:           func(r row) bool { return r.TraceID == all[0].TraceID },
		"trace_id in " + all[0].TraceID + ",x": func(r row) bool { return r.TraceID == all[0].TraceID },
		"input_bucket=4096-16383":              func(r row) bool { return r.dimension("input_bucket") == "4096-16383" },
	}
	for text, keep := range tests {
		t.Run(text, func(t *testing.T) {
			f, err := ParseFilter(text)
			require.NoError(t, err)
			want := int64(0)
			for _, r := range all {
				if keep(r) {
					want++
				}
			}
			answer, err := e.Breakdown(t.Context(), Breakdown{Scope: Scope{Range: Range{noon.Add(-time.Hour), noon}, Filters: []Filter{f}}, Metrics: []Metric{Total}})
			require.NoError(t, err)
			assert.Equal(t, want, answer.N)
		})
	}
}

func TestBreakdownSortsAndCuts(t *testing.T) {
	e, all := stored(t, 3, 2000, noon.Add(-time.Hour), noon)
	scope := Scope{Range: Range{noon.Add(-time.Hour), noon}}
	for _, sort := range []string{"n", "-n", "errors", "-errors", "ttft", "-total", "queue"} {
		answer, err := e.Breakdown(t.Context(), Breakdown{Scope: scope, GroupBy: []string{"service", "model", "version"}, Sort: sort, Limit: 7})
		require.NoError(t, err)
		require.Len(t, answer.Groups, 7)
		assert.EqualValues(t, len(groupsOf(all, "service", "model", "version"))-7, answer.Omitted)
		assert.EqualValues(t, len(all), answer.N, "the omitted ones are in N")
		o, err := checkOrder(sort, Metrics)
		require.NoError(t, err)
		for i := range answer.Groups[1:] {
			assert.LessOrEqual(t, o.compare(answer.Groups[i], answer.Groups[i+1]), 0, sort)
		}
	}
}

func TestNothingStored(t *testing.T) {
	e := New(database(t), Limits{})
	s := Scope{Range: Range{noon.Add(-time.Hour), noon}}
	breakdown, err := e.Breakdown(t.Context(), Breakdown{Scope: s, GroupBy: []string{"model"}})
	require.NoError(t, err)
	assert.Empty(t, breakdown.Groups)
	assert.Nil(t, breakdown.Coverage.TTFT, "no share of nothing")
	series, err := e.TimeSeries(t.Context(), TimeSeries{Scope: s})
	require.NoError(t, err)
	assert.Empty(t, series.Series)
	heatmap, err := e.Heatmap(t.Context(), Heatmap{Scope: s})
	require.NoError(t, err)
	assert.Empty(t, heatmap.Buckets)
	composed, err := e.Composition(t.Context(), Composition{Scope: s})
	require.NoError(t, err)
	assert.Empty(t, composed.Groups)
	compared, err := e.Compare(t.Context(), Compare{A: s, B: s})
	require.NoError(t, err)
	assert.Nil(t, compared.Mix.WithinNS)
	assert.Nil(t, compared.Mean, "no difference of nothing")
	list, err := e.Requests(t.Context(), Requests{Scope: s})
	require.NoError(t, err)
	assert.Empty(t, list.Requests)
	quality, err := e.Quality(t.Context(), Quality{Scope: s})
	require.NoError(t, err)
	assert.Empty(t, quality.Services)
	found, err := e.Distinguish(t.Context(), Distinguish{Scope: s, Selection: Rectangle{Range: s.Range}})
	require.NoError(t, err)
	assert.Empty(t, found.Values)
	_, err = e.Request(t.Context(), RequestID{TraceID: "00000000000000000000000000000001"})
	assert.Equal(t, CodeNotFound, codeOf(err))
}

func codeOf(err error) Code {
	if known, ok := err.(*Error); ok {
		return known.Code
	}
	return ""
}
