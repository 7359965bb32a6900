package accuracy

import (
	"cmp"
	"context"
	"database/sql"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
	"github.com/phaseline/phaseline/internal/histogram"
	"github.com/phaseline/phaseline/internal/phase"
	"github.com/phaseline/phaseline/internal/query"
	"github.com/phaseline/phaseline/internal/simulate"
	"github.com/phaseline/phaseline/internal/store"
	"github.com/phaseline/phaseline/migrations"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// What the store holds in the end is what decomposition says, and so the truth:
// through the real engine, in exports of many senders that come in any order.
func TestStoredTruth(t *testing.T) {
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

	from := time.Now().Add(-20 * time.Minute).UnixNano()
	sim, err := simulate.New(simulate.GroundTruth(), seed, from)
	if err != nil {
		t.Fatal(err)
	}
	truths := map[[16]byte]*simulate.Truth{}
	sim.Truths = func(tr *simulate.Truth) { truths[tr.TraceID] = tr }
	deliveries := append(sim.Advance(from+int64(10*time.Minute)), sim.Flush()...)
	rand.New(rand.NewPCG(seed, 1)).Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
	for _, td := range simulate.Merge(deliveries, 2000) {
		if err := s.InsertTraces(ctx, td); err != nil {
			t.Fatal(err)
		}
	}

	// Derivation follows within seconds; the last look has the last word.
	var o *outcome
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(500 * time.Millisecond) {
		o = &outcome{byEvidence: map[string]*tally{}}
		rows := stored(t, ctx, conn)
		for id, tr := range truths {
			o.requests++
			o.compare(tr, phase.Result{Requests: rows[id]})
		}
		if o.violated == 0 || time.Now().After(deadline) {
			break
		}
	}
	for _, v := range o.violations {
		t.Error(v)
	}
	if o.requests < 5000 || o.lostSpans == 0 {
		t.Errorf("the test lost its teeth: %d requests, %d of them lost spans", o.requests, o.lostSpans)
	}
	askCompositions(t, ctx, conn, time.Unix(0, from), o)
}

// askCompositions compares the breakdown that people see, a service's total at
// a percentile and the parts of the requests around it, with the truth.
func askCompositions(t *testing.T, ctx context.Context, conn driver.Conn, from time.Time, o *outcome) {
	t.Helper()
	answer, err := query.New(conn, query.Limits{}).Composition(ctx, query.Composition{
		Scope:  query.Scope{Range: query.Range{From: from.Add(-time.Minute), To: from.Add(19 * time.Minute)}},
		Metric: query.Total, GroupBy: []string{"service"}, Quantiles: []float64{0.5, 0.9, 0.95}, Limit: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	byService := map[string][]pair{}
	for _, y := range o.byEvidence {
		for _, p := range y.rows {
			if p.answer.Outcome == phase.OutcomeOK {
				byService[p.service] = append(byService[p.service], p)
			}
		}
	}
	compared := 0
	for _, g := range answer.Groups {
		rows := byService[g.Labels[0].Value]
		if len(rows) == 0 || !g.CompleteOnly {
			continue // an engine, whose rows lost their client; or a client without one
		}
		slices.SortFunc(rows, func(a, b pair) int { return cmp.Compare(a.answer.Total, b.answer.Total) })
		whole := rows
		rows = slices.DeleteFunc(slices.Clone(rows), func(p pair) bool {
			known := answers(&p.answer)
			return slices.Contains(known[:ttft], phase.Unknown)
		})
		if int64(len(whole)) != g.N || int64(len(rows)) != g.Complete {
			t.Errorf("%s: %d requests, %d complete; truly %d and %d", g.Labels[0].Value, g.N, g.Complete, len(whole), len(rows))
			continue
		}
		for _, c := range g.Compositions {
			if truth := whole[histogram.Rank(c.Q, g.N)].expect.Total; distance(*c.ValueNS, truth) > tolerance {
				t.Errorf("%s: p%g is %d, truly %d", g.Labels[0].Value, 100*c.Q, *c.ValueNS, truth)
			}
			if c.WindowTooSmall {
				t.Errorf("%s: p%g rests on %d requests only", g.Labels[0].Value, 100*c.Q, c.Window)
				continue
			}
			var truth [4]float64
			for _, r := range rows[c.FromRank:c.ToRank] {
				for i, e := range []simulate.Expected{r.expect.Network, r.expect.Queue, r.expect.Prefill, r.expect.Decode} {
					if e.Want == simulate.Untold {
						e.NS = int64(answers(&r.answer)[i])
					}
					truth[i] += float64(e.NS) / float64(c.Window)
				}
			}
			for i := range truth {
				compared++
				if d := float64(c.Parts[i].MeanNS) - truth[i]; max(d, -d) > float64(tolerance) || string(c.Parts[i].Part) != part(i).String() {
					t.Errorf("%s: %s around p%g is %d, truly %.0f", g.Labels[0].Value, c.Parts[i].Part, 100*c.Q, c.Parts[i].MeanNS, truth[i])
				}
			}
		}
	}
	if compared < 100 {
		t.Errorf("the test lost its teeth: %d parts compared", compared)
	}
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
