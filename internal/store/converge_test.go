package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// brisk is a pace at which nothing waits: every step looks at all that was
// written, and derives all that changed. Waits are counted in steps.
var brisk = pace{
	step: time.Millisecond, promptly: 0, firstWait: 0, observe: 0, hold: time.Hour,
	look: 0, firstLook: 0, secondLook: 0, takeover: time.Hour, skew: 5 * time.Second,
	rollup: time.Millisecond, grace: 0, calm: 0, patience: 0,
}

// dump returns a table's rows as text, in order, without the columns named.
func dump(t require.TestingT, conn driver.Conn, table string, without ...string) []string {
	rows, err := conn.Query(context.Background(), fmt.Sprintf(
		"SELECT formatRow('JSONEachRow', * EXCEPT (%s)) AS row FROM %s FINAL ORDER BY row", strings.Join(without, ", "), table))
	require.NoError(t, err)
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		lines = append(lines, line)
	}
	require.NoError(t, rows.Err())
	return lines
}

func requestRows(t require.TestingT, conn driver.Conn) []string {
	return dump(t, conn, "requests", "written")
}

func hourRows(t require.TestingT, conn driver.Conn) []string {
	return dump(t, conn, "hours", "written", "version") // the version is the newest written
}

func step(t require.TestingT, s *Store) {
	require.NoError(t, s.deriver.step(context.Background(), s.now()))
}

// settleAll steps until nothing changes any more.
func settleAll(t require.TestingT, stores []*Store) {
	for range 2 {
		for _, s := range stores {
			step(t, s)
		}
	}
	for _, s := range stores {
		require.Empty(t, s.deriver.agenda)
	}
	require.NoError(t, stores[0].rollup.step(context.Background(), stores[0].now()))
}

func truncate(t require.TestingT, conn driver.Conn) {
	for _, table := range []string{"spans", "requests", "hours", "progress"} {
		require.NoError(t, conn.Exec(context.Background(), "TRUNCATE TABLE "+table))
	}
}

// TestEveryScheduleEndsInTheSameRows sends the same spans in one export to one
// store, and then in random order, parts, repetitions and delays through several
// stores, some of which forget all they know on the way.
func TestEveryScheduleEndsInTheSameRows(t *testing.T) {
	fewer(t, 8)
	conn := open(t)
	start := time.Now().Truncate(time.Hour).Add(-3*time.Hour + 30*time.Minute)
	rapid.Check(t, func(rt *rapid.T) {
		g := newGenerator(rapid.Uint64().Draw(rt, "seed"))
		g.vary = func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "shape") }
		var pieces []piece
		for i := range rapid.IntRange(1, 6).Draw(rt, "traces") {
			pieces = append(pieces, g.trace(start.Add(time.Duration(i)*10*time.Minute))...)
		}

		truncate(rt, conn)
		reference := brisker(newStore(t, conn))
		require.NoError(rt, reference.InsertTraces(context.Background(), merge(pieces)))
		settleAll(rt, []*Store{reference})
		wantRequests, wantHours := requestRows(rt, conn), hourRows(rt, conn)
		if len(wantRequests) == 0 || len(wantHours) == 0 {
			rt.Fatal("nothing to compare")
		}

		truncate(rt, conn)
		stores := make([]*Store, rapid.IntRange(1, 3).Draw(rt, "stores"))
		for i := range stores {
			stores[i] = brisker(newStore(t, conn))
		}
		order := rapid.Permutation(indices(len(pieces))).Draw(rt, "order")
		for len(order) > 0 {
			n := rapid.IntRange(1, len(order)).Draw(rt, "part")
			part := make([]piece, n)
			for i := range part {
				part[i] = pieces[order[i]]
			}
			i := rapid.IntRange(0, len(stores)-1).Draw(rt, "store")
			require.NoError(rt, stores[i].InsertTraces(context.Background(), merge(part)))
			switch rapid.IntRange(0, 7).Draw(rt, "then") {
			case 0: // the same once more, perhaps elsewhere: order keeps them
				continue
			case 1, 2, 3:
				step(rt, stores[rapid.IntRange(0, len(stores)-1).Draw(rt, "who")])
			case 4:
				settleAll(rt, stores)
			case 5: // a crash: the store starts anew
				stores[i] = brisker(newStore(t, conn))
			case 6: // it lets go of everything
				step(rt, stores[i])
				stores[i].pace.hold = 0
				step(rt, stores[i])
				stores[i].pace.hold = time.Hour
			}
			order = order[n:]
		}
		settleAll(rt, stores)
		sameRows(rt, wantRequests, requestRows(rt, conn))
		sameRows(rt, wantHours, hourRows(rt, conn))
	})
}

// sameRows shows the first rows that differ, instead of all.
func sameRows(t *rapid.T, want, got []string) {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			t.Fatalf("row %d of %d is\n%s\nnot\n%s", i, len(want), got[i], want[i])
		}
	}
	if len(want) != len(got) {
		t.Fatalf("%d rows, not %d", len(got), len(want))
	}
}

func brisker(s *Store) *Store {
	s.pace = brisk
	return s
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
