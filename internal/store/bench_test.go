package store

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
	"github.com/phaseline/phaseline/migrations"
)

// traffic is exports of about 6,000 spans: client and HTTP spans together, the
// engine's in the export after.
func traffic(exports int, start time.Time) []ptrace.Traces {
	g := newGenerator(99)
	var list []ptrace.Traces
	var engines []piece
	for i := range exports {
		var clients []piece
		next := engines
		engines = nil
		for range 2_000 {
			call := oneCall(g, start.Add(time.Duration(i)*time.Second+time.Duration(g.random.IntN(1e9))))
			clients = append(clients, call[0], call[1])
			engines = append(engines, call[2])
		}
		list = append(list, export(append(clients, next...)))
	}
	return append(list, export(engines))
}

// export groups pieces by service and scope, as an SDK's or a collector's batch does.
func export(pieces []piece) ptrace.Traces {
	td := ptrace.NewTraces()
	scopes := map[string]ptrace.ScopeSpans{}
	for _, p := range pieces {
		resource := p.td.ResourceSpans().At(0)
		scope := resource.ScopeSpans().At(0)
		service, _ := resource.Resource().Attributes().Get("service.name")
		to, known := scopes[service.Str()+scope.Scope().Name()]
		if !known {
			r := td.ResourceSpans().AppendEmpty()
			resource.Resource().CopyTo(r.Resource())
			to = r.ScopeSpans().AppendEmpty()
			scope.Scope().CopyTo(to.Scope())
			scopes[service.Str()+scope.Scope().Name()] = to
		}
		p.span().CopyTo(to.Spans().AppendEmpty())
	}
	return td
}

// processorTime is what this process and the engine's have used so far.
func processorTime(b *testing.B, engine int) (own, engines time.Duration) {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	own = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", engine))
	require.NoError(b, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		ticks, err := strconv.ParseInt(field, 10, 64)
		require.NoError(b, err)
		engines += time.Duration(ticks) * 10 * time.Millisecond
	}
	return own, engines
}

// BenchmarkStore measures processor time for each span, from pdata to a merged request row.
func BenchmarkStore(b *testing.B) {
	db := embeddedtest.Open(b)
	require.NoError(b, migrations.Run(b.Context(), db.Conn, migrations.Options{Retention: retention}))
	s := newStore(b, db.Conn)
	s.deriver.known.since = 0
	exports := traffic(30, time.Now())
	spans := 0
	for _, td := range exports {
		spans += td.SpanCount()
	}
	own, engine := processorTime(b, db.Engine.PID())
	b.ResetTimer()
	for b.Loop() {
		for _, td := range exports {
			require.NoError(b, s.InsertTraces(context.Background(), td))
			require.NoError(b, s.deriver.step(context.Background(), s.now().Add(2*time.Second)))
		}
	}
	b.StopTimer()
	own2, engine2 := processorTime(b, db.Engine.PID())
	n := float64(b.N * spans)
	b.ReportMetric(float64(own2-own)/n, "ns-self/span")
	b.ReportMetric(float64(engine2-engine)/n, "ns-engine/span")
	b.ReportMetric(float64(s.Status(b.Context()).SpansDerived)/n, "derived/span")
	for _, table := range []string{"spans", "requests"} {
		require.NoError(b, db.Conn.Exec(b.Context(), "OPTIMIZE TABLE "+table+" FINAL"))
		b.ReportMetric(bytesPerRow(b, db.Conn, table), "B/row-"+table)
	}
}

func bytesPerRow(b *testing.B, conn driver.Conn, table string) float64 {
	var size float64
	require.NoError(b, conn.QueryRow(context.Background(), "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = ?", table).Scan(&size))
	return size
}
