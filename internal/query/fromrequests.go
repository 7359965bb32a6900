package query

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// request is what is read of a request, or of count alike ones.
type request struct {
	key     key
	count   uint64
	end     int64 // Unix ns
	outcome outcome
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
	// Where only numbers are wanted, alike requests come as one row.
	alike := len(summed) == 0 && len(r.histograms) == 0 && len(r.slicings) == 0 && r.grid.width == 0
	q := &statement{}
	q.add("SELECT ")
	s.labels(q, TierRequests)
	q.add("toInt8(outcome) AS result")
	if alike {
		q.add(", count()")
	} else {
		q.add(", toUnixTimestamp64Nano(end)")
	}
	for _, m := range wanted {
		if alike {
			q.add(", if(isNull(", measures[m].column, "), toInt64(-1), toInt64(0)) AS ", measureNames[m])
		} else {
			q.add(", ifNull(", measures[m].column, ", -1)")
		}
	}
	if len(r.slicings) > 0 {
		q.add(", toString(model), vantage = 'server', ", inputNumber)
	}
	s.from(q, ranges...)
	s.only(q, r.keys)
	if alike {
		by := []fragment{"result"}
		for _, m := range wanted {
			by = append(by, measureNames[m])
		}
		s.groupBy(q, by...)
	}

	t := newTally(s, r, counted, summed, e.limits.ExactRows)
	x := request{count: 1}
	for m := range x.values {
		x.values[m] = -1
	}
	dest := append(s.scan(&x.key), (*int8)(&x.outcome))
	if alike {
		dest = append(dest, &x.count)
	} else {
		dest = append(dest, &x.end)
	}
	for _, m := range wanted {
		dest = append(dest, &x.values[m])
	}
	if len(r.slicings) > 0 {
		dest = append(dest, &x.model, &x.server, &x.input)
	}
	err := e.read(ctx, q, func(rows driver.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		t.add(&x)
		if len(t.cells) > e.limits.Groups {
			return e.tooManyGroups()
		}
		return nil
	})
	return t.finish(), err
}

// columns are the measures whose columns are read.
func (r reading) columns(counted []measure) []measure {
	var read [measureCount]bool
	for _, m := range counted {
		read[m] = true
	}
	for _, m := range r.histograms {
		read[metricIndex[m]] = true
	}
	if len(r.slicings) > 0 {
		read[metricIndex[r.whole.metric]] = true
		for _, m := range r.whole.known {
			read[m] = true
		}
	}
	var all []measure
	for m := range measureCount {
		if read[m] {
			all = append(all, m)
		}
	}
	return all
}

// tally counts requests.
type tally struct {
	found
	reading
	scope
	counted, summed []measure
	slicesBy        []map[place]*slice
	room            int64 // for requests that are kept one by one
}

func newTally(s scope, r reading, counted, summed []measure, room int64) *tally {
	t := &tally{scope: s, reading: r, counted: counted, summed: summed, room: room}
	t.cells, t.splits, t.exact = cells{}, map[key][]split{}, true
	for range r.slicings {
		t.slicesBy = append(t.slicesBy, map[place]*slice{})
	}
	return t
}

func (t *tally) add(x *request) {
	n := int64(x.count)
	c := t.cells.at(x.key, t.grid.block(x.end))
	c.counts.add(x.outcome, n)
	if x.outcome != outcomeOK && !t.IncludeFailed {
		return
	}
	c.counted += n
	for _, m := range t.counted {
		if x.values[m] >= 0 {
			c.amounts[m].n += n
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
	for _, m := range t.histograms {
		if ns := x.values[metricIndex[m]]; ns >= 0 && t.exact {
			c.values[metricIndex[m]] = append(c.values[metricIndex[m]], ns)
		} else if ns >= 0 {
			c.histogram(m).Observe(ns)
		}
	}
	if len(t.slicings) == 0 || x.values[metricIndex[t.whole.metric]] < 0 {
		return
	}
	whole := splitOf(x, t.whole)
	if t.exact {
		t.splits[x.key] = append(t.splits[x.key], whole)
	}
	for i, by := range t.slicings {
		at := by.place(x, whole)
		if t.slicesBy[i][at] == nil {
			t.slicesBy[i][at] = &slice{place: at}
		}
		t.slicesBy[i][at].add(whole)
	}
}

// stopKeeping goes on with buckets alone: there are too many requests.
func (t *tally) stopKeeping() {
	t.exact, t.splits = false, nil
	_ = t.cells.observe() // nothing is encoded
	for _, blocks := range t.cells {
		for _, c := range blocks {
			clear(c.values[:])
		}
	}
}

func (t *tally) finish() *found {
	_ = t.cells.observe() // nothing is encoded
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
