package migrations

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

const day = 24 * time.Hour

func all(t *testing.T) []migration {
	list, err := load(files)
	require.NoError(t, err)
	return list
}

func value[T any](t *testing.T, conn driver.Conn, query string) (v T) {
	require.NoError(t, conn.QueryRow(context.Background(), query).Scan(&v), query)
	return v
}

func TestRunTwiceChangesNothing(t *testing.T) {
	conn := embeddedtest.Start(t)
	const tables = "SELECT arrayStringConcat(groupArray(create_table_query), '\n') FROM (SELECT create_table_query FROM system.tables WHERE database = currentDatabase() ORDER BY name)"
	o := Options{Retention: Retention{Spans: 7 * day, Requests: 35 * day, Hours: 400 * day}}
	require.NoError(t, Run(t.Context(), conn, o))
	before := value[string](t, conn, tables)
	require.NoError(t, Run(t.Context(), conn, o))
	require.Equal(t, before, value[string](t, conn, tables))
	require.EqualValues(t, len(all(t)), value[uint64](t, conn, "SELECT count() FROM migrations FINAL"))
}

func TestRunCreatesTheDatabase(t *testing.T) {
	conn := embeddedtest.Start(t)
	const name = "odd `name"
	t.Cleanup(func() { require.NoError(t, conn.Exec(context.Background(), "DROP DATABASE "+quote(name))) })
	require.NoError(t, Run(t.Context(), conn, Options{Database: name}))
	require.Zero(t, value[uint64](t, conn, "SELECT count() FROM "+quote(name)+".requests"))
}

func TestRetentionFollowsTheOptions(t *testing.T) {
	conn := embeddedtest.Start(t)
	ttl := func(table string) string {
		text, err := currentTTL(t.Context(), conn, Options{Database: value[string](t, conn, "SELECT currentDatabase()")}, table)
		require.NoError(t, err)
		return text
	}
	require.NoError(t, Run(t.Context(), conn, Options{}))
	require.Empty(t, ttl("spans"))
	require.NoError(t, Run(t.Context(), conn, Options{Retention: Retention{Spans: 7 * day, Requests: 35 * day, Hours: 400 * day}}))
	require.Equal(t, "toDateTime(start) + toIntervalSecond(604800)", ttl("spans"))
	require.Equal(t, "toDateTime(end) + toIntervalSecond(3024000)", ttl("requests"))
	require.Equal(t, "toDateTime(hour) + toIntervalSecond(34560000)", ttl("hours"))

	require.NoError(t, conn.Exec(t.Context(), "INSERT INTO spans (start) SELECT now64(9) - toIntervalDay(arrayJoin([0, 5]))"))
	require.NoError(t, Run(t.Context(), conn, Options{Retention: Retention{Spans: 2 * day}}))
	require.Equal(t, "toDateTime(start) + toIntervalSecond(172800)", ttl("spans"))
	require.Empty(t, ttl("requests"))
	require.Eventually(t, func() bool { return value[uint64](t, conn, "SELECT count() FROM spans") == 1 }, 20*time.Second, 200*time.Millisecond,
		"what is past the new retention is dropped")
}

// TestUpgradeKeepsData writes with every earlier set of migrations, upgrades, and looks for the rows.
func TestUpgradeKeepsData(t *testing.T) {
	list := all(t)
	for n := 1; n < len(list); n++ {
		conn := embeddedtest.Start(t)
		require.NoError(t, runTables(t.Context(), conn, list[:n]))
		require.NoError(t, conn.Exec(t.Context(), "INSERT INTO spans (start, trace_id, name) VALUES (now64(9), unhex('000102030405060708090a0b0c0d0e0f'), 'old')"))
		if n > 1 {
			require.NoError(t, conn.Exec(t.Context(), "INSERT INTO requests (end, model, total_ns, version) VALUES (now64(9), 'old', 12, 3001)"))
		}
		require.NoError(t, Run(t.Context(), conn, Options{Retention: Retention{Spans: day, Requests: day, Hours: day}}))
		require.Equal(t, "old", value[string](t, conn, "SELECT name FROM spans FINAL WHERE trace_id = unhex('000102030405060708090a0b0c0d0e0f')"))
		if n > 1 {
			require.EqualValues(t, 12, value[int64](t, conn, "SELECT total_ns FROM requests FINAL WHERE model = 'old'"))
		}
		require.EqualValues(t, len(list), value[uint64](t, conn, "SELECT count() FROM migrations FINAL"))
	}
}

