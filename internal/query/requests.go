package query

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Requests answers with one page of requests.
//
// Sorted by time it lists all of them, whatever their outcome. By a metric, or
// inside a selection, it lists those that a latency rests on, so that the page
// has the requests behind a number (see Scope.IncludeFailed).
func (e *Engine) Requests(ctx context.Context, r Requests) (RequestsAnswer, error) {
	s, err := e.check(r.Scope, nil)
	if err != nil {
		return RequestsAnswer{}, err
	}
	by, err := checkListOrder(r.Sort)
	if err != nil {
		return RequestsAnswer{}, err
	}
	limit, err := checkLimit(r.Limit, 50, e.limits.Page)
	if err != nil {
		return RequestsAnswer{}, err
	}
	var after *position
	if r.Cursor != "" {
		if after, err = readCursor(r.Cursor, by); err != nil {
			return RequestsAnswer{}, err
		}
	}
	span := s.Range
	if r.Selection != nil {
		if err := checkSelection(s, *r.Selection); err != nil {
			return RequestsAnswer{}, err
		}
		span = r.Selection.Range.utc()
	}

	found, next, err := e.list(ctx, s, span, r.Selection, by, after, limit)
	return RequestsAnswer{Range: s.Range, Requests: found, Next: next}, err
}

// list reads a page and the cursor after it.
//
// FINAL would read the ids of every request in range, which cost more than all
// else. Instead each version of a request is a candidate, and those are kept
// that turn out to be their request's newest.
func (e *Engine) list(ctx context.Context, s scope, span Range, selection *Rectangle, by listOrder, after *position, limit int) ([]Request, string, error) {
	page := []Request{}
	var last position
	for size := limit + 1; ; size *= 2 {
		candidates, err := e.candidates(ctx, s, span, selection, by, after, size)
		if err != nil {
			return nil, "", err
		}
		newest, err := e.load(ctx, s.Tenant, candidates)
		if err != nil {
			return nil, "", err
		}
		for _, c := range candidates {
			r, ok := newest[c.id()]
			if !ok || r.version != c.Version || len(page) > 0 && c.id() == last.id() { // written twice
				continue
			}
			if len(page) == limit {
				return page, last.cursor(by), nil
			}
			page, last = append(page, r.Request), c
		}
		if len(candidates) < size {
			return page, "", nil
		}
		after = &candidates[len(candidates)-1]
	}
}

// listOrder is what a list is sorted by.
type listOrder struct {
	text       string
	column     fragment
	metric     bool // an Int64; otherwise a time
	descending bool
}

// expression is the value as an Int64 that is not null.
func (o listOrder) expression() fragment {
	if o.metric {
		return "assumeNotNull(value)"
	}
	return "toUnixTimestamp64Nano(value)"
}

func checkListOrder(text string) (listOrder, error) {
	if text == "" {
		text = "-end"
	}
	by, descending := strings.CutPrefix(text, "-")
	o := listOrder{text: text, descending: descending}
	switch by {
	case "end":
		o.column = "end"
	case "start":
		o.column = "start"
	default:
		column, ok := metricColumns[Metric(by)]
		if !ok {
			err := invalid("sort", "requests cannot be sorted by %q; a leading - sorts descending", text)
			err.Allowed = []string{"end", "start"}
			for _, m := range Metrics {
				err.Allowed = append(err.Allowed, string(m))
			}
			return listOrder{}, err
		}
		o.column, o.metric = column, true
	}
	return o, nil
}

// position is where a request stands in a sorted list, and where it is stored.
type position struct {
	Sort  string `json:"s"`
	Value int64  `json:"v"`
	Trace string `json:"t"`
	Span  string `json:"p"`
	// Version as well: the newest may stand at the same place as an older one.
	Version uint64 `json:"n"`

	service string
	minute  time.Time
}

// id tells requests apart; a span id is unique within its trace.
func (p position) id() [2]string { return [2]string{p.Trace, p.Span} }

