package query

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/phaseline/phaseline/internal/histogram"
)

// request is what is read of a request.
type request struct {
	key     key
	end     int64 // Unix ns
	outcome outcome
	split   bool                // TTFT has parts
	values  [measureCount]int64 // -1 where unknown, or not wanted

	// For slices only.
	model  string
	server bool // seen from the server: no network before it is observed
	input  int8 // number of the input bucket
}

// readRequests reads the requests of the ranges one by one and counts them here:
// the store analyses a statement of fifty aggregates for longer than it reads a
// hundred thousand rows.
func (e *Engine) readRequests(ctx context.Context, s scope, r reading, ranges ...Range) (*found, error) {
	counted, summed := r.amounts(measureCount)
	wanted := r.columns(counted)
	q := &statement{}
	q.add("SELECT ")
	s.labels(q, TierRequests)
	q.add("toInt8(outcome), toUnixTimestamp64Nano(end), ttft_is_split")
	for _, m := range wanted.stored {
		q.add(", ifNull(", measures[m].column, ", -1)")
	}
	if len(r.slicings) > 0 {
		q.add(", toString(model), vantage = 'server', ", inputNumber)
	}
	s.from(q, ranges...)
	s.only(q, r.keys)

	t := newTally(s, r, counted, summed, e.limits.ExactRows)
	var x request
	for m := range x.values {
		x.values[m] = -1
	}
	dest := append(s.scan(&x.key), (*int8)(&x.outcome), &x.end, &x.split)
	for _, m := range wanted.stored {
		dest = append(dest, &x.values[m])
	}
	if len(r.slicings) > 0 {
		dest = append(dest, &x.model, &x.server, &x.input)
	}
	err := e.read(ctx, q, func(rows driver.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		wanted.derive(&x)
		t.add(&x)
		if len(t.cells) > e.limits.Groups {
			return e.tooManyGroups()
		}
		return nil
	})
	return t.finish(), err
}

// countRequests lets the store count, by the bucket of the one metric that has
// a histogram, or of none.
func (e *Engine) countRequests(ctx context.Context, s scope, r reading, ranges ...Range) (*found, error) {
	counted, summed := r.amounts(measureCount)
	q := &statement{}
	q.add("SELECT ")
	s.labels(q, TierRequests)
	r.grid.blockOfRequest(q)
	q.add(" AS block, toInt8(outcome) AS result, count()")
	for _, m := range counted {
		q.add(", count(", measures[m].column, ")")
	}
	for _, m := range summed {
		q.add(", toInt64(ifNull(sum(", measures[m].column, "), 0))")
	}
	const unknown = -3
	if len(r.histograms) > 0 {
		column := metricColumns[r.histograms[0]]
		q.add(", toInt16(if(isNull(", column, "), -3, if(", column, " > 0, ceil(log2(assumeNotNull(", column, ")) * 64) - 1, -2))) AS bucket")
	} else {
		q.add(", toInt16(-3) AS bucket")
	}
	s.from(q, ranges...)
	s.only(q, r.keys)
	s.groupBy(q, "block", "result", "bucket")

	f := &found{cells: cells{}, exact: len(r.histograms) == 0}
	x := newCellRow(s, counted, summed)
	var bucket int16
	dest := append(x.dest, &bucket)
	err := e.read(ctx, q, func(rows driver.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		c := f.cells.at(x.key, x.at)
		if x.addTo(c) && bucket != unknown {
			c.histogram(r.histograms[0]).Add(int32(bucket), int64(x.requests))
		}
		if len(f.cells) > e.limits.Groups {
			return e.tooManyGroups()
		}
		return nil
	})
	return f, err
}

// columns are the measures that are read of each request, and those that follow
// from them: the table has these as ALIAS columns, which cost more to analyse and to
// send than to compute here.
type columns struct {
	stored       []measure
	unattributed bool
	ttftParts    bool
}

func (r reading) columns(counted []measure) columns {
	var read [measureCount]bool
	for _, m := range counted {
		read[m] = true
	}
	for _, m := range r.histograms {
		read[metricIndex[m]] = true
	}
	if len(r.slicings) > 0 {
		read[r.whole.measure] = true
		for _, m := range r.whole.known {
			read[m] = true
		}
	}
	c := columns{unattributed: read[metricIndex[Unattributed]], ttftParts: read[ttftQueue] || read[ttftPrefill]}
	read[metricIndex[Unattributed]], read[ttftQueue], read[ttftPrefill] = false, false, false
	if c.unattributed {
		for _, m := range append([]measure{metricIndex[Total]}, phases...) {
			read[m] = true
		}
	}
	if c.ttftParts {
		read[metricIndex[Queue]], read[metricIndex[Prefill]] = true, true
	}
	for m := range measureCount {
		if read[m] {
			c.stored = append(c.stored, m)
		}
	}
	return c
}

