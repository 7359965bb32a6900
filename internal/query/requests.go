package query

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
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

	found, err := e.page(ctx, s, span, r.Selection, by, after, limit+1)
	if err != nil {
		return RequestsAnswer{}, err
	}
	answer := RequestsAnswer{Range: s.Range}
	if len(found) > limit {
		found = found[:limit]
		answer.Next = found[limit-1].cursor(by)
	}
	answer.Requests, err = e.load(ctx, s.Tenant, found)
	return answer, err
}

// listOrder is what a list is sorted by.
type listOrder struct {
	text       string
	value      fragment // an Int64
	metric     bool
	descending bool
}

func checkListOrder(text string) (listOrder, error) {
	if text == "" {
		text = "-end"
	}
	by, descending := strings.CutPrefix(text, "-")
	o := listOrder{text: text, descending: descending}
	switch by {
	case "end":
		o.value = "toUnixTimestamp64Nano(end)"
	case "start":
		o.value = "toUnixTimestamp64Nano(start)"
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
		o.value, o.metric = column, true
	}
	return o, nil
}

// position is where a request stands in a sorted list, and where it is stored.
type position struct {
	Sort  string `json:"s"`
	Value int64  `json:"v"`
	Trace string `json:"t"`
	Span  string `json:"p"`

	service string
	minute  time.Time
}

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
	if err := r.Range.check("select_from", "select_to"); err != nil {
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

// page reads the positions of one page: only the columns it needs, since most
// rows that are read are not on it.
func (e *Engine) page(ctx context.Context, s scope, span Range, selection *Rectangle, by listOrder, after *position, limit int) ([]position, error) {
	q := &statement{}
	q.add("SELECT assumeNotNull(", by.value, ") AS value, lower(hex(trace_id)), lower(hex(span_id)), service, toStartOfMinute(end)")
	s.from(q, span)
	if by.metric {
		q.add(" AND isNotNull(", by.value, ")")
	}
	if by.metric || selection != nil {
		q.add(" AND ")
		s.counted(q)
	}
	if selection != nil && selection.Metric != "" {
		q.add(" AND ")
		selection.inside(q)
	}
	direction := fragment(" ASC")
	if by.descending {
		direction = " DESC"
	}
	if after != nil {
		comparison := fragment(" > ")
		if by.descending {
			comparison = " < "
		}
		q.add(" AND (value, trace_id, span_id)", comparison, "(").bind("Int64", after.Value)
		q.add(", unhex(").bind("String", after.Trace).add("), unhex(").bind("String", after.Span).add("))")
	}
	q.add(" ORDER BY value", direction, ", trace_id", direction, ", span_id", direction)
	q.add(" LIMIT ").bind("UInt64", limit)

	var found []position
	err := e.read(ctx, q, func(rows driver.Rows) error {
		var p position
		err := rows.Scan(&p.Value, &p.Trace, &p.Span, &p.service, &p.minute)
		found = append(found, p)
		return err
	})
	return found, err
}

// load reads whole requests, in the order of their positions.
func (e *Engine) load(ctx context.Context, tenant string, positions []position) ([]Request, error) {
	if len(positions) == 0 {
		return []Request{}, nil
	}
	var services, traces, spans []string
	var minutes []int64
	at := map[[2]string]int{}
	for i, p := range positions {
		services, minutes = append(services, p.service), append(minutes, p.minute.Unix())
		traces, spans = append(traces, p.Trace), append(spans, p.Span)
		at[[2]string{p.Trace, p.Span}] = i
	}
	q := selectRequests()
	q.add(" FROM requests FINAL WHERE tenant = ").bind("String", tenant)
	// By the whole sort key, so that only the granules that hold them are read.
	q.add(" AND (service, toStartOfMinute(end), trace_id, span_id) IN (SELECT k.1, toDateTime(k.2, 'UTC'), toFixedString(unhex(k.3), 16), toFixedString(unhex(k.4), 8) FROM (SELECT arrayJoin(arrayZip(")
	q.bind("Array(String)", services).add(", ").bind("Array(Int64)", minutes).add(", ")
	q.bind("Array(String)", traces).add(", ").bind("Array(String)", spans).add(")) AS k))")
	requests, err := e.scanRequests(ctx, q)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(requests, func(a, b Request) int {
		return at[[2]string{a.TraceID, a.SpanID}] - at[[2]string{b.TraceID, b.SpanID}]
	})
	return requests, nil
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
	q := selectRequests()
	q.add(" FROM requests FINAL WHERE tenant = ").bind("String", id.Tenant)
	q.add(" AND trace_id = unhex(").bind("String", id.TraceID).add(")")
	if id.SpanID != "" {
		q.add(" AND span_id = unhex(").bind("String", id.SpanID).add(")")
	}
	q.add(" ORDER BY start, span_id LIMIT ").bind("UInt64", e.limits.Page)
	requests, err := e.scanRequests(ctx, q)
	if err == nil && len(requests) == 0 {
		return nil, &Error{Code: CodeNotFound, Parameter: "trace_id",
			Message: "there is no such request; it may be past its retention, or not have arrived yet"}
	}
	return requests, err
}

func (e *Engine) scanRequests(ctx context.Context, q *statement) ([]Request, error) {
	requests := []Request{}
	err := e.read(ctx, q, func(rows driver.Rows) error {
		var r Request
		dest := make([]any, len(requestColumns))
		for i, c := range requestColumns {
			dest[i] = c.dest(&r)
		}
		var hops, lengths = []string{}, []int64{}
		if err := rows.Scan(append(dest, &hops, &lengths)...); err != nil {
			return err
		}
		for i, hop := range hops {
			r.NetworkHops = append(r.NetworkHops, Hop{hop, lengths[i]})
		}
		r.Start, r.End = r.Start.UTC(), r.End.UTC()
		requests = append(requests, r)
		return nil
	})
	return requests, err
}

func selectRequests() *statement {
	q := (&statement{}).add("SELECT ")
	for _, c := range requestColumns {
		q.add(c.sql, ", ")
	}
	return q.add("hops.hop, hops.ns")
}

// requestColumns says where each column of a request goes.
var requestColumns = []struct {
	sql  fragment
	dest func(*Request) any
}{
	{"lower(hex(trace_id))", func(r *Request) any { return &r.TraceID }},
	{"lower(hex(span_id))", func(r *Request) any { return &r.SpanID }},
	{"tenant", func(r *Request) any { return &r.Tenant }},
	{"start", func(r *Request) any { return &r.Start }},
	{"end", func(r *Request) any { return &r.End }},
	{"service_namespace", func(r *Request) any { return &r.ServiceNamespace }},
	{"service", func(r *Request) any { return &r.Service }},
	{"version_name", func(r *Request) any { return &r.Version }},
	{"environment", func(r *Request) any { return &r.Environment }},
	{"operation", func(r *Request) any { return &r.Operation }},
	{"model", func(r *Request) any { return &r.Model }},
	{"response_model", func(r *Request) any { return &r.ResponseModel }},
	{"provider", func(r *Request) any { return &r.Provider }},
	{"engine", func(r *Request) any { return &r.Engine }},
	{"server_address", func(r *Request) any { return &r.ServerAddress }},
	{"dialect", func(r *Request) any { return &r.Dialect }},
	{"streaming", func(r *Request) any { return &r.Streaming }},
	{"toString(outcome)", func(r *Request) any { return &r.Outcome }},
	{"toString(vantage)", func(r *Request) any { return &r.Vantage }},
	{"error_type", func(r *Request) any { return &r.ErrorType }},
	{"finish_reason", func(r *Request) any { return &r.FinishReason }},
	{"session", func(r *Request) any { return &r.Session }},
	{"user", func(r *Request) any { return &r.User }},
	{"prompt_name", func(r *Request) any { return &r.PromptName }},
	{"prompt_version", func(r *Request) any { return &r.PromptVersion }},
	{"total_ns", func(r *Request) any { return &r.TotalNS }},
	{"network_ns", func(r *Request) any { return &r.NetworkNS }},
	{"queue_ns", func(r *Request) any { return &r.QueueNS }},
	{"prefill_ns", func(r *Request) any { return &r.PrefillNS }},
	{"decode_ns", func(r *Request) any { return &r.DecodeNS }},
	{"unattributed_ns", func(r *Request) any { return &r.UnattributedNS }},
	{"ttft_ns", func(r *Request) any { return &r.TTFTNS }},
	{"toString(ttft_kind)", func(r *Request) any { return &r.TTFTKind }},
	{"ttft_source", func(r *Request) any { return &r.TTFTSource }},
	{"ttft_network_ns", func(r *Request) any { return &r.TTFTNetworkNS }},
	{"ttft_queue_ns", func(r *Request) any { return &r.TTFTQueueNS }},
	{"ttft_prefill_ns", func(r *Request) any { return &r.TTFTPrefillNS }},
	{"ttft_rest_ns", func(r *Request) any { return &r.TTFTRestNS }},
	{"first_answer_ns", func(r *Request) any { return &r.FirstAnswerNS }},
	{"server_ns", func(r *Request) any { return &r.ServerNS }},
	{"server_ttft_ns", func(r *Request) any { return &r.ServerTTFTNS }},
	{"retry_ns", func(r *Request) any { return &r.RetryNS }},
	{"connect_ns", func(r *Request) any { return &r.ConnectNS }},
	{"tpot_ns", func(r *Request) any { return &r.TPOTNS }},
	{"input_tokens", func(r *Request) any { return &r.InputTokens }},
	{"cached_input_tokens", func(r *Request) any { return &r.CachedInputTokens }},
	{"output_tokens", func(r *Request) any { return &r.OutputTokens }},
	{"reasoning_tokens", func(r *Request) any { return &r.ReasoningTokens }},
	{"toString(network_provenance)", func(r *Request) any { return &r.Provenance.Network }},
	{"toString(queue_provenance)", func(r *Request) any { return &r.Provenance.Queue }},
	{"toString(prefill_provenance)", func(r *Request) any { return &r.Provenance.Prefill }},
	{"toString(decode_provenance)", func(r *Request) any { return &r.Provenance.Decode }},
	{"toString(ttft_provenance)", func(r *Request) any { return &r.Provenance.TTFT }},
	{"flags", func(r *Request) any { return &r.Flags }},
	{"attributes", func(r *Request) any { return &r.Attributes }},
}
