package store

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// hasty is the default pace, forty times as fast.
func hasty() pace {
	p := defaultPace
	for _, d := range []*time.Duration{&p.step, &p.gather, &p.promptly, &p.firstWait, &p.observe, &p.hold, &p.look, &p.firstLook, &p.secondLook, &p.takeover, &p.skew, &p.rollup, &p.grace, &p.calm, &p.patience} {
		*d /= 40
	}
	// An insert may take a second on a busy machine, however fast the rest is.
	p.secondLook, p.takeover, p.calm = 3*time.Second, 4*time.Second, 3*time.Second
	p.rest = 1
	return p
}

// becomes waits until the rows are those wanted.
func becomes(t *testing.T, want []string, rows func() []string) {
	var got []string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(250 * time.Millisecond) {
		if got = rows(); slices.Equal(want, got) {
			return
		}
	}
	for i, row := range want {
		if i >= len(got) || row != got[i] {
			t.Fatalf("%d rows, not %d; row %d is\n%s\nnot\n%s", len(got), len(want), i, got[min(i, len(got)-1)], row)
		}
	}
	t.Fatalf("%d rows, not %d", len(got), len(want))
}

// TestStoresRunSideBySide lets three stores run as in production, but faster,
// while spans arrive at each of them from several goroutines, one of them is
// killed on the way, and another takes over.
func TestStoresRunSideBySide(t *testing.T) {
	conn := open(t)
	leaks := goleak.IgnoreCurrent()
	g := newGenerator(41)
	start := time.Now().Truncate(time.Hour).Add(-90 * time.Minute)
	var pieces []piece
	for i := range 60 {
		pieces = append(pieces, g.trace(start.Add(time.Duration(i)*20*time.Second))...)
	}
	reference := brisker(newStore(t, conn))
	insert(t, reference, pieces...)
	settleAll(t, []*Store{reference})
	want, wantHours := requestRows(t, conn), hourRows(t, conn)
	truncate(t, conn)

	g.random.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
	stores := make([]*Store, 3)
	stop := make([]context.CancelFunc, 3)
	var running, sending sync.WaitGroup
	for i := range stores {
		s := newStore(t, conn)
		s.pace = hasty()
		ctx, cancel := context.WithCancel(t.Context())
		stores[i], stop[i] = s, cancel
		running.Go(func() { _ = s.Run(ctx) })
	}
	for i, chunk := range slices.Collect(slices.Chunk(pieces, len(pieces)/3+1)) {
		sending.Go(func() {
			for n, part := range slices.Collect(slices.Chunk(chunk, 10)) {
				insert(t, stores[i], part...)
				if n%4 == 0 {
					insert(t, stores[(i+1)%3], part...) // twice, and elsewhere
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	sending.Wait()
	stop[0]()
	becomes(t, want, func() []string { return requestRows(t, conn) })
	becomes(t, wantHours, func() []string { return hourRows(t, conn) })
	for i := range stop {
		stop[i]()
	}
	running.Wait()
	for _, s := range stores {
		require.Empty(t, s.Status(t.Context()).LastError)
	}
	_ = conn.Close()
	goleak.VerifyNone(t, leaks, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}
