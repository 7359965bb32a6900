package query

import (
	"context"
	"maps"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"github.com/phaseline/phaseline/internal/histogram"
)

// readHours reads whole hours.
func (e *Engine) readHours(ctx context.Context, s scope, r reading, p plan) (*found, error) {
	f := &found{cells: cells{}, slices: make([][]slice, len(r.slicings))}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return e.readHourCells(ctx, f.cells, s, r, p) })
	for i, by := range r.slicings {
		all.Go(func() (err error) { f.slices[i], err = e.readHourSlices(ctx, s, r, by, p.hours); return err })
	}
	return f, all.Wait()
}

// readHourCells reads those hours that are not remembered.
func (e *Engine) readHourCells(ctx context.Context, into cells, s scope, r reading, p plan) error {
	q := newHourQuestion(s, r)
	known := map[int64]hourAnswer{}
	if len(r.keys) == 0 {
		known = e.hours.get(q.name, p.states)
	}
	missing := unknownOf(p.states, known)
	if missing.From.Before(missing.To) {
		read, err := e.askHours(ctx, q, missing)
		if err != nil {
			return err
		}
		if len(r.keys) == 0 {
			e.hours.put(q.name, read)
		}
		maps.Copy(known, read)
	}
	for hour := range p.states {
		block := r.grid.block(hour * int64(time.Second))
		for _, g := range known[hour].groups {
			c := into.at(g.key, block)
			c.counts.merge(g.counts)
			c.counted += g.counted
			for m := range g.amounts {
				c.amounts[m].merge(g.amounts[m])
			}
			for i, m := range r.histograms {
				c.encoded[metricIndex[m]] = append(c.encoded[metricIndex[m]], g.histograms[i])
			}
		}
	}
	return into.observe()
}

// unknownOf is the shortest range that has every hour which is not known.
func unknownOf(states map[int64]uint64, known map[int64]hourAnswer) Range {
	var r Range
	for hour := range states {
		if _, ok := known[hour]; ok {
			continue
		}
		from := time.Unix(hour, 0).UTC()
		to := from.Add(time.Hour)
		if r.From.IsZero() {
			r = Range{from, to}
		}
		if from.Before(r.From) {
			r.From = from
		}
		if to.After(r.To) {
			r.To = to
		}
	}
	return r
}

// hourQuestion is what is asked of each of some hours.
type hourQuestion struct {
	name            string
	statement       *statement // without the hours
	scope           scope
	counted, summed []measure
	histograms      []Metric
}

func newHourQuestion(s scope, r reading) hourQuestion {
	counted, summed := r.amounts(inputTokens)
	q := &statement{}
	q.add("SELECT ")
	s.labels(q, TierHours)
	q.add("toInt64(toUnixTimestamp(hour)), toInt8(outcome), requests")
	for _, m := range counted {
		q.add(", ", measures[m].count)
	}
	for _, m := range summed {
		q.add(", ", measures[m].sum)
	}
	for _, m := range r.histograms {
		q.add(", ", histogramColumns[metricIndex[m]])
	}
	q.add(", ", hourState, " FROM hours FINAL WHERE tenant = ").bind("String", s.Tenant)
	s.where(q, TierHours)
	s.only(q, r.keys)
	name := q.name()
	if s.IncludeFailed {
		name += " failed too"
	}
	return hourQuestion{name: name, statement: q, scope: s, counted: counted, summed: summed, histograms: r.histograms}
}

// hourState is a number of a row of hours. Rows are written anew with all of their
// hour, so its sum over an hour tells what is there from what was.
const hourState fragment = "cityHash64(version, written)"

