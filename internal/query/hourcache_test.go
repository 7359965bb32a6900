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
	from := noon.Add(-14 * time.Hour)
	conn := database(t)
	random := newRandom(90)
	all := generate(random, 1500, from, noon)
	insert(t, conn, all)
	rollUp(t, conn, from, noon)
	vanished, err := os.ReadFile("../store/sql/vanished.sql")
	require.NoError(t, err)

	warm := New(conn, Limits{ExactRows: 1})
	tight := New(conn, Limits{ExactRows: 1, Cache: 40_000}) // forgets all the time
	version := uint64(1)
	for round := range 4 {
		for range 1 + random.IntN(2) {
			hour := from.Add(time.Duration(random.IntN(14)) * time.Hour)
			change(t, conn, random, hour)
			version += uint64(random.IntN(2))
			require.NoError(t, rollUpHour(t, conn, hour, version))
			require.NoError(t, conn.Exec(t.Context(), string(vanished), clickhouse.Named("hour", hour.Unix()), clickhouse.Named("version", version)))
		}
		for i := range 2 {
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
	b := Breakdown{Scope: Scope{Range: Range{from.Add(time.Duration(random.Int64N(int64(6 * time.Hour)))), to.Add(-time.Duration(random.Int64N(int64(6 * time.Hour))))}}}
	if random.IntN(4) == 0 { // short enough to be read ahead
		b.Range.From = b.Range.From.Truncate(time.Hour)
		b.Range.To = b.Range.From.Add(time.Hour)
	}
	b.IncludeFailed = random.IntN(3) == 0
	b.GroupBy = [][]string{nil, {"model"}, {"service", "outcome"}}[random.IntN(3)]
	b.Metrics = [][]Metric{nil, {TTFT}, {Total, Queue}}[random.IntN(3)]
	if random.IntN(3) == 0 {
		b.Filters = []Filter{{"service", In, []string{"agent", "search"}}}
	}
	return b
}

// A horizon that is remembered must not hide that a day was dropped.
func TestHorizonIsAskedForNearTheOldestRequest(t *testing.T) {
	e, all := stored(t, 91, 50, noon.Add(-time.Hour), noon)
	oldest := noon
	for _, r := range all {
		if r.End.Before(oldest) {
			oldest = r.End
		}
	}
	remembered := horizon{through: noon, oldest: noon.Add(-72 * time.Hour)}
	e.known.horizon, e.known.asked = remembered, time.Now()
	got, err := e.horizon(t.Context(), noon)
	require.NoError(t, err)
	assert.Equal(t, remembered, got)
	got, err = e.horizon(t.Context(), noon.Add(-30*time.Hour))
	require.NoError(t, err)
	assert.False(t, got.oldest.After(oldest))
	assert.True(t, got.oldest.After(remembered.oldest))
	e.known.horizon, e.known.asked = remembered, time.Now().Add(-horizonGood)
	got, err = e.horizon(t.Context(), noon)
	require.NoError(t, err)
	assert.NotEqual(t, remembered, got, "it has become old")
}
