package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
)

func TestAMillionRowsStream(t *testing.T) {
	conn := embeddedtest.Start(t)
	start := time.Now()
	rows, err := conn.Query(context.Background(), "SELECT number, toString(number) FROM numbers(1000000) ORDER BY number")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var n, number uint64
	var text string
	for ; rows.Next(); n++ {
		if err := rows.Scan(&number, &text); err != nil {
			t.Fatal(err)
		}
		if number != n {
			t.Fatalf("row %d holds %d", n, number)
		}
	}
	if err := rows.Err(); err != nil || n != 1_000_000 {
		t.Fatalf("%d rows, %v", n, err)
	}
	t.Logf("a million rows in %s", time.Since(start))
}

func TestErrorsKeepTheirCode(t *testing.T) {
	conn := embeddedtest.Start(t)
	ctx := context.Background()
	run := func(sql string) error { return conn.Exec(ctx, sql) }
	read := func(sql string) error {
		rows, err := conn.Query(ctx, sql)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
		}
		return rows.Err()
	}
	for _, c := range []struct {
		sql  string
		by   func(string) error
		code int32
	}{
		{"SELECT * FROM missing", read, 60},
		{"SELECT missing", read, 47},
		{"SELEC 1", run, 62},
		{"INSERT INTO missing VALUES (1)", run, 60},
		{"SELECT 1; SELECT 2", run, 62},
		{"SELECT throwIf(number = 3) FROM numbers(10)", read, 395},
		{"SELECT throwIf(number = 900000), repeat('x', 50) FROM numbers(1000000)", read, 395}, // after the first blocks went out
		{"SELECT sum(number) FROM numbers(100000000000) SETTINGS max_execution_time = 1", read, 159},
		{"SELECT groupArray(number) FROM numbers(100000000) SETTINGS max_memory_usage = 50000000", read, 241},
	} {
		err := c.by(c.sql)
		if exception := new(clickhouse.Exception); !errors.As(err, &exception) || exception.Code != c.code {
			t.Errorf("%s: got %v, want code %d", c.sql, err, c.code)
		}
	}
}

func TestTheSessionOfAQueryEndsWithIt(t *testing.T) {
	conn := embeddedtest.Start(t)
	ctx := clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{"max_threads": 1, "readonly": 1}))
	for _, c := range []struct {
		ctx  context.Context
		want bool
	}{{ctx, true}, {context.Background(), false}, {ctx, true}} {
		var set bool
		if err := conn.QueryRow(c.ctx, "SELECT getSetting('readonly') = 1 AND getSetting('max_threads') = 1").Scan(&set); err != nil || set != c.want {
			t.Errorf("got %v, %v; want %v", set, err, c.want)
		}
	}
}

// The read side asks with readonly = 2; no session reaches files, URLs or other servers.
func TestWhatAQueryMayNotDo(t *testing.T) {
	db := embeddedtest.Open(t)
	background := context.Background()
	readonly := func(n int) context.Context {
		return clickhouse.Context(background, clickhouse.WithSettings(clickhouse.Settings{"readonly": n}))
	}
	if err := db.Conn.Exec(background, "CREATE TABLE t (x Int64) ENGINE = MergeTree ORDER BY x"); err != nil {
		t.Fatal(err)
	}
	const readOnly, accessDenied = 164, 497
	for _, c := range []struct {
		ctx  context.Context
		sql  string
		code int32
	}{
		{readonly(2), "INSERT INTO t VALUES (1)", readOnly},
		{readonly(2), "DROP TABLE t", readOnly},
		{readonly(2), "CREATE TABLE u (x Int64) ENGINE = Memory", readOnly},
		{readonly(2), "SET readonly = 0", readOnly},
		{readonly(1), "SET max_threads = 3", readOnly},
		{background, "SELECT * FROM file('/etc/hostname', LineAsString)", accessDenied},
		{background, "SELECT * FROM default.`/etc/hostname`", accessDenied},
		{background, "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)", accessDenied},
		{background, "SELECT * FROM remote('127.0.0.1:1', system.one)", accessDenied},
		{background, "SELECT * FROM s3('http://127.0.0.1:1/bucket/x', LineAsString)", accessDenied},
		{background, "CREATE USER intruder", accessDenied},
	} {
		err := db.Conn.Exec(c.ctx, c.sql)
		if exception := new(clickhouse.Exception); !errors.As(err, &exception) || exception.Code != c.code {
			t.Errorf("%s: got %v, want code %d", c.sql, err, c.code)
		}
	}
}

