package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/embedded"
	"github.com/phaseline/phaseline/internal/query"
	"github.com/phaseline/phaseline/internal/store"
	"github.com/phaseline/phaseline/migrations"
)

//go:embed requests.sql
var requestsSQL string

const (
	days    = 5
	repeats = 20 // of each question, after the first time
)

// question is one that people ask, and how fast the answer should be there.
type question struct {
	name string
	goal time.Duration
	ask  func(context.Context) error
}

// answered is how long a question took: the first time, when nothing of its
// answer is known, and then.
type answered struct {
	question
	first, p50, p95 time.Duration
}

// dataset is the tables with a number of requests in them.
type dataset struct {
	requests               int
	requestBytes, hourSize float64 // bytes for each request; bytes of hours in all
	answers                []answered
}

// askPhaseline asks of n requests over five days, and makes them if the folder has
// none.
func askPhaseline(ctx context.Context, folder string, n int) (d dataset, err error) {
	d.requests = n
	conn, stop, err := open(ctx, filepath.Join(folder, "clickhouse"), "phaseline")
	if err != nil {
		return d, err
	}
	defer stop()
	keep := migrations.Retention{Spans: 7 * 24 * time.Hour, Requests: 35 * 24 * time.Hour, Hours: 400 * 24 * time.Hour}
	if err := migrations.Run(ctx, conn, migrations.Options{Database: "phaseline", Retention: keep}); err != nil {
		return d, err
	}
	last, err := number(ctx, conn, "SELECT toUnixTimestamp(max(end)) FROM requests")
	if err != nil {
		return d, err
	}
	made := last > 0
	to := time.Unix(int64(last), 0).UTC().Add(time.Hour).Truncate(time.Hour)
	if !made {
		to = time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	}
	from := to.AddDate(0, 0, -days)
	if !made {
		if err := makeRequests(ctx, conn, keep, from, n); err != nil {
			return d, err
		}
	}
	if d.requestBytes, err = number(ctx, conn, "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = 'requests'"); err != nil {
		return d, err
	}
	if d.hourSize, err = number(ctx, conn, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase() AND table = 'hours'"); err != nil {
		return d, err
	}
	if !made {
		if err := age(ctx, conn, from, to); err != nil {
			return d, err
		}
	}
	progress("phaseline: %d requests, questions", n)
	questions, err := questionsOf(ctx, query.New(conn, query.Limits{}), from, to)
	if err != nil {
		return d, err
	}
	d.answers, err = ask(ctx, questions)
	return d, err
}

// makeRequests fills the tables with five days of requests and their hours.
func makeRequests(ctx context.Context, conn driver.Conn, keep migrations.Retention, from time.Time, n int) error {
	for day := range days {
		progress("phaseline: %d requests, day %d of %d", n, day+1, days)
		if err := conn.Exec(ctx, requestsSQL, clickhouse.Named("from", from.AddDate(0, 0, day).UnixNano()), clickhouse.Named("n", uint64(n/days))); err != nil {
			return fmt.Errorf("make requests: %w", err)
		}
	}
	progress("phaseline: %d requests, hours", n)
	return rollUp(ctx, conn, keep)
}

// age merges the days before the last into one part each, as the store does half
// an hour after it wrote to a day, and lets every merge end.
func age(ctx context.Context, conn driver.Conn, from, to time.Time) error {
	for day := from.Truncate(24 * time.Hour); day.Before(to.Truncate(24 * time.Hour)); day = day.AddDate(0, 0, 1) {
		for _, table := range []string{"requests", "hours"} {
			if err := conn.Exec(ctx, fmt.Sprintf("OPTIMIZE TABLE %s PARTITION '%s' FINAL", table, day.Format(time.DateOnly))); err != nil {
				return err
			}
		}
	}
	return waitFor(10*time.Minute, "merges to end", func() (bool, error) {
		merges, err := number(ctx, conn, "SELECT count() FROM system.merges")
		return merges == 0, err
	})
}

// questionsOf are the questions on the days between from and to.
func questionsOf(ctx context.Context, e *query.Engine, from, to time.Time) ([]question, error) {
	hour := query.Scope{Range: query.Range{From: to.Add(-3 * time.Hour), To: to.Add(-2 * time.Hour)},
		Filters: []query.Filter{{Dimension: "service", Operator: query.Equal, Values: []string{"chat-api"}}}}
	// Not on the hour, so that it has ragged edges.
	day := query.Scope{Range: query.Range{From: to.Add(-25*time.Hour + 7*time.Minute), To: to.Add(-time.Hour + 7*time.Minute)}}
	all := query.Scope{Range: query.Range{From: from, To: to}}
	one, err := e.Requests(ctx, query.Requests{Scope: hour, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(one.Requests) == 0 {
		return nil, errors.New("there are no requests in the hour that is asked about")
	}
	breakdown := func(s query.Scope) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := e.Breakdown(ctx, query.Breakdown{Scope: s, GroupBy: []string{"model"}})
			return err
		}
	}
	return []question{
		{"breakdown of one service by model, 1 h", 30 * time.Millisecond, breakdown(hour)},
		{"breakdown of everything by model, 24 h", 200 * time.Millisecond, breakdown(day)},
		{longQuestion, 100 * time.Millisecond, breakdown(all)},
		{"requests of one trace", 20 * time.Millisecond, func(ctx context.Context) error {
			_, err := e.Request(ctx, query.RequestID{TraceID: one.Requests[0].TraceID})
			return err
		}},
		{"slowest 50 requests, 24 h", 100 * time.Millisecond, func(ctx context.Context) error {
			_, err := e.Requests(ctx, query.Requests{Scope: day, Sort: "-total"})
			return err
		}},
	}, nil
}