func (p position) cursor(by listOrder) string {
	p.Sort = by.text
	text, _ := json.Marshal(p) // strings and numbers cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

func readCursor(text string, by listOrder) (*position, error) {
	p := &position{}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, p)
	}
	if err != nil || !isHex(p.Trace, 16) || !isHex(p.Span, 8) {
		return nil, invalid("cursor", "this is no cursor; leave it out to start from the first page")
	}
	if p.Sort != by.text {
		return nil, invalid("cursor", "the cursor is of a list sorted by %q; leave it out to start from the first page", p.Sort)
	}
	return p, nil
}

func isHex(text string, bytes int) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == bytes
}

func checkSelection(s scope, r Rectangle) error {
	if _, err := checkMetric(r.Metric, "", Metrics); err != nil {
		return err
	}
	if err := r.Range.Check("select_from", "select_to"); err != nil {
		return err
	}
	if r.LowNS != nil && r.HighNS != nil && *r.LowNS > 0 && *r.LowNS >= *r.HighNS {
		return invalid("select_low_ns", "%d is not below select_high_ns, %d", *r.LowNS, *r.HighNS)
	}
	if r.Range.From.Before(s.Range.From) || r.Range.To.After(s.Range.To) {
		return invalid("select_from", "the selection is not within the range of the question")
	}
	return nil
}

// inside appends the condition that a request lies between the selection's bounds.
func (r Rectangle) inside(q *statement) {
	column := metricColumns[r.Metric]
	q.add("ifNull(true")
	if r.LowNS != nil && *r.LowNS > 0 {
		q.add(" AND ", column, " > ").bind("Int64", *r.LowNS)
	}
	if r.HighNS != nil {
		q.add(" AND ", column, " <= ").bind("Int64", *r.HighNS)
	}
	q.add(" AND isNotNull(", column, "), false)")
}

// candidates reads positions of versions of requests that match: only the
// columns that takes, since most rows that are read are not on the page.
func (e *Engine) candidates(ctx context.Context, s scope, span Range, selection *Rectangle, by listOrder, after *position, limit int) ([]position, error) {
	q := &statement{}
	// Sorted by the column as it is and everything else after that: so the store
	// leaves out early what cannot be on the page.
	q.add("SELECT ", by.expression(), ", trace_id, span_id, service, toStartOfMinute(end), version FROM (SELECT ")
	q.add(by.column, " AS value, trace_id, span_id, service, end, version")
	s.fromVersions(q, span)
	if by.metric {
		q.add(" AND isNotNull(", by.column, ")")
	}
	if by.metric || selection != nil {
		q.add(" AND ")
		s.counted(q)
	}
	if selection != nil {
		q.add(" AND ")
		selection.inside(q)
	}
	direction, comparison := fragment(" ASC"), fragment(" > ")
	if by.descending {
		direction, comparison = " DESC", " < "
	}
	if after != nil {
		q.add(" AND (", by.column, ", trace_id, span_id, version)", comparison, "(")
		if by.metric {
			q.bind("Int64", after.Value)
		} else {
			q.add("fromUnixTimestamp64Nano(").bind("Int64", after.Value).add(", 'UTC')")
		}
		q.add(", unhex(").bind("String", after.Trace).add("), unhex(").bind("String", after.Span).add("), ").bind("UInt64", after.Version).add(")")
	}
	q.add(" ORDER BY value", direction, ", trace_id", direction, ", span_id", direction, ", version", direction)
	q.add(" LIMIT ").bind("UInt64", limit).add(")")

	var found []position
	err := e.read(ctx, q, func(rows driver.Rows) error {
		var p position
		err := rows.Scan(&p.Value, (*hexadecimal)(&p.Trace), (*hexadecimal)(&p.Span), &p.service, &p.minute, &p.Version)
		found = append(found, p)
		return err
	})
	// The store need not keep the order of what it selects from.
	slices.SortFunc(found, func(a, b position) int {
		order := cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.Trace, b.Trace), cmp.Compare(a.Span, b.Span), cmp.Compare(a.Version, b.Version))
		if by.descending {
			return -order
		}
		return order
	})
	return found, err
}

