package alert

import (
	"maps"
	"slices"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
	// baselineCell is the step in which a baseline is read: cells that overlap an
	// incident of the group are left out of it.
	baselineCell = 30 * time.Minute
	// minSince is how much there must be after baseline.since before it is a past.
	minSince = 2 * time.Hour
)

// Baseline bounds the past that a regression rule compares with.
type Baseline struct {
	// Since leaves out everything before it: "accept as the new normal".
	Since time.Time `yaml:"since,omitempty" json:"since,omitzero"`
	// Groups do so for one group each, and leave the others their past.
	Groups []GroupSince `yaml:"groups,omitempty" json:"groups,omitempty"`
}

// GroupSince is since when the past of one group counts.
type GroupSince struct {
	Group map[string]string `yaml:"group" json:"group"` // a value for each dimension of group_by
	Since time.Time         `yaml:"since" json:"since"`
}

// accept is the baseline with another's word over its own.
func (b Baseline) accept(other Baseline) Baseline {
	b.Groups = slices.Clone(b.Groups)
	if !other.Since.IsZero() {
		b.Since = other.Since
		b.Groups = slices.DeleteFunc(b.Groups, func(g GroupSince) bool { return !g.Since.After(b.Since) })
	}
	for _, o := range other.Groups {
		b.Groups = append(slices.DeleteFunc(b.Groups, func(g GroupSince) bool { return maps.Equal(g.Group, o.Group) }), o)
	}
	if len(b.Groups) == 0 {
		b.Groups = nil
	}
	return b
}

// inSeconds is the baseline as it is stored and shown.
func (b Baseline) inSeconds() Baseline {
	second := func(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
	b.Groups = slices.Clone(b.Groups)
	for i, g := range b.Groups {
		b.Groups[i].Since = second(g.Since)
	}
	b.Since = second(b.Since)
	return b
}

// of is the rule with the baseline of one group.
func (r Rule) of(group []Label) Rule {
	for _, g := range r.Baseline.Groups {
		if len(g.Group) == len(group) && !slices.ContainsFunc(group, func(l Label) bool { return g.Group[l.Name] != l.Value }) && g.Since.After(r.Baseline.Since) {
			r.Baseline.Since = g.Since
		}
	}
	return r
}

// past leaves out windows before baseline.since and those of incidents.
func (r Rule) past(windows []Window, incidents []Range) []Window {
	if since := r.Baseline.Since; !since.IsZero() {
		windows = slices.DeleteFunc(slices.Clone(windows), func(w Window) bool { return w.Start.Before(since) })
	}
	return without(windows, incidents)
}

// Range is the half-open interval [From, To) of request ends.
type Range struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// WeeklyRanges is what a window starting at start is compared with first: the
// same hour of the week, with an hour to either side, of the last four weeks.
// They depend only on the hour of start, so that a baseline is read once an hour.
func WeeklyRanges(r Rule, start time.Time) []Range {
	hour := start.UTC().Truncate(time.Hour)
	var ranges []Range
	for weeks := 4; weeks >= 1; weeks-- {
		begin := hour.Add(-time.Duration(weeks)*week - time.Hour)
		if !begin.Before(r.Baseline.Since) {
			ranges = append(ranges, Range{begin, begin.Add(3 * time.Hour)})
		}
	}
	return ranges
}

// TrailingRange is what a window is compared with where the weeks hold too
// little: the 24 hours before its hour, or what of them lies after
// baseline.since. It is false if that is too short.
func TrailingRange(r Rule, start time.Time) (Range, bool) {
	hour := start.UTC().Truncate(time.Hour)
	trailing := Range{hour.Add(-day), hour}
	if since := r.Baseline.Since.Truncate(baselineCell); since.After(trailing.From) {
		trailing.From = since.Add(baselineCell)
	}
	return trailing, trailing.To.Sub(trailing.From) >= minSince
}

// reachesBack says whether windows, within a trailing range, cover a day of the
// group's life and not just its first hours.
func reachesBack(trailing Range, windows []Window) bool {
	return len(windows) > 0 &&
		(windows[0].Start.Sub(trailing.From) <= 2*time.Hour || trailing.To.Sub(trailing.From) < day)
}

// without leaves out the windows that overlap one of the incidents.
func without(windows []Window, incidents []Range) []Window {
	var kept []Window
next:
	for _, w := range windows {
		for _, i := range incidents {
			if w.Start.Before(i.To) && i.From.Before(w.End) {
				continue next
			}
		}
		kept = append(kept, w)
	}
	return kept
}

// Reference is the past that a window is compared with.
type Reference struct {
	kinds    kinds
	quantile float64 // of them all, in nanoseconds
	// Range reaches from the first request end to the last; nil without any.
	// Weekly says that it stands for the same hour of several weeks.
	Range  *Range
	Weekly bool
}

// NewReference merges windows, in ascending order, with incidents left out.
func NewReference(windows []Window, q float64) Reference {
	ref := Reference{kinds: prepareBaseline(merge(windows), q)}
	ref.quantile = ref.kinds.standardise(ref.kinds.own()).quantile(q)
	if len(windows) > 0 {
		ref.Range = &Range{windows[0].Start, windows[len(windows)-1].End}
	}
	return ref
}

// enough says whether most of the window's requests have a past in the baseline.
func enough(current Window, baseline kinds) bool {
	var matched, all int64
	for s, d := range current.Strata {
		n := d.N()
		all += n
		if baseline[s].known || baseline[s.pair()].known {
			matched += n
		}
	}
	return all > 0 && float64(matched) >= MinMatched*float64(all)
}
