package store

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
	"github.com/phaseline/phaseline/migrations"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// fewer limits the cases of a property test in which each takes the engine half a
// second; -rapid.checks given by hand wins.
func fewer(t *testing.T, cases int) {
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() != checks.DefValue {
		return
	}
	require.NoError(t, checks.Value.Set(strconv.Itoa(cases)))
	t.Cleanup(func() { _ = checks.Value.Set(checks.DefValue) })
}

const day = 24 * time.Hour

var retention = migrations.Retention{Spans: 7 * day, Requests: 35 * day, Hours: 400 * day}

// open returns a connection to an empty database with every table.
func open(t testing.TB) driver.Conn {
	conn := embeddedtest.Start(t)
	require.NoError(t, migrations.Run(t.Context(), conn, migrations.Options{Retention: retention}))
	return conn
}

// newStore returns a store on conn that derives.
func newStore(t testing.TB, conn driver.Conn, change ...func(*Config)) *Store {
	reader := dialect.NewReader(dialect.Options{TenantAttribute: "tenant", Attributes: []string{"route"}})
	config := Config{Retention: retention, Derive: true, DeadLetterFile: filepath.Join(t.TempDir(), "dead.jsonl")}
	for _, c := range change {
		c(&config)
	}
	return New(conn, reader, config, zap.NewNop())
}

// fixture reads spans from OTLP/JSON and moves them so that the first starts at start.
func fixture(t testing.TB, path string, start time.Time) ptrace.Traces {
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(raw)
	require.NoError(t, err)
	first := pcommon.Timestamp(1<<63 - 1)
	eachSpan(td, func(span ptrace.Span) { first = min(first, span.StartTimestamp()) })
	move := pcommon.NewTimestampFromTime(start) - first
	eachSpan(td, func(span ptrace.Span) {
		span.SetStartTimestamp(span.StartTimestamp() + move)
		span.SetEndTimestamp(span.EndTimestamp() + move)
		for i := range span.Events().Len() {
			event := span.Events().At(i)
			event.SetTimestamp(event.Timestamp() + move)
		}
	})
	return td
}

func eachSpan(td ptrace.Traces, visit func(ptrace.Span)) {
	for _, resource := range td.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				visit(span)
			}
		}
	}
}

// derive lets the deriver take in what came by now, and derive it.
func derive(t testing.TB, s *Store, now time.Time) {
	require.NoError(t, s.deriver.step(context.Background(), now))
	require.NoError(t, s.deriver.step(context.Background(), now.Add(s.pace.promptly)))
}

func count(t testing.TB, conn driver.Conn, query string, arguments ...any) (n uint64) {
	require.NoError(t, conn.QueryRow(context.Background(), query, arguments...).Scan(&n))
	return n
}

func TestSpansBecomeRequests(t *testing.T) {
	conn := open(t)
	s := newStore(t, conn)
	now := time.Now()
	td := fixture(t, "../sample/trace.json", now.Add(-time.Minute))
	require.NoError(t, s.InsertTraces(t.Context(), td))
	require.EqualValues(t, td.SpanCount(), count(t, conn, "SELECT count() FROM spans"))
	derive(t, s, now)
	require.NotZero(t, count(t, conn, "SELECT count() FROM requests FINAL"))
	status := s.Status(t.Context())
	require.Zero(t, status.DeriveLag)
	require.Empty(t, status.Counts)
}
