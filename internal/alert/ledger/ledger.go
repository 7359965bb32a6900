// Package ledger keeps alerts in ClickHouse: rules made through the API, the
// state of each alert, judged windows, evaluations and transitions.
package ledger

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/query"
)

// Ledger implements alert.Ledger on the tables of migration 5.
type Ledger struct {
	conn driver.Conn
	now  func() time.Time
}

// New returns a ledger that reads and writes through conn.
func New(conn driver.Conn) *Ledger { return &Ledger{conn, time.Now} }

var _ alert.Ledger = (*Ledger)(nil)

// Save writes what is in the batch, one insert for each table. Rows that were
// written before are replaced, so that a batch may be saved again.
func (l *Ledger) Save(ctx context.Context, b alert.Batch) error {
	written := l.now()
	err := insert(ctx, l.conn, "INSERT INTO alert_states (rule, fingerprint, state, written)", b.Standings,
		func(s alert.Standing) ([]any, error) {
			text, err := json.Marshal(s)
			return []any{s.Rule, alert.ID(s.Rule, s.Group), string(text), written}, err
		})
	if err != nil {
		return err
	}
	err = insert(ctx, l.conn, `INSERT INTO alert_windows (rule, definition, fingerprint, labels, start, seconds, requests, streamed, with_ttft, good,
		n, exceeding, expected, variance, matched, incident, written)`, b.Windows,
		func(r alert.Recorded) ([]any, error) {
			labels, err := json.Marshal(r.Group)
			w, s := r.Window, alert.Surprise{}
			if w.Surprise != nil {
				s = *w.Surprise
			}
			return []any{r.Rule, r.Definition, alert.ID(r.Rule, r.Group), string(labels), w.Start, uint32(w.End.Sub(w.Start) / time.Second),
				w.Requests, w.Streamed, w.WithTTFT, w.Good, s.N, s.Exceeding, s.Expected, s.Variance, s.Matched, w.Incident, written}, err
		})
	if err != nil {
		return err
	}
	err = insert(ctx, l.conn, "INSERT INTO alert_evaluations (rule, fingerprint, at, evaluation, written)", b.Evaluations,
		func(e alert.Evaluation) ([]any, error) {
			text, err := json.Marshal(e)
			return []any{e.Rule, alert.ID(e.Rule, e.Group), e.At, string(text), written}, err
		})
	if err != nil {
		return err
	}
	return insert(ctx, l.conn, "INSERT INTO alert_transitions (rule, fingerprint, at, undelivered, transition, written)", b.Transitions,
		func(t alert.Transition) ([]any, error) {
			text, err := json.Marshal(t)
			return []any{t.Rule, alert.ID(t.Rule, t.Group), t.At, t.Undelivered(), string(text), written}, err
		})
}

func insert[T any](ctx context.Context, conn driver.Conn, statement string, items []T, row func(T) ([]any, error)) error {
	if len(items) == 0 {
		return nil
	}
	batch, err := conn.PrepareBatch(ctx, statement)
	if err != nil {
		return fmt.Errorf("store alerts: %w", err)
	}
	defer batch.Close()
	for _, item := range items {
		values, err := row(item)
		if err == nil {
			err = batch.Append(values...)
		}
		if err != nil {
			return fmt.Errorf("store alerts: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("store alerts: %w", err)
	}
	return nil
}

// readLimit is how long a list may take.
const readLimit = 10 * time.Second

// texts runs a statement of one JSON column, and perhaps a time after it, and
// decodes each row.
func texts[T any](ctx context.Context, conn driver.Conn, statement string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"readonly": 1, "cancel_http_readonly_queries_on_client_close": 1}))
	rows, err := conn.Query(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	defer rows.Close()
	var items []T
	for rows.Next() {
		var text string
		var item T
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read alerts: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &item); err != nil {
			return nil, fmt.Errorf("read alerts: a stored row cannot be decoded: %w", err)
		}
		items = append(items, item)
	}
	return items, rows.Err()
}

// Standings returns every alert's state.
func (l *Ledger) Standings(ctx context.Context) ([]alert.Standing, error) {
	return texts[alert.Standing](ctx, l.conn, "SELECT state FROM alert_states FINAL")
}

