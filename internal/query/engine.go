package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Engine answers questions from one database. It is safe for concurrent use.
type Engine struct {
	conn   driver.Conn
	limits Limits
	slots  chan struct{} // one for each statement at once
	hours  *hourCache
	known  rememberedHorizon
}

// New returns an engine that reads through conn.
func New(conn driver.Conn, limits Limits) *Engine {
	limits = limits.withDefaults()
	return &Engine{conn: conn, limits: limits, slots: make(chan struct{}, limits.Statements), hours: newHourCache(limits.Cache)}
}

// Limits returns the limits in force.
func (e *Engine) Limits() Limits { return e.limits }

// settings are those of every statement. All versions of a row lie in one
// partition, so FINAL need not compare partitions; readonly=1 refuses writes
// and table functions, whatever the user may do otherwise.
func (e *Engine) settings(s *statement) clickhouse.Settings {
	return clickhouse.Settings{
		"readonly":           1,
		"max_execution_time": e.limits.Time.Seconds(),
		"max_memory_usage":   e.limits.Memory,
		"max_rows_to_read":   e.limits.Rows,
		"do_not_merge_across_partitions_select_final":  1,
		"cancel_http_readonly_queries_on_client_close": 1,
		// The fourth time that an expression is computed it is compiled, which takes
		// 70 ms; few questions are so large that they gain as much.
		"compile_expressions": 0, "compile_aggregate_expressions": 0, "compile_sort_description": 0,
	}
}

// read runs one statement and calls each for every row, which must scan it and
// may end the reading with an *Error.
func (e *Engine) read(ctx context.Context, s *statement, each func(driver.Rows) error) error {
	// The engine stops by itself at max_execution_time; the context is for an
	// engine that does not.
	ctx, cancel := context.WithTimeout(ctx, e.limits.Time+time.Second)
	defer cancel()
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		if ctx.Err() == context.Canceled {
			return ctx.Err()
		}
		return &Error{Code: CodeUnavailable, Message: "too many questions are being answered; try again in a few seconds", cause: ctx.Err()}
	}
	rows, err := e.conn.Query(clickhouse.Context(ctx, clickhouse.WithSettings(e.settings(s))), s.sql.String(), s.args...)
	if err != nil {
		return e.classify(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); errors.As(err, new(*Error)) {
			return err
		} else if err != nil {
			return fmt.Errorf("scan an answer: %w", err)
		}
	}
	return e.classify(ctx, rows.Err())
}

// ClickHouse's exception codes that say something about the question.
const (
	tooManyRows       = 158
	timeoutExceeded   = 159
	memoryLimit       = 241
	tooManyRowsOrB    = 396
	badRegexp         = 427
	queryWasCancelled = 394
	noSuchTable       = 60
)

func (e *Engine) classify(ctx context.Context, err error) error {
	return Classify(ctx, err, e.limits.Time)
}

// Classify turns a failure of the store into an Error; limit is how long the
// statement was given. An Error stays what it is, and so does a fault of ours,
// such as a syntax error.
func Classify(ctx context.Context, err error, limit time.Duration) error {
	if err == nil || errors.As(err, new(*Error)) {
		return err
	}
	if ctx.Err() == context.Canceled {
		return ctx.Err()
	}
	timeout := &Error{Code: CodeTimeout, Parameter: "from",
		Message: fmt.Sprintf("the store took longer than %s; ask for a shorter range or filter more", limit), cause: err}
	if errors.Is(err, context.DeadlineExceeded) {
		return timeout
	}
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) {
		return &Error{Code: CodeUnavailable, Message: "the store does not answer; try again in a few seconds", cause: err}
	}
	switch exception.Code {
	case timeoutExceeded, queryWasCancelled:
		return timeout
	case tooManyRows, tooManyRowsOrB:
		if strings.Contains(exception.Message, "GROUP BY") {
			return &Error{Code: CodeTooLarge, Parameter: "group_by", Message: "the answer has too many groups; filter more, or group by less", cause: err}
		}
		return &Error{Code: CodeTooLarge, Parameter: "from",
			Message: "the question reads too many requests; ask for a shorter range, filter more, or group by dimensions that long ranges have", cause: err}
	case memoryLimit:
		return &Error{Code: CodeTooLarge, Parameter: "from",
			Message: "the question needs too much memory; ask for a shorter range or fewer groups", cause: err}
	case badRegexp:
		return &Error{Code: CodeInvalid, Parameter: "filter", Message: "the regular expression is too complex", cause: err}
	case noSuchTable:
		return &Error{Code: CodeUnavailable, Message: "the store has no tables yet; try again in a few seconds", cause: err}
	case 202, 203, 209, 210, 242, 252, 279, 285, 319, 999:
		return &Error{Code: CodeUnavailable, Message: "the store is overloaded or restarting; try again in a few seconds", cause: err}
	}
	return fmt.Errorf("query the store: %w", err)
}
