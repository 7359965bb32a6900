package query

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// reading says what of the requests of a scope is wanted. Each column costs
// time: its own, and that of analysing a longer statement.
type reading struct {
	grid       grid
	numbers    bool      // of requests that have each metric
	sums       []measure // with their numbers
	histograms []Metric
	whole      whole // what slicings are of
	slicings   []slicing
	keys       []key // only these groups; nil is all
}

// amounts are the measures to count and those to sum up, of those before limit.
func (r reading) amounts(limit measure) (counted, summed []measure) {
	for m := range limit {
		summing := slices.Contains(r.sums, m)
		if summing {
			summed = append(summed, m)
		}
		if summing || r.numbers && m < metricCount {
			counted = append(counted, m)
		}
	}
	return counted, summed
}

// found is what was read.
type found struct {
	cells  cells
	slices [][]slice // as reading.slicings
	// exact says that every request was read one by one, and that there were not
	// too many of them to keep: cells have their values and splits.
	exact bool
}

// shortRange is the longest range of which requests are read before it is known
// that they should be.
const shortRange = 2 * time.Hour

// answer plans and reads. What a short range has is mostly read from requests, so
// these are read while the plan is made, and read again if it says otherwise.
func (e *Engine) answer(ctx context.Context, s scope, makePlan func(context.Context) (plan, error), want func(plan) reading) (plan, *found, error) {
	guess := exactly(s.Range)
	if s.Range.length() > shortRange || !s.Range.hasWholeHour() {
		p, err := makePlan(ctx)
		if err != nil {
			return plan{}, nil, err
		}
		read, err := e.readPlan(ctx, s, p, want(p))
		return p, read, err
	}
	ahead, cancel := context.WithCancel(ctx)
	defer cancel()
	var read *found
	var failed error
	done := make(chan struct{})
	r := want(guess)
	go func() {
		defer close(done)
		read, failed = e.readPlan(ahead, s, guess, r)
	}()
	p, err := makePlan(ctx)
	if err != nil || p.tier != TierRequests || p.estimate > e.limits.ExactRows {
		cancel()
		<-done
		if err != nil {
			return plan{}, nil, err
		}
		read, err = e.readPlan(ctx, s, p, want(p))
		return p, read, err
	}
	<-done
	return p, read, failed
}

// readPlan reads from wherever the plan says.
func (e *Engine) readPlan(ctx context.Context, s scope, p plan, r reading) (*found, error) {
	var hours, edges *found
	both, ctx := errgroup.WithContext(ctx)
	if p.tier == TierHours {
		both.Go(func() (err error) { hours, err = e.readHours(ctx, s, r, p); return err })
	}
	if len(p.edges) > 0 {
		read := e.readRequests
		if p.countsInStore(r, e.limits.ExactRows) {
			read = e.countRequests
		}
		both.Go(func() (err error) { edges, err = read(ctx, s, r, p.edges...); return err })
	}
	if err := both.Wait(); err != nil {
		return nil, err
	}
	all := edges
	if hours != nil {
		all = hours
		if edges != nil {
			all.cells.merge(edges.cells)
			for i := range all.slices {
				all.slices[i] = append(all.slices[i], edges.slices[i]...)
			}
		}
	}
	if len(all.cells) > e.limits.Groups {
		return nil, e.tooManyGroups()
	}
	return all, nil
}

// countsInStore says that requests need not be read one by one: where no
// durations are wanted, and where they are not kept and one bucket each says
// enough.
func (p plan) countsInStore(r reading, exactRows int64) bool {
	switch {
	case len(r.slicings) > 0:
		return false
	case len(r.histograms) == 0:
		return true
	}
	return len(r.histograms) == 1 && (p.tier == TierHours || p.estimate > exactRows)
}

// cellRow is where a row is scanned to that adds up requests of one outcome.
type cellRow struct {
	key      key
	at       int64 // block or hour
	outcome  outcome
	requests uint64
	numbers  []uint64
	sums     []int64
	dest     []any // labels, at, outcome, requests, numbers, sums

	scope           scope
	counted, summed []measure
}

func newCellRow(s scope, counted, summed []measure) *cellRow {
	x := &cellRow{scope: s, counted: counted, summed: summed, numbers: make([]uint64, len(counted)), sums: make([]int64, len(summed))}
	x.dest = append(s.scan(&x.key), &x.at, (*int8)(&x.outcome), &x.requests)
	for i := range x.numbers {
		x.dest = append(x.dest, &x.numbers[i])
	}
	for i := range x.sums {
		x.dest = append(x.dest, &x.sums[i])
	}
	return x
}

// addTo adds the row to a cell and says whether its requests count.
func (x *cellRow) addTo(c *cell) bool {
	c.counts.add(x.outcome, int64(x.requests))
	if !x.scope.counts(x.outcome) {
		return false
	}
	c.counted += int64(x.requests)
	for i, m := range x.counted {
		c.amounts[m].n += int64(x.numbers[i])
	}
	for i, m := range x.summed {
		c.amounts[m].sum.add(uint64(x.sums[i]))
	}
	return true
}

func (e *Engine) tooManyGroups() *Error {
	return tooLarge("group_by", "there are more than %d groups; filter, or group by fewer dimensions", e.limits.Groups)
}
