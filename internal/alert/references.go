package alert

import (
	"context"
	"slices"
	"time"
)

// references are the past windows that those of an hour are compared with, by group.
type references struct {
	hour      time.Time
	refreshed time.Time // when they were read, by evaluation time
	weekly    map[string][]Window
	trailing  map[string][]Window // nil until a group needs it
	// earlier is the trailing range of an hour before, in a replay: most of it is
	// that of this hour too.
	earlier      map[string][]Window
	earlierRange Range
	drifted      time.Time // the quarter of a day that the drifts are for
}

// compares says whether the rule's windows are compared with a past.
func (r Rule) compares() bool { return r.Kind == KindRegression || r.Kind == KindThreshold }

// immature is how often a reference is read again while it still grows.
const immature = 5 * time.Minute

// turn makes the references those of at's hour, and the drifts those of its
// quarter of the day.
func (w *watch) turn(ctx context.Context, at time.Time) error {
	if !w.rule.compares() {
		return nil
	}
	hour := at.UTC().Truncate(time.Hour)
	if !hour.Equal(w.hour) || w.live && w.trailing != nil && at.Sub(w.refreshed) >= immature {
		weekly, err := w.read(ctx, WeeklyRanges(w.rule, at), baselineCell)
		if err != nil {
			return err
		}
		w.hour, w.refreshed, w.weekly = hour, at, weekly
		if w.trailing != nil && !w.live {
			w.earlier = w.trailing
		}
		w.trailing = nil
		for _, g := range w.groups {
			g.weekly, g.trailing = nil, nil
		}
	}
	if quarter := at.UTC().Truncate(6 * time.Hour); w.rule.Kind == KindRegression && !quarter.Equal(w.drifted) {
		if err := w.turnDrift(ctx, quarter); err != nil {
			return err
		}
		w.drifted = quarter
	}
	return nil
}

func (w *watch) turnDrift(ctx context.Context, at time.Time) error {
	last, before := DriftRanges(w.rule, at)
	baseline, err := w.read(ctx, before, time.Hour)
	if err != nil || len(baseline) == 0 {
		return err
	}
	hours, err := w.read(ctx, []Range{last}, time.Hour)
	if err != nil {
		return err
	}
	for key, g := range w.groups {
		r, incidents := w.rule.of(g.labels), g.incidents()
		d := JudgeDrift(r, without(hours[key], incidents), r.past(baseline[key], incidents))
		g.drift = &d
	}
	return nil
}

// read returns the windows of the ranges by group.
func (w *watch) read(ctx context.Context, ranges []Range, step time.Duration) (map[string][]Window, error) {
	found := map[string][]Window{}
	if len(ranges) == 0 {
		return found, nil
	}
	series, err := w.source(ctx, Question{Rule: w.rule, Ranges: ranges, Step: step})
	for _, s := range series {
		found[Fingerprint(w.rule.Name, s.Group)] = s.Windows
	}
	return found, err
}

// readTrailing reads the last day, of which a replay knows all but the last hours.
func (w *watch) readTrailing(ctx context.Context, r Range) error {
	unread := r
	known := w.earlier != nil && !w.live && !w.earlierRange.From.After(r.From) && w.earlierRange.To.After(r.From) && !w.earlierRange.To.After(r.To)
	if known {
		unread.From = w.earlierRange.To
	}
	found := map[string][]Window{}
	if unread.From.Before(unread.To) {
		var err error
		if found, err = w.read(ctx, []Range{unread}, baselineCell); err != nil {
			return err
		}
	}
	if known {
		for key, windows := range w.earlier {
			kept := slices.DeleteFunc(windows, func(c Window) bool { return c.Start.Before(r.From) })
			if all := append(kept, found[key]...); len(all) > 0 {
				found[key] = all
			}
		}
	}
	w.trailing, w.earlier, w.earlierRange = found, nil, r
	return nil
}

// reference is what a window of the group is compared with: the same hours of
// past weeks where they hold most of its kinds of requests, else the last day.
func (w *watch) reference(ctx context.Context, key string, current Window) (Reference, error) {
	g := w.groups[key]
	r := w.rule.of(g.labels)
	if g.weekly == nil {
		weekly := NewReference(r.past(w.weekly[key], g.incidents()), r.Quantile)
		weekly.Weekly = true
		g.weekly = &weekly
	}
	if enough(current, g.weekly.kinds) {
		return *g.weekly, nil
	}
	trailing, ok := TrailingRange(r, w.hour)
	if !ok || current.N() == 0 {
		return *g.weekly, nil
	}
	if w.trailing == nil {
		whole, _ := TrailingRange(w.rule, w.hour)
		if err := w.readTrailing(ctx, whole); err != nil {
			return Reference{}, err
		}
	}
	if g.trailing == nil {
		g.trailing = &Reference{}
		if known := r.past(w.trailing[key], nil); reachesBack(trailing, known) {
			*g.trailing = NewReference(without(known, g.incidents()), r.Quantile)
		}
	}
	if enough(current, g.trailing.kinds) {
		return *g.trailing, nil
	}
	return *g.weekly, nil
}
