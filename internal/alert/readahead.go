package alert

import (
	"context"
	"time"
)

// ahead is how much of the time after a question a replay reads with it: a store
// takes hardly longer for a day than for an hour. It is less where there are
// more than fewGroups, for the sake of memory.
const (
	ahead     = 24 * time.Hour
	fewGroups = 10
)

// readAhead is a [Source] for a replay, which asks the same of one hour after
// the other.
type readAhead struct {
	source Source
	last   map[shape]*answer
	// narrow says that a day is too much for the store.
	narrow bool
}

// shape is what a question has in common with the one an hour later.
type shape struct {
	step   time.Duration
	ranges int
}

type answer struct {
	ranges []Range // those asked for and the time after each
	series []Series
}

func newReadAhead(source Source) *readAhead {
	return &readAhead{source: source, last: map[shape]*answer{}}
}

// Read answers from what the last question of this shape read, if it can. It
// reads ahead from the second question of a shape on.
func (a *readAhead) Read(ctx context.Context, q Question) ([]Series, error) {
	key := shape{q.Step, len(q.Ranges)}
	last := a.last[key]
	if last == nil || !last.covers(q.Ranges) {
		var further time.Duration
		// Windows that do not divide an hour begin anew with each of them.
		if last != nil && !a.narrow && (time.Hour%q.Step == 0 || q.Step >= time.Hour) {
			further = (ahead / time.Duration(max(1, len(last.series)/fewGroups))).Truncate(time.Hour)
		}
		wide := q
		wide.Ranges = make([]Range, len(q.Ranges))
		for i, r := range q.Ranges {
			wide.Ranges[i] = Range{r.From, r.To.Add(further)}
		}
		found, err := a.source(ctx, wide)
		if err != nil && further > 0 && ctx.Err() == nil {
			a.narrow = true
			return a.Read(ctx, q)
		}
		if err != nil {
			return nil, err
		}
		last = &answer{wide.Ranges, found}
		a.last[key] = last
	}
	return last.within(q.Ranges), nil
}

func (a *answer) covers(ranges []Range) bool {
	for i, r := range ranges {
		if r.From.Before(a.ranges[i].From) || r.To.After(a.ranges[i].To) {
			return false
		}
	}
	return true
}

// within returns the windows that begin in one of the ranges.
func (a *answer) within(ranges []Range) []Series {
	var all []Series
	for _, s := range a.series {
		var windows []Window
		for _, w := range s.Windows {
			for _, r := range ranges {
				if !w.Start.Before(r.From) && w.Start.Before(r.To) {
					windows = append(windows, w)
					break
				}
			}
		}
		if len(windows) > 0 {
			all = append(all, Series{s.Group, windows})
		}
	}
	return all
}
