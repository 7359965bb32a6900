package store

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/phase"
)

const vantages = "SELECT toUInt64(countIf(vantage = 'server') * 1000 + countIf(vantage = 'client')) FROM requests FINAL"

// oneCall is the client, HTTP and engine spans of one request.
func oneCall(g *generator, start time.Time) []piece {
	return g.call(g.traceID(), pcommon.SpanID{}, start)
}

func insert(t testing.TB, s *Store, pieces ...piece) {
	require.NoError(t, s.InsertTraces(context.Background(), merge(pieces)))
}

func TestServersRequestGoesWhenItsClientComes(t *testing.T) {
	conn := open(t)
	g := newGenerator(1)
	now := time.Now()
	for name, restart := range map[string]bool{"in memory": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			truncate(t, conn)
			call := oneCall(g, now.Add(-time.Minute))
			s := newStore(t, conn)
			insert(t, s, call[2])
			derive(t, s, now)
			require.EqualValues(t, 1000, count(t, conn, vantages), "the engine's own request, for now")
			if restart {
				s = newStore(t, conn)
			}
			insert(t, s, call[0], call[1])
			derive(t, s, now.Add(5*time.Second))
			require.EqualValues(t, 1, count(t, conn, vantages), "the client's, which the engine's is a part of")
		})
	}
}

func TestLateSpanDerivesItsRequestAgain(t *testing.T) {
	conn := open(t)
	g := newGenerator(2)
	now := time.Now()
	call := oneCall(g, now.Add(-3*time.Hour))
	s := newStore(t, conn)
	insert(t, s, call[0], call[1])
	derive(t, s, now)
	require.EqualValues(t, 0, count(t, conn, "SELECT count(queue_ns) FROM requests FINAL"))

	later := now.Add(2 * time.Hour) // long after the trace was let go
	derive(t, s, later)
	require.Zero(t, s.Status(t.Context()).Traces)
	insert(t, s, call[2])
	derive(t, s, later)
	require.EqualValues(t, 1, count(t, conn, "SELECT count(queue_ns) FROM requests FINAL"))
	require.EqualValues(t, 3*1000+phase.Revision, count(t, conn, "SELECT version FROM requests FINAL"))
}

// While a step is under way, what it took from the inbox still waits.
func TestLagCountsTheStepUnderWay(t *testing.T) {
	conn := open(t)
	s := newStore(t, conn)
	now := time.Now()
	derive(t, s, now)
	insert(t, s, oneCall(newGenerator(7), now.Add(-time.Minute))...)
	s.deriver.drain(now)
	require.Positive(t, s.Status(t.Context()).DeriveLag)
	derive(t, s, now.Add(10*time.Second))
	require.Zero(t, s.Status(t.Context()).DeriveLag)
}

func TestRestartDerivesWhatWasNot(t *testing.T) {
	conn := open(t)
	g := newGenerator(3)
	now := time.Now()
	crashed := newStore(t, conn)
	derive(t, crashed, now)
	insert(t, crashed, oneCall(g, now.Add(-time.Minute))...)
	require.Zero(t, count(t, conn, "SELECT count() FROM requests"))
	now = time.Now() // past the insert, however long that took

	s := newStore(t, conn)
	s.pace.takeover, s.pace.skew = 0, 0
	derive(t, s, now.Add(time.Second))
	require.EqualValues(t, 1, count(t, conn, vantages))

	// What is derived already is not derived at the next start.
	require.NoError(t, s.deriver.record(t.Context(), now.Add(time.Minute), true))
	next := newStore(t, conn)
	next.pace.skew = 0
	derive(t, next, now.Add(2*time.Minute))
	require.Zero(t, next.Status(t.Context()).SpansRead)
}

func TestSilentStoresSpansAreTakenOver(t *testing.T) {
	conn := open(t)
	g := newGenerator(4)
	now := time.Now()
	silent, other := newStore(t, conn), newStore(t, conn)
	derive(t, silent, now)
	derive(t, other, now)
	derive(t, silent, now.Add(6*time.Second)) // it says that it lives
	insert(t, silent, oneCall(g, now.Add(-time.Minute))...)
	derive(t, other, now.Add(10*time.Second))
	require.Zero(t, count(t, conn, "SELECT count() FROM requests"), "while a store lives, its spans are its own to derive")

	other.pace.takeover = 0
	other.pace.skew = time.Minute // since the times of this test are not the engine's
	other.deriver.looks.next = time.Time{}
	derive(t, other, now.Add(20*time.Second))
	require.EqualValues(t, 1, count(t, conn, vantages))
}