// Whatever happens to the engine in between: who repeats an insert that failed for any
// other reason than its own has its rows stored, once.
func TestManyAtOnce(t *testing.T) {
	db := embeddedtest.Open(t)
	ctx := context.Background()
	if err := db.Conn.Exec(ctx, "CREATE TABLE t (worker UInt32, n UInt32) ENGINE = MergeTree ORDER BY (worker, n) SETTINGS non_replicated_deduplication_window = 1000"); err != nil {
		t.Fatal(err)
	}
	const workers, rounds = 24, 8 // more than the engine takes at once
	var wg sync.WaitGroup
	for worker := range uint32(workers) {
		wg.Go(func() {
			for n := range uint32(rounds) {
				var count uint64
				err := repeated(func() error { return insert(ctx, db.Conn, "INSERT INTO t", worker, n) })
				if err == nil {
					err = repeated(func() error {
						return db.Conn.QueryRow(ctx, "SELECT count() FROM t WHERE worker = {worker:UInt32}", clickhouse.Named("worker", worker)).Scan(&count)
					})
				}
				if err != nil || count != uint64(n+1) {
					t.Errorf("worker %d counts %d rows after %d inserts: %v", worker, count, n+1, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// repeated does what a client of a server that may go away does: it tries again, unless the
// server says that the statement is at fault.
func repeated(do func() error) error {
	deadline := time.Now().Add(2 * time.Minute)
	for {
		err := do()
		if err == nil || errors.As(err, new(*clickhouse.Exception)) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func insert(ctx context.Context, conn driver.Conn, into string, row ...any) error {
	batch, err := conn.PrepareBatch(ctx, into)
	if err != nil {
		return err
	}
	defer batch.Close()
	if err := batch.Append(row...); err != nil {
		return err
	}
	return batch.Send()
}

func TestTheSameInsertTwiceIsStoredOnce(t *testing.T) {
	conn := embeddedtest.Start(t)
	ctx := context.Background()
	if err := conn.Exec(ctx, "CREATE TABLE t (x Int64) ENGINE = MergeTree ORDER BY x SETTINGS non_replicated_deduplication_window = 100"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := insert(ctx, conn, "INSERT INTO t", int64(1)); err != nil {
			t.Fatal(err)
		}
	}
	var count uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM t").Scan(&count); err != nil || count != 1 {
		t.Errorf("%d rows, %v; want 1", count, err)
	}
}

// However the client waits, a cancelled context ends the statement in the engine too.
func TestACancelledQueryEndsInTheEngine(t *testing.T) {
	conn := embeddedtest.Start(t)
	if err := conn.Exec(context.Background(), "CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x"); err != nil {
		t.Fatal(err)
	}
	for name, sql := range map[string]string{
		"before its first block": "SELECT sum(number) FROM numbers(1000000000000) -- %s",
		"while it streams":       "SELECT number FROM numbers(1000000000000) -- %s",
		"while it inserts":       "INSERT INTO t SELECT number FROM numbers(1000000000000) WHERE sipHash64(number) = 0 -- %s",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			marker := strings.ReplaceAll(t.Name(), "/", "_")
			ended := make(chan error, 1)
			go func() {
				if strings.HasPrefix(sql, "INSERT") {
					ended <- conn.Exec(ctx, fmt.Sprintf(sql, marker))
					return
				}
				rows, err := conn.Query(ctx, fmt.Sprintf(sql, marker))
				if err == nil {
					for rows.Next() {
					}
					err = rows.Err()
					_ = rows.Close()
				}
				ended <- err
			}()
			waitFor(t, 5*time.Second, "the query to run", func() bool { return running(t, conn, marker) == 1 })
			cancel()
			if err := <-ended; err == nil {
				t.Error("the cancelled query ended without an error")
			}
			waitFor(t, 5*time.Second, "the query to end", func() bool { return running(t, conn, marker) == 0 })
		})
	}
}

// SELECTs with the same settings use the same session one after the other. Nothing is left
// in it, and that one of them is killed does not touch the next.
func TestWhatUsesASessionAgainIsOnItsOwn(t *testing.T) {
	conn := embeddedtest.Start(t)
	var n uint8
	for range 20 {
		if err := conn.QueryRow(context.Background(), "SELECT {n:UInt8}", clickhouse.Named("n", 7)).Scan(&n); err != nil || n != 7 {
			t.Fatal(n, err)
		}
		if err := conn.QueryRow(context.Background(), "SELECT {n:UInt8}").Scan(&n); err == nil {
			t.Fatal("a parameter of another statement was used")
		}
		if err := conn.QueryRow(context.Background(), "SELECT getSetting('max_threads') = 1 SETTINGS max_threads = 1").Scan(&n); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		if err := conn.QueryRow(context.Background(), "SELECT getSetting('max_threads') = 1").Scan(&n); err != nil || n == 1 {
			t.Fatal(n, err)
		}
	}
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			for i := range 40 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+i%5)*time.Millisecond)
				var sum uint64
				_ = conn.QueryRow(ctx, "SELECT sum(number) FROM numbers(1000000)").Scan(&sum) // ends or is cancelled, just so
				cancel()
				if err := conn.QueryRow(context.Background(), "SELECT sum(number) FROM numbers(1000)").Scan(&sum); err != nil || sum != 499_500 {
					t.Errorf("%d, %v", sum, err)
				}
			}
		})
	}
	all.Wait()
}