// load reads the newest version of each request, by its id, and maybe of others.
// Those whose newest version says that they are none are left out.
func (e *Engine) load(ctx context.Context, tenant string, positions []position) (map[[2]string]versioned, error) {
	if len(positions) == 0 {
		return nil, nil
	}
	var services, traces []string
	var minutes []int64
	for _, p := range positions {
		services, minutes, traces = append(services, p.service), append(minutes, p.minute.Unix()), append(traces, p.Trace)
	}
	q := selectVersions()
	// Trace ids alone decide which rows of a granule are read, the first columns of
	// the sort key which granules.
	q.add(" FROM requests PREWHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin(").bind("Array(String)", traces).add(")), 16))")
	q.add(" WHERE tenant = ").bind("String", tenant)
	q.add(" AND (service, toStartOfMinute(end)) IN (SELECT k.1, toDateTime(k.2, 'UTC') FROM (SELECT arrayJoin(arrayZip(")
	q.bind("Array(String)", services).add(", ").bind("Array(Int64)", minutes).add(")) AS k))")
	versions, err := e.scanVersions(ctx, q)
	return newest(versions), err
}

// newest keeps the newest version of each request, but for the deleted ones.
func newest(versions []versioned) map[[2]string]versioned {
	kept := map[[2]string]versioned{}
	for _, v := range versions {
		id := [2]string{v.TraceID, v.SpanID}
		if old, ok := kept[id]; !ok || v.version >= old.version {
			kept[id] = v
		}
	}
	maps.DeleteFunc(kept, func(_ [2]string, v versioned) bool { return v.deleted == 1 })
	return kept
}

// Request answers with the requests of one trace by start, or with the one that
// has the span id.
func (e *Engine) Request(ctx context.Context, id RequestID) ([]Request, error) {
	if !isHex(id.TraceID, 16) {
		return nil, invalid("trace_id", "%q is no trace id; write 32 hexadecimal digits", id.TraceID)
	}
	if id.SpanID != "" && !isHex(id.SpanID, 8) {
		return nil, invalid("span_id", "%q is no span id; write 16 hexadecimal digits", id.SpanID)
	}
	q := selectVersions()
	q.add(" FROM requests WHERE tenant = ").bind("String", id.Tenant)
	q.add(" AND trace_id = unhex(").bind("String", id.TraceID).add(")")
	if id.SpanID != "" {
		q.add(" AND span_id = unhex(").bind("String", id.SpanID).add(")")
	}
	q.add(" LIMIT ").bind("UInt64", requestsOfTrace)
	versions, err := e.scanVersions(ctx, q)
	if err != nil {
		return nil, err
	}
	requests := []Request{}
	for _, v := range newest(versions) {
		requests = append(requests, v.Request)
	}
	if len(requests) == 0 {
		return nil, &Error{Code: CodeNotFound, Parameter: "trace_id",
			Message: "there is no such request; it may be past its retention, or not have arrived yet"}
	}
	slices.SortFunc(requests, func(a, b Request) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.SpanID, b.SpanID))
	})
	return requests, nil
}

// requestsOfTrace is the most versions of requests read of one trace: more than
// a trace has spans.
const requestsOfTrace = 50_000

func (e *Engine) scanVersions(ctx context.Context, q *statement) ([]versioned, error) {
	var versions []versioned
	dest := make([]any, len(requestColumns))
	err := e.read(ctx, q, func(rows driver.Rows) error {
		var v versioned
		for i, c := range requestColumns {
			dest[i] = c.dest(&v)
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		v.complete()
		versions = append(versions, v)
		return nil
	})
	return versions, err
}

func selectVersions() *statement {
	q := (&statement{}).add("SELECT ")
	list(q, ", ", requestColumns, func(c requestColumn) { q.add(c.sql) })
	return q
}