func TestSpansOfStoresThatDeriveNothing(t *testing.T) {
	conn := open(t)
	g := newGenerator(5)
	now := time.Now()
	ingest := newStore(t, conn, func(c *Config) { c.Derive = false })
	s := newStore(t, conn)
	derive(t, s, now)
	insert(t, ingest, oneCall(g, now.Add(-time.Minute))...)
	require.Zero(t, ingest.Status(t.Context()).DeriveLag)
	derive(t, s, now.Add(10*time.Second))
	require.EqualValues(t, 1, count(t, conn, vantages))
	require.Error(t, ingest.Run(t.Context()))
}

// TestWorkIsLinear sends a large trace bit by bit over an hour: however it
// comes, its spans are derived at most twenty times on average.
func TestWorkIsLinear(t *testing.T) {
	conn := open(t)
	g := newGenerator(6)
	s := newStore(t, conn)
	start := time.Now().Add(-time.Hour)
	trace := g.traceID()
	var pieces []piece
	for i := range 400 {
		pieces = append(pieces, g.call(trace, pcommon.SpanID{}, start.Add(time.Duration(i)*9*time.Second))...)
	}
	require.NoError(t, s.deriver.step(t.Context(), start))
	for i, chunk := range slices.Collect(slices.Chunk(pieces, 12)) {
		insert(t, s, chunk...)
		derive(t, s, start.Add(time.Duration(i)*36*time.Second))
	}
	derive(t, s, start.Add(3*time.Hour))
	size := int64(len(pieces))
	status := s.Status(t.Context())
	require.LessOrEqual(t, status.SpansDerived, 20*size)
	require.LessOrEqual(t, status.SpansRead, 20*size)
	t.Logf("%d spans: %d derived, %d read back", size, status.SpansDerived, status.SpansRead)
	require.EqualValues(t, 400, count(t, conn, "SELECT count() FROM requests FINAL WHERE isNotNull(queue_ns)"))
	require.EqualValues(t, size*1000+phase.Revision, count(t, conn, "SELECT min(version) FROM requests FINAL"))
}

func TestOversizeTraceIsCappedAndHarmsNoOther(t *testing.T) {
	conn := open(t)
	g := newGenerator(7)
	s := newStore(t, conn, func(c *Config) { c.MaxTraceSpans = 100 })
	now := time.Now()
	trace := g.traceID()
	var pieces []piece
	for i := range 1_000 {
		pieces = append(pieces, g.call(trace, pcommon.SpanID{}, now.Add(-time.Hour+time.Duration(i)*time.Second))...)
	}
	for i, chunk := range slices.Collect(slices.Chunk(pieces, 600)) {
		insert(t, s, chunk...)
		derive(t, s, now.Add(time.Duration(i)*2*time.Second))
	}
	insert(t, s, oneCall(g, now.Add(-time.Minute))...)
	derive(t, s, now.Add(20*time.Second))
	derive(t, s, now.Add(22*time.Second))
	require.EqualValues(t, 1, count(t, conn, "SELECT count() FROM requests FINAL WHERE NOT has(flags, 'uncorrelated')"))
	require.EqualValues(t, 1_000, count(t, conn, "SELECT count() FROM requests FINAL WHERE has(flags, 'uncorrelated') AND vantage = 'client'"))
	require.EqualValues(t, 1_000, count(t, conn, "SELECT count() FROM requests FINAL WHERE has(flags, 'uncorrelated') AND vantage = 'server'"))
	require.EqualValues(t, 101*1000+phase.Revision, count(t, conn, "SELECT max(version) FROM requests FINAL"))
	status := s.Status(t.Context())
	require.GreaterOrEqual(t, status.Counts[ReasonTraceTooLarge], int64(len(pieces)))
	require.LessOrEqual(t, status.SpansDerived, int64(3*len(pieces)))
	require.Less(t, status.HeldSpans, 200)

	// The rows do not depend on what had come when the cap was passed.
	want := requestRows(t, conn)
	truncate(t, conn)
	again := newStore(t, conn, func(c *Config) { c.MaxTraceSpans = 100 })
	insert(t, again, pieces...)
	insert(t, again, oneCall(newGenerator(8), now.Add(-time.Minute))...)
	for i := range 4 {
		derive(t, again, now.Add(time.Duration(i)*2*time.Second))
	}
	got := requestRows(t, conn)
	own := func(row string) bool { return !slices.Contains(want, row) }
	require.Len(t, slices.DeleteFunc(got, func(row string) bool { return !own(row) }), 1)
}