// runTables is run as an earlier release had it, without the retention of tables it does not know.
func runTables(ctx context.Context, conn driver.Conn, list []migration) error {
	err := run(ctx, conn, Options{}, list)
	if err != nil && strings.Contains(err.Error(), "retention") {
		return nil
	}
	return err
}

func TestRunRefusesWhatItDoesNotKnow(t *testing.T) {
	conn := embeddedtest.Start(t)
	list := all(t)
	require.NoError(t, run(t.Context(), conn, Options{}, list))

	changed := append([]migration(nil), list...)
	changed[1].checksum = "another"
	require.ErrorContains(t, run(t.Context(), conn, Options{}, changed), "0002_requests.sql was changed after")

	require.NoError(t, conn.Exec(t.Context(), "INSERT INTO migrations (version, name, checksum) VALUES (99, '0099_later.sql', '')"))
	require.ErrorContains(t, run(t.Context(), conn, Options{}, list), "written by a newer release (migration 99")
}

func TestRunGoesOnAfterAFailure(t *testing.T) {
	conn := embeddedtest.Start(t)
	list := all(t)
	broken := append([]migration(nil), list...)
	broken[2].sql = broken[2].sql + ";\nSELECT nonsense;\n"
	require.ErrorContains(t, run(t.Context(), conn, Options{}, broken), "apply 0003_hours.sql")
	require.EqualValues(t, 2, value[uint64](t, conn, "SELECT count() FROM migrations FINAL"))
	require.NoError(t, run(t.Context(), conn, Options{}, list))
}

func TestNumbersHaveNoGap(t *testing.T) {
	_, err := load(fstest.MapFS{"0001_a.sql": {}, "0003_c.sql": {}})
	require.ErrorContains(t, err, "number 2 expected")
	_, err = load(fstest.MapFS{"first.sql": {}})
	require.ErrorContains(t, err, "does not start with a number")
}

func TestClusterStatements(t *testing.T) {
	o := Options{Database: "phaseline", Cluster: "main"}
	sql, err := o.render("CREATE TABLE {{local \"spans\"}} {{onCluster}} ENGINE = {{engine \"ReplacingMergeTree\" \"content_hash\"}};\n{{distributed \"spans\" \"cityHash64(trace_id)\"}};")
	require.NoError(t, err)
	require.Equal(t, "CREATE TABLE `phaseline`.spans_local ON CLUSTER `main` ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', content_hash);\n"+
		"CREATE TABLE IF NOT EXISTS `phaseline`.spans ON CLUSTER `main` AS `phaseline`.spans_local ENGINE = Distributed('main', 'phaseline', 'spans_local', cityHash64(trace_id));", sql)
	for _, m := range all(t) {
		single, err := Options{Database: "phaseline"}.render(m.sql)
		require.NoError(t, err)
		require.NotContains(t, single, "Distributed(")
		require.NotContains(t, single, "Replicated")
		clustered, err := o.render(m.sql)
		require.NoError(t, err)
		require.Equal(t, strings.Count(clustered, "CREATE TABLE"), strings.Count(clustered, "ON CLUSTER `main`"), m.name)
		require.Equal(t, strings.Count(m.sql, "{{local "), strings.Count(clustered, "ENGINE = Distributed("), m.name)
	}
}