// A part of an answer must never pass for the whole.
func TestAKilledQueryIsAnError(t *testing.T) {
	conn := embeddedtest.Start(t)
	ctx := context.Background()
	for _, sql := range []string{
		"SELECT sum(number) FROM numbers(1000000000000) -- %s",
		"SELECT number FROM numbers(1000000000000) -- %s",
		"CREATE TABLE t ENGINE = MergeTree ORDER BY x AS SELECT number AS x FROM numbers(1000000000000) WHERE sipHash64(number) = 0 -- %s",
	} {
		ended := make(chan error, 1)
		go func() {
			rows, err := conn.Query(ctx, fmt.Sprintf(sql, t.Name()))
			if err == nil {
				for rows.Next() {
				}
				err = rows.Err()
				_ = rows.Close()
			}
			ended <- err
		}()
		waitFor(t, 5*time.Second, "the query to run", func() bool { return running(t, conn, t.Name()) == 1 })
		if err := conn.Exec(ctx, "KILL QUERY WHERE query LIKE '%"+t.Name()+"%' AND query NOT LIKE 'KILL%' ASYNC"); err != nil {
			t.Fatal(err)
		}
		if exception := new(clickhouse.Exception); !errors.As(<-ended, &exception) || exception.Code != 394 {
			t.Errorf("%s: got %v, want code 394 (QUERY_WAS_CANCELLED)", sql, exception)
		}
	}
}

func running(t *testing.T, conn driver.Conn, marker string) uint64 {
	t.Helper()
	var count uint64
	err := conn.QueryRow(context.Background(), "SELECT count() FROM system.processes WHERE query LIKE {like:String} AND query NOT LIKE '%system.processes%'",
		clickhouse.Named("like", "%"+marker+"%")).Scan(&count)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

func waitFor(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", limit, what)
		}
	}
}

func TestTheEngineIsConfiguredAsMeant(t *testing.T) {
	conn := embeddedtest.Start(t)
	ctx := context.Background()
	for setting, want := range map[string]string{
		"query_profiler_real_time_period_ns":                 "0",
		"query_profiler_cpu_time_period_ns":                  "0",
		"async_insert":                                       "0",
		"insert_deduplicate":                                 "1",
		"deduplicate_blocks_in_dependent_materialized_views": "1",
		"max_execution_time":                                 "300",
	} {
		var got string
		if err := conn.QueryRow(ctx, "SELECT toString(value) FROM system.settings WHERE name = {name:String}", clickhouse.Named("name", setting)).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", setting, got, err, want)
		}
	}
	var timezone string
	if err := conn.QueryRow(ctx, "SELECT timezone()").Scan(&timezone); err != nil || timezone != "UTC" {
		t.Errorf("timezone is %q, %v", timezone, err)
	}
	var logs []string
	if err := conn.QueryRow(ctx, "SELECT groupArray(name) FROM system.tables WHERE database = 'system' AND engine LIKE '%MergeTree'").Scan(&logs); err != nil || !slices.Equal(logs, []string{}) {
		t.Errorf("tables in the data folder that nobody asked for: %v, %v", logs, err)
	}
}