// What each request's measures are derived from and to.
var (
	unattributed, total = metricIndex[Unattributed], metricIndex[Total]
	queue, prefill      = metricIndex[Queue], metricIndex[Prefill]
	// phases are what the total is made of, but for what is not attributed.
	phases = []measure{metricIndex[Network], queue, prefill, metricIndex[Decode]}
)

// derive computes what is not read.
func (c columns) derive(x *request) {
	if c.unattributed {
		left := x.values[total]
		for _, m := range phases {
			left -= max(x.values[m], 0)
		}
		x.values[unattributed] = left
	}
	if c.ttftParts {
		x.values[ttftQueue], x.values[ttftPrefill] = -1, -1
		if x.split {
			x.values[ttftQueue], x.values[ttftPrefill] = x.values[queue], x.values[prefill]
		}
	}
}

// tally counts requests.
type tally struct {
	found
	reading
	scope
	counted, summed []measure
	distributed     []measure // those of reading.histograms
	slicesBy        []map[place]*slice
	room            int64 // for requests that are kept one by one
	sum             histogram.Sum

	// Cells of the block that the request before lies in: the store reads requests by
	// minute, so most belong to one of them.
	block int64
	near  []near
}

// near is the cell of a group.
type near struct {
	key  key
	cell *cell
}

// nearby is how many of them are compared with, before it costs what a map does.
const nearby = 8

func newTally(s scope, r reading, counted, summed []measure, room int64) *tally {
	t := &tally{scope: s, reading: r, counted: counted, summed: summed, room: room}
	t.cells, t.exact = cells{}, true
	for _, m := range r.histograms {
		t.distributed = append(t.distributed, metricIndex[m])
	}
	for range r.slicings {
		t.slicesBy = append(t.slicesBy, map[place]*slice{})
	}
	return t
}

func (t *tally) add(x *request) {
	c := t.cell(x)
	c.counts.add(x.outcome, 1)
	if !t.scope.counts(x.outcome) {
		return
	}
	c.counted++
	for _, m := range t.counted {
		if x.values[m] >= 0 {
			c.amounts[m].n++
		}
	}
	for _, m := range t.summed {
		if x.values[m] >= 0 {
			c.amounts[m].sum.add(uint64(x.values[m]))
		}
	}
	if t.exact {
		if t.room--; t.room < 0 {
			t.stopKeeping()
		}
	}
	for _, m := range t.distributed {
		if ns := x.values[m]; ns >= 0 {
			c.values[m] = append(c.values[m], ns)
		}
	}
	const enough = 4096 // so that counting them costs what they cost
	if !t.exact && c.counted%enough == 0 {
		c.forget(&t.sum)
	}
	if len(t.slicings) == 0 || x.values[t.whole.measure] < 0 {
		return
	}
	whole := splitOf(x, t.whole)
	if t.exact {
		c.splits = append(c.splits, whole)
	}
	for i, by := range t.slicings {
		at := by.place(x, whole)
		into := t.slicesBy[i][at]
		if into == nil {
			into = &slice{place: at}
			t.slicesBy[i][at] = into
		}
		into.add(whole)
	}
}

func (t *tally) cell(x *request) *cell {
	if block := t.grid.block(x.end); block != t.block {
		t.block, t.near = block, t.near[:0]
	}
	for i := range t.near {
		if t.near[i].key == x.key {
			return t.near[i].cell
		}
	}
	c := t.cells.at(x.key, t.block)
	if len(t.near) < nearby {
		t.near = append(t.near, near{x.key, c})
	}
	return c
}

// stopKeeping goes on with buckets alone: there are too many requests.
func (t *tally) stopKeeping() {
	t.exact = false
	_ = t.cells.each(forget) // nothing can fail
}

func forget(c *cell, sum *histogram.Sum) error {
	c.forget(sum)
	return nil
}

func (t *tally) finish() *found {
	if t.exact {
		_ = t.cells.observe() // nothing is encoded
	} else {
		_ = t.cells.each(forget)
	}
	t.slices = make([][]slice, len(t.slicings))
	for i := range t.slicings {
		for _, x := range t.slicesBy[i] {
			t.slices[i] = append(t.slices[i], *x)
		}
	}
	return &t.found
}

// only appends the condition that a request belongs to one of the groups; none
// means any.
func (s scope) only(q *statement, keys []key) {
	if len(keys) == 0 || len(s.groups) == 0 {
		return
	}
	values := make([][]string, len(keys))
	for i, k := range keys {
		values[i] = k[:len(s.groups)]
	}
	q.add(" AND has(").bind("Array(Array(String))", values).add(", [")
	list(q, ", ", groupNames[:len(s.groups)], func(f fragment) { q.add(f) })
	q.add("])")
}
