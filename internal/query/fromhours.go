package query

import (
	"context"
	"errors"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"
)

// readHours reads whole hours.
func (e *Engine) readHours(ctx context.Context, s scope, r reading, span Range) (*found, error) {
	f := &found{cells: cells{}, slices: make([][]slice, len(r.slicings))}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return e.readHourCells(ctx, f.cells, s, r, span) })
	for i, by := range r.slicings {
		all.Go(func() (err error) { f.slices[i], err = e.readHourSlices(ctx, s, r, by, span); return err })
	}
	return f, all.Wait()
}

// readHourCells adds up rows here: merging histograms is most of the work, and
// the store takes five times as long for it.
func (e *Engine) readHourCells(ctx context.Context, into cells, s scope, r reading, span Range) error {
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
	s.fromHours(q, span)
	s.only(q, r.keys)

	x := newCellRow(s, counted, summed)
	encoded := make([]string, len(r.histograms))
	dest := x.dest
	for i := range encoded {
		dest = append(dest, &encoded[i])
	}
	err := e.read(ctx, q, func(rows driver.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		c := into.at(x.key, r.grid.block(x.at*int64(time.Second)))
		if !x.addTo(c) {
			return nil
		}
		for i, m := range r.histograms {
			if err := c.addEncoded(metricIndex[m], encoded[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, into.observe())
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
