package query

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An engine that remembers hours answers as one that does not, whatever happens to
// the hours between two questions: requests come late, turn out to be none, all of
// a series vanish, an hour is computed again with the version it had.
func TestRememberedHoursAreNeverStale(t *testing.T) {
	from := noon.Add(-30 * time.Hour)
	conn := database(t)
	random := newRandom(90)
	all := generate(random, 3000, from, noon)
	insert(t, conn, all)
	rollUp(t, conn, from, noon)
	vanished, err := os.ReadFile("../store/sql/vanished.sql")
	require.NoError(t, err)

	warm := New(conn, Limits{ExactRows: 1})
	tight := New(conn, Limits{ExactRows: 1, Cache: 40_000}) // forgets all the time
	version := uint64(1)
	for round := range 5 {
		for range random.IntN(3) {
			hour := from.Add(time.Duration(random.IntN(30)) * time.Hour)
			change(t, conn, random, hour)
			version += uint64(random.IntN(2))
			require.NoError(t, rollUpHour(t, conn, hour, version))
			require.NoError(t, conn.Exec(t.Context(), string(vanished), clickhouse.Named("hour", hour.Unix()), clickhouse.Named("version", version)))
		}
		for i := range 3 {
			b := drawBreakdown(random, from, noon)
			want, err := New(conn, Limits{ExactRows: 1}).Breakdown(t.Context(), b)
			require.NoError(t, err)
			for range 2 { // the second time from memory
				for name, e := range map[string]*Engine{"warm": warm, "tight": tight} {
					got, err := e.Breakdown(t.Context(), b)
					require.NoError(t, err)
					require.Equal(t, want, got, "round %d, question %d, %s: %+v", round, i, name, b)
				}
			}
		}
		assert.LessOrEqual(t, tight.hours.used, tight.hours.room)
	}
	assert.NotEmpty(t, warm.hours.questions)
}

// change adds requests to an hour, and makes others none, now and then all of a series.
func change(t *testing.T, conn driver.Conn, random *rand.Rand, hour time.Time) {
	insert(t, conn, generate(random, 1+random.IntN(20), hour, hour.Add(time.Hour)))
	condition := []string{"cityHash64(trace_id) % 7 = 0", "service = 'agent' AND model = 'qwen3'"}[random.IntN(2)]
	require.NoError(t, conn.Exec(t.Context(), fmt.Sprintf(`INSERT INTO requests SELECT * REPLACE (version + 1000 AS version, 1 AS is_deleted)
		FROM requests FINAL WHERE end >= {hour:DateTime('UTC')} AND end < {hour:DateTime('UTC')} + 3600 AND %s`, condition), clickhouse.Named("hour", hour)))
}

func drawBreakdown(random *rand.Rand, from, to time.Time) Breakdown {
	b := Breakdown{Scope: Scope{Range: Range{from.Add(time.Duration(random.Int64N(int64(10 * time.Hour)))), to.Add(-time.Duration(random.Int64N(int64(10 * time.Hour))))}}}
	b.IncludeFailed = random.IntN(3) == 0
	b.GroupBy = [][]string{nil, {"model"}, {"service", "outcome"}}[random.IntN(3)]
	b.Metrics = [][]Metric{nil, {TTFT}, {Total, Queue}}[random.IntN(3)]
	if random.IntN(3) == 0 {
		b.Filters = []Filter{{"service", In, []string{"agent", "search"}}}
	}
	return b
}
