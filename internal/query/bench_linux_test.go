package query

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// BenchmarkQuestions asks what people ask of five days of requests in 40
// series, and says what processor time that takes here and in the store.
// PHASELINE_BENCH_REQUESTS says how many requests, by default a million:
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
			ours, stores := processorTimes(b)
			for range b.N {
				began := time.Now()
				_, err := q.ask()
				require.NoError(b, err)
				took = append(took, time.Since(began))
			}
			ours2, stores2 := processorTimes(b)
			b.ReportMetric((ours2-ours).Seconds()*1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric((stores2-stores).Seconds()*1000/float64(b.N), "store-cpu-ms/op")
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		})
	}
}

// processorTimes are what this process and the store's, its child, have taken.
func processorTimes(b *testing.B) (ours, stores time.Duration) {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(b, err)
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the thread ended
		}
		require.NoError(b, err)
		for _, child := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(child)
			require.NoError(b, err)
			stores += processorTime(b, pid)
		}
	}
	return processorTime(b, os.Getpid()), stores
}

// processorTime asks the clock that every process has; see clock_getcpuclockid(3).
func processorTime(b *testing.B, pid int) time.Duration {
	var t unix.Timespec
	require.NoError(b, unix.ClockGettime(int32(^pid<<3|2), &t))
	return time.Duration(t.Nano())
}
