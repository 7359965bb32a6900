package query

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// AlertWindows asks what groups did in windows of time, by kind of request.
type AlertWindows struct {
	Filters []Filter
	GroupBy []string
	Group   []string // the values of GroupBy of the one group wanted; nil is all
	Metric  Metric
	Ranges  []Range
	Step    time.Duration // windows start at whole steps after the start of the first range
	// Limits that a good request keeps; 0 is none.
	TTFT, TPOT, Total time.Duration
}

// AlertCell is the requests of one window of a group that are of one kind and
// whose metric lies in one coarse bucket.
type AlertCell struct {
	Group  []string // values of GroupBy
	Window int64    // number of steps from the start of the first range

	Requests, Streamed, WithTTFT, Good int64 // whatever their outcome; see alert.Window

	// Measured says that the requests succeeded and have the metric. Without it
	// what follows is empty.
	Measured                   bool
	Model, Vantage, TTFTSource string
	Input                      int8 // half powers of two of uncached input tokens: 12 is fewer than 91, 13 fewer than 128; -1 unknown
	Coarse                     int16
	Fine                       [8]int64 // requests by bucket: index Coarse*8 + i
	// Sums of the parts, in nanoseconds. Of TTFT where that is the metric, of the
	// total otherwise; what is not known is in Rest.
	Network, Queue, Prefill, Decode, Rest float64
}

// inputHalves is finer than input_bucket: within a factor of four, and even of two,
// longer prompts alone would look like a regression.
const inputHalves fragment = `if(isNull(input_tokens), toInt8(-1), ` +
	`toInt8(floor(2 * log2(greatest(assumeNotNull(input_tokens) - ifNull(cached_input_tokens, 0), 64)))))`

// AlertWindows calls each for every cell, in no order.
func (e *Engine) AlertWindows(ctx context.Context, a AlertWindows, each func(AlertCell)) error {
	if len(a.Ranges) == 0 {
		return nil
	}
	whole := Range{From: a.Ranges[0].From, To: a.Ranges[len(a.Ranges)-1].To}
	s, err := e.check(Scope{Range: whole, Filters: a.Filters}, a.GroupBy)
	if err != nil {
		return err
	}
	metric, err := checkMetric(a.Metric, TTFT, Metrics)
	if err != nil {
		return err
	}
	for i, value := range a.Group {
		s.conditions = append(s.conditions, condition{column: s.groups[i], operator: Equal, value: value})
	}
	column := metricColumns[metric]
	measured := func(q *statement, expression, otherwise fragment) {
		q.add("if(outcome = 'ok' AND isNotNull(", column, "), ", expression, ", ", otherwise, ")")
	}
	q := &statement{}
	q.add("SELECT ")
	s.labels(q, TierRequests)
	q.add("intDiv(toUnixTimestamp64Nano(end) - ").bind("Int64", whole.From.UnixNano()).add(", ").bind("Int64", int64(a.Step)).add(") AS block, ")
	q.add("outcome = 'ok' AND isNotNull(", column, ") AS measured, ")
	for _, c := range []struct{ expression, otherwise, name fragment }{
		{"toString(model)", "''", " AS stratum_model, "},
		{"toString(vantage)", "''", " AS stratum_vantage, "},
		{"toString(ttft_source)", "''", " AS stratum_source, "},
		{inputHalves, "toInt8(-1)", " AS stratum_input, "},
	} {
		measured(q, c.expression, c.otherwise)
		q.add(c.name)
	}
	index := func() {
		q.add("if(ifNull(", column, ", 0) > 0, toInt16(ceil(log2(assumeNotNull(", column, ")) * 64) - 1), toInt16(-2))")
	}
	q.add("toInt16(if(measured, floor((")
	index()
	q.add(") / 8), -1)) AS coarse, ")
	q.add("count(), countIf(outcome = 'ok' AND ifNull(streaming, true)), countIf(outcome = 'ok' AND ifNull(streaming, true) AND isNotNull(ttft_ns)), countIf(outcome = 'ok'")
	for _, limit := range []struct {
		column fragment
		most   time.Duration
	}{{"ttft_ns", a.TTFT}, {"tpot_ns", a.TPOT}, {"total_ns", a.Total}} {
		if limit.most > 0 {
			q.add(" AND ifNull(", limit.column, " <= ").bind("Int64", int64(limit.most)).add(", false)")
		}
	}
	q.add(")")
	for i := range 8 {
		q.add(", countIf(measured AND (")
		index()
		q.add(") - coarse * 8 = ").bind("Int64", int64(i)).add(")")
	}
	parts := [...]fragment{"network_ns", "queue_ns", "prefill_ns", "decode_ns", "unattributed_ns"}
	if metric == TTFT {
		parts = [...]fragment{"ttft_network_ns", "ttft_queue_ns", "ttft_prefill_ns", "0", "ttft_rest_ns"}
	}
	for _, part := range parts {
		q.add(", toFloat64(ifNull(sumIf(", part, ", measured), 0))")
	}
	s.from(q, a.Ranges...)
	s.groupBy(q, "block", "measured", "stratum_model", "stratum_vantage", "stratum_source", "stratum_input", "coarse")

	return e.read(ctx, q, func(rows driver.Rows) error {
		var k key
		var c AlertCell
		var isMeasured uint8
		var counts [4 + 8]uint64
		dest := append(s.scan(&k), &c.Window, &isMeasured, &c.Model, &c.Vantage, &c.TTFTSource, &c.Input, &c.Coarse)
		for i := range counts {
			dest = append(dest, &counts[i])
		}
		dest = append(dest, &c.Network, &c.Queue, &c.Prefill, &c.Decode, &c.Rest)
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		c.Measured = isMeasured == 1
		c.Group = k[:len(s.groups)]
		c.Requests, c.Streamed, c.WithTTFT, c.Good = int64(counts[0]), int64(counts[1]), int64(counts[2]), int64(counts[3])
		for i := range c.Fine {
			c.Fine[i] = int64(counts[4+i])
		}
		each(c)
		return nil
	})
}

// Oldest returns when the first request of the range ended; the zero time
// without any. It looks at a day from the first row of all on, and then further:
// the whole range may be a month.
func (e *Engine) Oldest(ctx context.Context, r Range) (time.Time, error) {
	s, err := e.check(Scope{Range: r}, nil)
	if err != nil {
		return time.Time{}, err
	}
	var oldest time.Time
	scan := func(rows driver.Rows) error { return rows.Scan(&oldest) }
	// From the parts' own statistics: no row is read.
	if err := e.read(ctx, (&statement{}).add("SELECT min(end) FROM requests HAVING count() > 0"), scan); err != nil || oldest.IsZero() {
		return time.Time{}, err
	}
	if oldest.After(s.Range.From) {
		s.Range.From = oldest.UTC()
	}
	for width := 24 * time.Hour; s.Range.From.Before(r.To); width *= 4 {
		s.Range.To = s.Range.From.Add(width)
		if s.Range.To.After(r.To) {
			s.Range.To = r.To.UTC()
		}
		q := (&statement{}).add("SELECT min(end)")
		s.from(q, s.Range)
		q.add(" HAVING count() > 0")
		oldest = time.Time{}
		if err := e.read(ctx, q, scan); err != nil || !oldest.IsZero() {
			return oldest.UTC(), err
		}
		s.Range.From = s.Range.To
	}
	return time.Time{}, nil
}