// askHours adds up rows here: merging histograms is most of the work, and the
// store takes five times as long for it.
func (e *Engine) askHours(ctx context.Context, q hourQuestion, span Range) (map[int64]hourAnswer, error) {
	q.statement.add(" AND hour >= ").bind("DateTime('UTC')", span.From).add(" AND hour < ").bind("DateTime('UTC')", span.To)
	x := newCellRow(q.scope, q.counted, q.summed)
	encoded := make([][]byte, len(q.histograms))
	var state uint64
	dest := x.dest
	for i := range encoded {
		dest = append(dest, &encoded[i])
	}
	dest = append(dest, &state)
	states, read := map[int64]uint64{}, cells{}
	err := e.read(ctx, q.statement, func(rows driver.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		states[x.at] += state
		c := read.at(x.key, x.at)
		if !x.addTo(c) {
			return nil
		}
		for i, m := range q.histograms {
			if len(encoded[i]) > 0 {
				c.encoded[metricIndex[m]] = append(c.encoded[metricIndex[m]], encoded[i])
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := read.each(func(c *cell, sum *histogram.Sum) error { return c.join(sum) }); err != nil {
		return nil, err
	}
	answers := map[int64]hourAnswer{}
	for k, hours := range read {
		for hour, c := range hours {
			g := hourGroup{key: k, counts: c.counts, counted: c.counted, amounts: [inputTokens]amount(c.amounts[:inputTokens])}
			for _, m := range q.histograms {
				g.histograms = append(g.histograms, c.encoded[metricIndex[m]][0])
			}
			a := answers[hour]
			answers[hour] = hourAnswer{states[hour], append(a.groups, g)}
		}
	}
	return answers, nil
}

// histogramColumns are the histograms of each metric in hours.
var histogramColumns = [metricCount]fragment{
	"ttft_histogram", "tpot_histogram", "total_histogram", "network_histogram", "queue_histogram", "prefill_histogram", "decode_histogram", "unattributed_histogram",
}

// readHourSlices reads the slices of whole hours: of the counted requests that
// have the whole.
func (e *Engine) readHourSlices(ctx context.Context, s scope, r reading, by slicing, span Range) ([]slice, error) {
	w := r.whole
	if by.strata {
		model, err := lookUp("group_by", "model")
		if err != nil {
			return nil, err
		}
		s = s.by(model)
	}
	q := &statement{}
	q.add("SELECT ")
	s.labels(q, TierHours)
	by.grid.blockOfHour(q)
	q.add(" AS block, part_bucket, part_complete, ")
	if by.strata {
		q.add("part_input AS input")
	} else {
		q.add("toInt8(0) AS input")
	}
	q.add(", sum(part_n)")
	for i := range w.hours {
		q.add(", toUInt64(sum(", partNames[i], "))")
	}
	q.add(" FROM hours FINAL ARRAY JOIN ", w.array, ".bucket AS part_bucket, ", w.array, ".complete AS part_complete, ",
		w.array, ".input_bucket AS part_input, ", w.array, ".n AS part_n")
	for i, column := range w.hours {
		q.add(", ", w.array, ".", column, " AS ", partNames[i])
	}
	s.whereHours(q, span)
	q.add(" AND ")
	s.counted(q)
	if !by.strata {
		s.only(q, r.keys)
	}
	s.groupBy(q, "block", "part_bucket", "part_complete", "input")

	var all []slice
	err := e.read(ctx, q, func(rows driver.Rows) error {
		var x slice
		var n, sum uint64
		var parts [4]struct{ n, sum uint64 }
		dest := append(s.scan(&x.key), &x.block, &x.bucket, &x.complete, &x.input, &n, &sum)
		for i := range w.known {
			dest = append(dest, &parts[i].n, &parts[i].sum)
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		x.whole.n = int64(n)
		x.whole.sum.add(sum)
		for i, p := range parts {
			x.parts[i].n = int64(p.n)
			x.parts[i].sum.add(p.sum)
		}
		all = append(all, x)
		return nil
	})
	return all, err
}

var partNames = [...]fragment{"part0", "part1", "part2", "part3", "part4", "part5", "part6", "part7", "part8"}
