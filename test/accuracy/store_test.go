package accuracy

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
	"github.com/phaseline/phaseline/internal/phase"
	"github.com/phaseline/phaseline/internal/simulate"
	"github.com/phaseline/phaseline/internal/store"
	"github.com/phaseline/phaseline/migrations"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// traffic is what was simulated and sent.
type traffic struct {
	truths                      []*simulate.Truth
	spans, deliveries, repeated int
}

// simulated is when the traffic begins for the simulation; a fixed time, so that
// it is the same traffic every day.
var simulated = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// send simulates about n requests, ten minutes at a time, and inserts their spans
// as if all this happened later, by a number of days.
func send(ctx context.Context, s *store.Store, n int, seed uint64, later time.Duration) (*traffic, error) {
	sent := &traffic{}
	shuffle := rand.New(rand.NewPCG(seed, 7))
	for len(sent.truths) < n {
		seed++
		sim, err := simulate.New(simulate.GroundTruth(), seed, simulated.UnixNano())
		if err != nil {
			return nil, err
		}
		sim.Truths = func(t *simulate.Truth) { sent.truths = append(sent.truths, t) }
		deliveries := append(sim.Advance(simulated.Add(10*time.Minute).UnixNano()), sim.Flush()...)
		// The order of arrival is already that of separate exporters with delays;
		// shuffled on top of it, nothing can rest on order.
		shuffle.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
		sent.deliveries += len(deliveries)
		before := map[ptrace.Traces]bool{}
		for _, d := range deliveries {
			if before[d.Traces] {
				sent.repeated++
			}
			before[d.Traces] = true
		}
		for _, td := range simulate.Merge(deliveries, 8000) { // as the exporter's queue batches them
			sent.spans += td.SpanCount()
			move(td, later)
			if err := s.InsertTraces(ctx, td); err != nil {
				return nil, err
			}
		}
	}
	return sent, nil
}

// move shifts every time of the spans.
func move(td ptrace.Traces, by time.Duration) {
	moved := func(t pcommon.Timestamp) pcommon.Timestamp { return t + pcommon.Timestamp(by) }
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				span.SetStartTimestamp(moved(span.StartTimestamp()))
				span.SetEndTimestamp(moved(span.EndTimestamp()))
				for _, e := range span.Events().All() {
					e.SetTimestamp(moved(e.Timestamp()))
				}
			}
		}
	}
}

// measure sends the traffic through the real store, and judges what that holds in
// the end: the requests, and the answers about their percentiles.
func measure(t *testing.T, n int, seed uint64) (*traffic, *verdict) {
	conn := embeddedtest.Start(t)
	if err := migrations.Run(t.Context(), conn, migrations.Options{}); err != nil {
		t.Fatal(err)
	}
	s := store.New(conn, dialect.NewReader(dialect.Options{}), store.Config{Derive: true}, zap.NewNop())
	ctx, cancel := context.WithCancel(t.Context())
	var loops sync.WaitGroup
	loops.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer func() { cancel(); loops.Wait() }()

	// On the last day on which that hour is over.
	later := time.Since(simulated.Add(2 * time.Hour)).Truncate(24 * time.Hour)
	sent, err := send(ctx, s, n, seed, later)
	if err != nil {
		t.Fatal(err)
	}
	// However long a busy machine takes to derive them all, and the last look at
	// what came late has the last word.
	var v *verdict
	for range 10 {
		for s.Status(ctx).DeriveLag > 0 {
			time.Sleep(500 * time.Millisecond)
		}
		if v = judge(sent.truths, stored(t, ctx, conn)); v.violated == 0 {
			break
		}
		time.Sleep(5 * time.Second)
	}
	if err := v.askPercentiles(ctx, conn, simulated.Add(later)); err != nil {
		t.Error(err)
	}
	return sent, v
}

// stored reads what the comparison looks at.
func stored(t *testing.T, ctx context.Context, conn driver.Conn) map[[16]byte][]phase.Request {
	t.Helper()
	rows, err := conn.Query(ctx, `SELECT trace_id, span_id, toUInt8(outcome), total_ns, unattributed_ns,
		network_ns, queue_ns, prefill_ns, decode_ns, ttft_ns, flags FROM requests FINAL`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[[16]byte][]phase.Request{}
	for rows.Next() {
		var trace, span string
		var outcome uint8
		var total, rest int64
		var parts [5]sql.NullInt64
		var flags []string
		if err := rows.Scan(&trace, &span, &outcome, &total, &rest, &parts[0], &parts[1], &parts[2], &parts[3], &parts[4], &flags); err != nil {
			t.Fatal(err)
		}
		known := func(n sql.NullInt64) phase.Duration {
			if !n.Valid {
				return phase.Unknown
			}
			return phase.Duration(n.Int64)
		}
		r := phase.Request{
			TraceID: [16]byte([]byte(trace)), SpanID: [8]byte([]byte(span)), Outcome: phase.Outcome(outcome),
			Total: phase.Duration(total), Unattributed: phase.Duration(rest),
			Network: known(parts[0]), Queue: known(parts[1]), Prefill: known(parts[2]), Decode: known(parts[3]),
			TTFT: known(parts[4]), Flags: phase.ParseFlags(flags),
		}
		all[r.TraceID] = append(all[r.TraceID], r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
