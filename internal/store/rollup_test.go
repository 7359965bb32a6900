package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/phaseline/phaseline/internal/histogram"
)

// roll computes the hours as if the time were now.
func roll(t testing.TB, s *Store, now time.Time) {
	require.NoError(t, s.rollup.step(context.Background(), now))
}

// hoursStore has an hour to itself that ended an hour ago, and does not wait.
func hoursStore(t testing.TB, change ...func(*Config)) (s *Store, hour time.Time) {
	s = newStore(t, open(t), change...)
	s.pace.calm, s.pace.rest = 0, 0
	return s, time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)
}

func TestHoursHoldWhatTheirRequestsSay(t *testing.T) {
	s, hour := hoursStore(t)
	conn := s.conn
	g := newGenerator(31)
	var pieces []piece
	for i := range 200 {
		pieces = append(pieces, g.trace(hour.Add(time.Duration(i)*15*time.Second))...)
	}
	insert(t, s, pieces...)
	derive(t, s, time.Now())
	roll(t, s, time.Now())
	require.EqualValues(t, 1, s.Status(t.Context()).HoursWritten)

	// Totals, metric by metric.
	for _, metric := range []string{"total", "ttft", "tpot", "network", "queue", "prefill", "decode", "unattributed"} {
		from := fmt.Sprintf("SELECT toUInt64(count(%[1]s_ns)) FROM requests FINAL", metric)
		require.Equal(t, count(t, conn, from), count(t, conn, fmt.Sprintf("SELECT sum(%s_count) FROM hours FINAL", metric)), metric)
		require.EqualValues(t, count(t, conn, from), histogramOf(t, conn, metric).N(), metric)
		require.Equal(t, count(t, conn, fmt.Sprintf("SELECT toUInt64(sum(%s_ns)) FROM requests FINAL", metric)),
			count(t, conn, fmt.Sprintf("SELECT toUInt64(sum(%s_sum_ns)) FROM hours FINAL", metric)), metric)
	}
	// Parts add up, exactly.
	for _, check := range []string{
		"SELECT count() FROM hours FINAL WHERE arraySum(ttft_parts.n) != ttft_count OR arraySum(total_parts.n) != requests",
		"SELECT count() FROM hours FINAL ARRAY JOIN ttft_parts AS p WHERE p.network_sum_ns + p.queue_sum_ns + p.prefill_sum_ns + p.rest_sum_ns != p.ttft_sum_ns",
		"SELECT count() FROM hours FINAL ARRAY JOIN total_parts AS p WHERE p.network_sum_ns + p.queue_sum_ns + p.prefill_sum_ns + p.decode_sum_ns + p.unattributed_sum_ns != p.total_sum_ns",
		"SELECT count() FROM hours FINAL ARRAY JOIN total_parts AS p WHERE p.complete AND p.queue_n + p.prefill_n + p.decode_n != 3 * p.n",
	} {
		require.Zero(t, count(t, conn, check), check)
	}
	require.NotZero(t, count(t, conn, "SELECT sum(arraySum(arrayMap((c, n) -> if(c, n, 0), total_parts.complete, total_parts.n))) FROM hours FINAL"))
}

// histogramOf adds up a metric's histograms of all hours.
func histogramOf(t *testing.T, conn driver.Conn, metric string) *histogram.Histogram {
	t.Helper()
	var encoded []string
	require.NoError(t, conn.QueryRow(t.Context(), fmt.Sprintf("SELECT groupArray(%s_histogram) FROM hours FINAL", metric)).Scan(&encoded))
	var sum histogram.Sum
	for _, text := range encoded {
		require.NoError(t, sum.AddEncoded([]byte(text)))
	}
	all := sum.Take()
	return &all
}

// TestBucketsAreTheHistograms computes hours of drawn durations and compares
// every index with internal/histogram's.
func TestBucketsAreTheHistograms(t *testing.T) {
	s, hour := hoursStore(t)
	values := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, 1<<45), rapid.Custom(func(t *rapid.T) int64 {
		return int64(1)<<rapid.IntRange(0, 50).Draw(t, "power") + rapid.Int64Range(-1, 1).Draw(t, "off")
	})), 4_000, 4_000).Example(1)
	want := map[int16]uint64{}
	coarse := map[int16]uint64{}
	for _, v := range values {
		want[int16(histogram.Index(v))]++
		coarse[int16(histogram.Coarse(histogram.Index(v)))]++
	}
	require.NoError(t, s.conn.Exec(t.Context(), `INSERT INTO requests (end, trace_id, total_ns, version)
		SELECT toDateTime64(?, 9, 'UTC'), toFixedString(toString(number), 16), v, 1001
		FROM (SELECT arrayJoin(arrayEnumerate(? AS list)) AS number, list[number] AS v)`, hour.Add(time.Minute).Unix(), values))
	roll(t, s, time.Now())
	got := map[int16]uint64{}
	for i, n := range histogramOf(t, s.conn, "total").All() {
		got[int16(i)] = uint64(n)
	}
	require.Equal(t, want, got)
	var parts map[int16]uint64
	require.NoError(t, s.conn.QueryRow(t.Context(), "SELECT CAST((total_parts.bucket, total_parts.n), 'Map(Int16, UInt64)') FROM hours FINAL").Scan(&parts))
	require.Equal(t, coarse, parts)
}