func TestOneIDForEverything(t *testing.T) {
	conn := open(t)
	g := newGenerator(9)
	s := newStore(t, conn)
	now := time.Now()
	call := oneCall(g, now.Add(-time.Minute))
	id := call[0].span().SpanID()
	for _, p := range call {
		p.span().SetSpanID(id)
		p.span().SetParentSpanID(id)
	}
	insert(t, s, call...)
	insert(t, s, call...)
	derive(t, s, now)
	require.LessOrEqual(t, count(t, conn, "SELECT count() FROM requests FINAL"), uint64(1))
}

func TestTwoContentsOfOneSpan(t *testing.T) {
	conn := open(t)
	now := time.Now()
	var rows [][]string
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		truncate(t, conn)
		call := oneCall(newGenerator(10), now.Truncate(time.Hour).Add(-time.Hour))[:1]
		other := ptrace.NewTraces()
		call[0].td.CopyTo(other)
		longer := piece{other}
		longer.span().SetEndTimestamp(longer.span().EndTimestamp() + pcommon.Timestamp(30*time.Second))
		contents := []piece{call[0], longer}
		s := newStore(t, conn)
		for i, which := range order {
			insert(t, s, contents[which])
			derive(t, s, now.Add(time.Duration(i)*3*time.Second))
		}
		rows = append(rows, requestRows(t, conn))
	}
	require.Len(t, rows[0], 1)
	require.Equal(t, rows[0], rows[1])
}

func TestObserverSeesEachRequestOnce(t *testing.T) {
	conn := open(t)
	g := newGenerator(11)
	now := time.Now()
	var seen []phase.Request
	s := newStore(t, conn, func(c *Config) { c.Observer = func(r *phase.Request) { seen = append(seen, *r) } })
	call := oneCall(g, now)
	insert(t, s, call[2])
	derive(t, s, now)
	insert(t, s, call[:2]...)
	derive(t, s, now.Add(4*time.Second))
	require.Empty(t, seen)
	derive(t, s, now.Add(16*time.Second))
	require.Len(t, seen, 1)
	require.Equal(t, phase.VantageClient, seen[0].Vantage)
	require.True(t, seen[0].Queue.Known())

	insert(t, s, call...) // the same again
	derive(t, s, now.Add(30*time.Second))
	require.Len(t, seen, 1)
	require.Zero(t, s.Status(t.Context()).Corrected)

	// A correction is counted, and not observed.
	longer := ptrace.NewTraces()
	call[0].td.CopyTo(longer)
	correction := piece{longer}
	correction.span().SetEndTimestamp(correction.span().EndTimestamp() + pcommon.Timestamp(time.Second))
	hash := func(p piece) uint32 { return s.Encode(p.td).parts[0].block.hashes[0] }
	for hash(correction) <= hash(call[0]) { // of two contents of a span, the one with the larger hash wins
		correction.span().SetEndTimestamp(correction.span().EndTimestamp() + 1)
	}
	insert(t, s, correction)
	derive(t, s, now.Add(40*time.Second))
	derive(t, s, now.Add(5*time.Minute))
	require.Len(t, seen, 1)
	require.EqualValues(t, 1, s.Status(t.Context()).Corrected)
}

func TestMemoryIsBounded(t *testing.T) {
	conn := open(t)
	g := newGenerator(12)
	s := newStore(t, conn, func(c *Config) { c.MaxHeldSpans = 50 })
	now := time.Now()
	for i := range 10 {
		var pieces []piece
		for range 20 {
			pieces = append(pieces, oneCall(g, now)...)
		}
		insert(t, s, pieces...)
		derive(t, s, now.Add(time.Duration(i)*2*time.Second))
		require.LessOrEqual(t, s.Status(t.Context()).HeldSpans, 50)
	}
	require.EqualValues(t, 200, count(t, conn, vantages))
}
