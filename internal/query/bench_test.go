package query

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"
)

// BenchmarkQuestions asks what people ask of five days of requests in 40
// series. PHASELINE_BENCH_REQUESTS says how many, by default a million:
//
//	PHASELINE_BENCH_REQUESTS=10000000 go test ./internal/query -run - -bench Questions -benchtime 20x
func BenchmarkQuestions(b *testing.B) {
	requests := 1_000_000
	if text := os.Getenv("PHASELINE_BENCH_REQUESTS"); text != "" {
		var err error
		requests, err = strconv.Atoi(text)
		require.NoError(b, err)
	}
	conn := database(b)
	const days = 5
	from := noon.Truncate(24*time.Hour).AddDate(0, 0, -days)
	to := from.AddDate(0, 0, days)
	synthetic, err := os.ReadFile("../../bench/requests.sql")
	require.NoError(b, err)
	for day := range days {
		require.NoError(b, conn.Exec(b.Context(), string(synthetic), clickhouse.Named("from", from.AddDate(0, 0, day).UnixNano()), clickhouse.Named("n", uint64(requests/days))))
	}
	rollUp(b, conn, from, to)
	ask(b, New(conn, Limits{}), from, to)
}

// ask runs the questions on the days between from and to.
func ask(b *testing.B, e *Engine, from, to time.Time) {
	hour := Scope{Range: Range{to.Add(-3 * time.Hour), to.Add(-2 * time.Hour)}, Filters: []Filter{{"service", Equal, []string{"chat-api"}}}}
	day := Scope{Range: Range{to.Add(-25*time.Hour + 7*time.Minute), to.Add(-time.Hour + 7*time.Minute)}}
	all := Scope{Range: Range{from, to}}
	one, err := e.Requests(b.Context(), Requests{Scope: hour, Limit: 1})
	require.NoError(b, err)

	questions := []struct {
		name string
		ask  func() (any, error)
	}{
		{"breakdown of a service, 1 h", func() (any, error) {
			return e.Breakdown(b.Context(), Breakdown{Scope: hour, GroupBy: []string{"model"}})
		}},
		{"breakdown of TTFT of a service, 1 h", func() (any, error) {
			return e.Breakdown(b.Context(), Breakdown{Scope: hour, GroupBy: []string{"model"}, Metrics: []Metric{TTFT}})
		}},
		{"breakdown of everything, 24 h", func() (any, error) {
			return e.Breakdown(b.Context(), Breakdown{Scope: day, GroupBy: []string{"model"}})
		}},
		{"breakdown of TTFT of everything, 24 h", func() (any, error) {
			return e.Breakdown(b.Context(), Breakdown{Scope: day, GroupBy: []string{"model"}, Metrics: []Metric{TTFT}})
		}},
		{"breakdown of TTFT of everything, 5 d", func() (any, error) {
			return e.Breakdown(b.Context(), Breakdown{Scope: all, GroupBy: []string{"model"}, Metrics: []Metric{TTFT}})
		}},
		{"breakdown of everything, 5 d", func() (any, error) {
			return e.Breakdown(b.Context(), Breakdown{Scope: all, GroupBy: []string{"model"}})
		}},
		{"trace by id", func() (any, error) { return e.Request(b.Context(), RequestID{TraceID: one.Requests[0].TraceID}) }},
		{"slowest 50, 24 h", func() (any, error) { return e.Requests(b.Context(), Requests{Scope: day, Sort: "-total"}) }},
		{"newest 50, 24 h", func() (any, error) { return e.Requests(b.Context(), Requests{Scope: day}) }},
		{"composition, 1 h", func() (any, error) { return e.Composition(b.Context(), Composition{Scope: hour}) }},
		{"composition, 24 h", func() (any, error) { return e.Composition(b.Context(), Composition{Scope: day}) }},
		{"composition, 5 d", func() (any, error) { return e.Composition(b.Context(), Composition{Scope: all}) }},
		{"series, 1 h", func() (any, error) { return e.TimeSeries(b.Context(), TimeSeries{Scope: hour}) }},
		{"series, 24 h by 15 min", func() (any, error) { return e.TimeSeries(b.Context(), TimeSeries{Scope: day}) }},
		{"series, 24 h by 1 h", func() (any, error) { return e.TimeSeries(b.Context(), TimeSeries{Scope: day, Step: time.Hour}) }},
		{"heatmap, 1 h", func() (any, error) { return e.Heatmap(b.Context(), Heatmap{Scope: hour}) }},
		{"heatmap, 24 h by 15 min", func() (any, error) { return e.Heatmap(b.Context(), Heatmap{Scope: day}) }},
		{"compare, 1 h", func() (any, error) {
			before := hour
			before.Range = Range{hour.Range.From.Add(-time.Hour), hour.Range.From}
			return e.Compare(b.Context(), Compare{A: before, B: hour})
		}},
		{"distinguish, 1 h", func() (any, error) {
			return e.Distinguish(b.Context(), Distinguish{Scope: hour, Selection: Rectangle{Range: Range{hour.Range.From, hour.Range.From.Add(10 * time.Minute)}}})
		}},
		{"quality, 24 h", func() (any, error) { return e.Quality(b.Context(), Quality{day}) }},
		{"values of a dimension, 24 h", func() (any, error) {
			return e.DimensionValues(b.Context(), DimensionValues{Scope: day, Dimension: "model"})
		}},
	}
	for _, q := range questions {
		b.Run(q.name, func(b *testing.B) {
			var took []time.Duration
			for range b.N {
				began := time.Now()
				_, err := q.ask()
				require.NoError(b, err)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		})
	}
}
