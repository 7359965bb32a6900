package query

import (
	"context"
	"slices"

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
	// too many of them to keep: cells have their values, and splits all that have
	// the whole, by group.
	exact  bool
	splits map[key][]split
}

// readPlan reads from wherever the plan says.
func (e *Engine) readPlan(ctx context.Context, s scope, p plan, r reading) (*found, error) {
	var hours, edges *found
	both, ctx := errgroup.WithContext(ctx)
	if p.tier == TierHours {
		both.Go(func() (err error) { hours, err = e.readHours(ctx, s, r, p.hours); return err })
	}
	if len(p.edges) > 0 {
		both.Go(func() (err error) { edges, err = e.readRequests(ctx, s, r, p.edges...); return err })
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

func (e *Engine) tooManyGroups() *Error {
	return tooLarge("group_by", "there are more than %d groups; filter, or group by fewer dimensions", e.limits.Groups)
}