func TestVanishedSeriesGo(t *testing.T) {
	s, hour := hoursStore(t)
	call := oneCall(newGenerator(32), hour.Add(time.Minute))
	insert(t, s, call[2])
	derive(t, s, time.Now())
	roll(t, s, time.Now())
	require.EqualValues(t, 1, count(t, s.conn, "SELECT sum(requests) FROM hours FINAL WHERE vantage = 'server'"))
	time.Sleep(2 * time.Millisecond) // rows of one millisecond have one version
	insert(t, s, call[:2]...)
	derive(t, s, time.Now().Add(3*time.Second))
	roll(t, s, time.Now())
	require.Zero(t, count(t, s.conn, "SELECT count() FROM hours FINAL WHERE vantage = 'server'"))
	require.EqualValues(t, 1, count(t, s.conn, "SELECT sum(requests) FROM hours FINAL WHERE vantage = 'client'"))
}

func TestHoursAreComputedWhenTheyAreOverAndCalm(t *testing.T) {
	s := newStore(t, open(t))
	hour := time.Now().UTC().Truncate(time.Hour)
	insert(t, s, oneCall(newGenerator(33), hour)...)
	derive(t, s, time.Now())
	end := hour.Add(time.Hour)
	roll(t, s, end.Add(time.Minute))
	require.Zero(t, count(t, s.conn, "SELECT count() FROM hours"), "the grace is not over")
	require.Zero(t, s.Status(t.Context()).RollupLag)
	s.pace.calm = 2 * time.Hour
	s.pace.patience = 3 * time.Hour
	roll(t, s, end.Add(3*time.Minute))
	require.Zero(t, count(t, s.conn, "SELECT count() FROM hours"), "rows may still become visible")
	require.NotZero(t, s.Status(t.Context()).RollupLag)
	s.pace.calm = time.Second
	roll(t, s, end.Add(4*time.Minute))
	require.EqualValues(t, 1, count(t, s.conn, "SELECT count() FROM hours"))
	require.Zero(t, s.Status(t.Context()).RollupLag)
	roll(t, s, end.Add(5*time.Minute))
	require.EqualValues(t, 1, s.Status(t.Context()).HoursWritten, "nothing changed")
}

// TestExpiredHoursAreKept leaves an hour alone whose requests may be dropped already.
func TestExpiredHoursAreKept(t *testing.T) {
	s, _ := hoursStore(t)
	hour := time.Now().UTC().Truncate(time.Hour).Add(-retention.Requests)
	require.NoError(t, s.conn.Exec(t.Context(), "INSERT INTO hours (hour, requests, version) VALUES (?, 1000, 1)", hour))
	require.NoError(t, s.conn.Exec(t.Context(), "INSERT INTO requests (end, total_ns, version) VALUES (?, 5, 1001)", hour.Add(59*time.Minute)))
	roll(t, s, time.Now())
	require.EqualValues(t, 1000, count(t, s.conn, "SELECT sum(requests) FROM hours FINAL"))
}

func TestSeriesPastTheCapAreFolded(t *testing.T) {
	s, hour := hoursStore(t, func(c *Config) { c.MaxSeries = 3 })
	require.NoError(t, s.conn.Exec(t.Context(), `INSERT INTO requests (tenant, service, model, end, trace_id, total_ns, version)
		SELECT if(number = 999, 'small', ''), 'svc', 'model-' || toString(least(toUInt32(sqrt(number)), 9)), toDateTime64(?, 9, 'UTC'), toFixedString(toString(number), 16), 7, 1001 FROM numbers(1000)`, hour.Unix()))
	roll(t, s, time.Now())
	require.EqualValues(t, 1000, count(t, s.conn, "SELECT sum(requests) FROM hours FINAL"))
	require.EqualValues(t, 4, count(t, s.conn, "SELECT count() FROM hours FINAL WHERE tenant = ''"))
	require.EqualValues(t, 1, count(t, s.conn, "SELECT count() FROM hours FINAL WHERE tenant = 'small' AND model = 'model-9'"))
	require.EqualValues(t, 918+17+15, count(t, s.conn, "SELECT sum(requests) FROM hours FINAL WHERE tenant = '' AND model != '(other)'"))
	require.EqualValues(t, 49, count(t, s.conn, "SELECT requests FROM hours FINAL WHERE service = '(other)' AND provider = '(other)'"))
}

func TestRollupGoesOnAfterARestart(t *testing.T) {
	s, hour := hoursStore(t)
	insert(t, s, oneCall(newGenerator(34), hour)...)
	derive(t, s, time.Now())
	again := newStore(t, s.conn)
	again.pace.calm, again.pace.rest = 0, 0
	roll(t, again, time.Now())
	require.EqualValues(t, 1, count(t, s.conn, "SELECT sum(requests) FROM hours FINAL"))
	third := newStore(t, s.conn)
	third.pace.calm = 0
	roll(t, third, time.Now())
	require.Zero(t, third.Status(t.Context()).HoursWritten, "what is computed is not computed again")
}