const longQuestion = "breakdown of everything by model, 5 d"

// askPeer asks the long question of the peer's own table, with the rows that it
// stored itself, copied until there are n requests and spread over five days.
func askPeer(ctx context.Context, from ingested, n int) (answered, error) {
	var none answered
	conn, stop, err := open(ctx, filepath.Join(from.folder, from.system.data), "otel")
	if err != nil {
		return none, err
	}
	defer stop()
	progress("peer: %d requests", n)
	seconds := int(from.load.length.Seconds())
	if err := conn.Exec(ctx, "CREATE TABLE spread AS otel_traces"); err != nil {
		return none, err
	}
	// A new id for each copy of a trace, and each second of the load as far from
	// the next as five days have room for.
	for copies := 0; copies*from.load.requests < n; copies++ {
		if err := conn.Exec(ctx, `INSERT INTO spread SELECT * REPLACE (lower(hex(MD5(concat(TraceId, toString({copy:UInt32}))))) AS TraceId,
				Timestamp - toIntervalSecond(intDiv(432000 * toUInt64(dateDiff('second', Timestamp, (SELECT max(Timestamp) FROM otel_traces))), {seconds:UInt64})) AS Timestamp)
			FROM otel_traces`, clickhouse.Named("copy", uint32(copies)), clickhouse.Named("seconds", uint64(max(seconds, 1)))); err != nil {
			return none, fmt.Errorf("copy the peer's spans: %w", err)
		}
	}
	questions := []question{{longQuestion, 0, func(ctx context.Context) error {
		rows, err := conn.Query(ctx, peerSQL)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
		}
		return rows.Err()
	}}}
	answers, err := ask(ctx, questions)
	if err != nil {
		return none, err
	}
	return answers[0], nil
}

// peerSQL is what of the breakdown by model the peer's spans can answer, and less
// than it: three metrics, no intervals, and no pairing of a request's spans.
const peerSQL = `
SELECT SpanAttributes['gen_ai.request.model'] AS model, count(),
	quantiles(0.5, 0.95, 0.99)(Duration),
	quantiles(0.5, 0.95, 0.99)(toFloat64OrNull(SpanAttributes['gen_ai.response.time_to_first_chunk'])),
	quantiles(0.5, 0.95, 0.99)(toUInt64OrZero(SpanAttributes['gen_ai.usage.output_tokens']))
FROM spread
WHERE SpanAttributes['gen_ai.operation.name'] = 'chat' AND StatusCode != 'Error'
GROUP BY model`

// ask asks each question some times over.
func ask(ctx context.Context, questions []question) ([]answered, error) {
	var answers []answered
	for _, q := range questions {
		var took []time.Duration
		for range repeats + 1 {
			began := time.Now()
			if err := q.ask(ctx); err != nil {
				return nil, fmt.Errorf("%s: %w", q.name, err)
			}
			took = append(took, time.Since(began))
		}
		first, took := took[0], took[1:]
		slices.Sort(took)
		answers = append(answers, answered{q, first, took[len(took)/2], took[len(took)*95/100]})
	}
	return answers, nil
}

// rollUp computes the hours as the product does.
func rollUp(ctx context.Context, conn driver.Conn, keep migrations.Retention) error {
	ctx, cancel := context.WithCancel(ctx)
	s := store.New(conn, dialect.NewReader(dialect.Options{}), store.Config{Derive: true, Retention: keep}, zap.NewNop())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	err := waitFor(10*time.Minute, "the hours to be computed", func() (bool, error) {
		status := s.Status(ctx)
		return status.HoursWritten >= days*24 && status.RollupLag == 0, nil
	})
	if err != nil && s.Status(ctx).LastError != "" {
		err = fmt.Errorf("%w: %s", err, s.Status(ctx).LastError)
	}
	cancel()
	return errors.Join(err, <-done)
}

// open starts an engine on a folder and connects to a database in it.
func open(ctx context.Context, folder, database string) (driver.Conn, func(), error) {
	engine, err := embedded.Start(ctx, embedded.Config{DataDir: folder})
	if err != nil {
		return nil, nil, err
	}
	stop := func() { _ = engine.Shutdown(context.Background()) }
	admin, err := clickhouse.Open(engine.Options())
	if err == nil {
		err = admin.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+database)
		_ = admin.Close()
	}
	options := engine.Options()
	options.Auth.Database = database
	var conn driver.Conn
	if err == nil {
		conn, err = clickhouse.Open(options)
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return conn, func() { _ = conn.Close(); stop() }, nil
}