// Windows returns a rule's judged windows since a time.
func (l *Ledger) Windows(ctx context.Context, rule string, definition uint64, since time.Time) ([]alert.Recorded, error) {
	rows, err := l.conn.Query(ctx, `SELECT labels, start, seconds, requests, streamed, with_ttft, good, n, exceeding, expected, variance, matched, incident
		FROM alert_windows FINAL WHERE rule = {rule:String} AND definition = {definition:UInt64} AND start >= {since:DateTime('UTC')}
		ORDER BY fingerprint, start`,
		clickhouse.Named("rule", rule), clickhouse.Named("definition", strconv.FormatUint(definition, 10)), clickhouse.Named("since", since.UTC().Format(time.DateTime)))
	if err != nil {
		return nil, fmt.Errorf("read alert windows: %w", err)
	}
	defer rows.Close()
	var all []alert.Recorded
	for rows.Next() {
		r := alert.Recorded{Rule: rule, Definition: definition}
		var labels string
		var seconds uint32
		var s alert.Surprise
		w := &r.Window
		if err := rows.Scan(&labels, &w.Start, &seconds, &w.Requests, &w.Streamed, &w.WithTTFT, &w.Good,
			&s.N, &s.Exceeding, &s.Expected, &s.Variance, &s.Matched, &w.Incident); err != nil {
			return nil, fmt.Errorf("read alert windows: %w", err)
		}
		if err := json.Unmarshal([]byte(labels), &r.Group); err != nil {
			return nil, fmt.Errorf("read alert windows: %w", err)
		}
		w.Start = w.Start.UTC()
		w.End = w.Start.Add(time.Duration(seconds) * time.Second)
		if s.N > 0 {
			w.Surprise = &s
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// page is the condition of a list of rows (rule, fingerprint, at), the newest
// first, after the place of a cursor.
const page = ` WHERE at >= {from:DateTime('UTC')} AND at < {to:DateTime('UTC')} AND ({rule:String} = '' OR rule = {rule:String})
	AND ({fingerprint:String} = '' OR fingerprint = {fingerprint:String})
	AND (at < {at:DateTime('UTC')} OR at = {at:DateTime('UTC')} AND (rule > {after_rule:String} OR rule = {after_rule:String} AND fingerprint > {after_fingerprint:String}))
	ORDER BY at DESC, rule, fingerprint LIMIT {limit:UInt32}`

// place is where a page ended: rows that came since do not move the next one.
type place struct {
	At          int64  `json:"t"`
	Rule        string `json:"r"`
	Fingerprint string `json:"f"`
}

func (p place) cursor() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts and a number
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func readCursor(text string) (p place, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil || p.At < 0 || p.At > math.MaxUint32 {
		return p, &query.Error{Code: query.CodeInvalid, Parameter: "cursor", Message: "this is no cursor; leave it out to start from the newest"}
	}
	return p, nil
}

func paged[T any](ctx context.Context, conn driver.Conn, statement string, p alert.Page, where func(T) place) ([]T, string, error) {
	to := p.Range.To.UTC().Add(time.Second)
	after := place{At: to.Unix()}
	if p.Before != "" {
		var err error
		if after, err = readCursor(p.Before); err != nil {
			return nil, "", err
		}
	}
	items, err := texts[T](ctx, conn, statement+page,
		clickhouse.Named("from", p.Range.From.UTC().Format(time.DateTime)), clickhouse.Named("to", to.Format(time.DateTime)),
		clickhouse.Named("rule", p.Rule), clickhouse.Named("fingerprint", p.Fingerprint),
		clickhouse.Named("at", time.Unix(after.At, 0).UTC().Format(time.DateTime)),
		clickhouse.Named("after_rule", after.Rule), clickhouse.Named("after_fingerprint", after.Fingerprint),
		clickhouse.Named("limit", strconv.Itoa(p.Limit+1)))
	next := ""
	if len(items) > p.Limit {
		items = items[:p.Limit]
		next = where(items[p.Limit-1]).cursor()
	}
	return items, next, err
}

// Transitions returns changes of state, newest first.
func (l *Ledger) Transitions(ctx context.Context, p alert.Page) ([]alert.Transition, string, error) {
	return paged(ctx, l.conn, "SELECT transition FROM alert_transitions FINAL", p, func(t alert.Transition) place {
		return place{t.At.Unix(), t.Rule, alert.ID(t.Rule, t.Group)}
	})
}

// Evaluations returns evaluations, newest first.
func (l *Ledger) Evaluations(ctx context.Context, p alert.Page) ([]alert.Evaluation, string, error) {
	return paged(ctx, l.conn, "SELECT evaluation FROM alert_evaluations FINAL", p, func(e alert.Evaluation) place {
		return place{e.At.Unix(), e.Rule, alert.ID(e.Rule, e.Group)}
	})
}

// Undelivered returns the transitions since a time that a target still waits for.
func (l *Ledger) Undelivered(ctx context.Context, since time.Time) ([]alert.Transition, error) {
	return texts[alert.Transition](ctx, l.conn, `SELECT transition FROM alert_transitions FINAL
		WHERE undelivered AND at >= {since:DateTime('UTC')} ORDER BY at`, clickhouse.Named("since", since.UTC().Format(time.DateTime)))
}

// Rules returns the rules that were made through the API.
func (l *Ledger) Rules(ctx context.Context) ([]alert.Rule, error) {
	return texts[alert.Rule](ctx, l.conn, "SELECT rule FROM alert_rules FINAL WHERE is_deleted = 0 ORDER BY name")
}

// PutRule stores a rule under its name.
func (l *Ledger) PutRule(ctx context.Context, r alert.Rule) error { return l.putRule(ctx, r, 0) }

// DeleteRule forgets a rule.
func (l *Ledger) DeleteRule(ctx context.Context, name string) error {
	return l.putRule(ctx, alert.Rule{Name: name}, 1)
}

func (l *Ledger) putRule(ctx context.Context, r alert.Rule, deleted uint8) error {
	return insert(ctx, l.conn, "INSERT INTO alert_rules (name, rule, is_deleted, written)", []alert.Rule{r}, func(r alert.Rule) ([]any, error) {
		text, err := json.Marshal(r)
		return []any{r.Name, string(text), deleted, l.now()}, err
	})
}
