package alert

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Question asks a [Source] for windows.
type Question struct {
	Rule   Rule
	Group  []Label // only this one; nil asks for every group
	Ranges []Range
	Step   time.Duration // windows start at whole steps after the start of the first range
}

// Series is what one group did: windows in ascending order, only those with requests.
type Series struct {
	Group   []Label
	Windows []Window
}

// Source reads what the groups of a rule did.
type Source func(context.Context, Question) ([]Series, error)

// Evaluation is one judgement of one alert, with everything it was decided by.
type Evaluation struct {
	Rule    string    `json:"rule"`
	Group   []Label   `json:"group"`
	At      time.Time `json:"at"` // the end of the window
	State   State     `json:"state"`
	Verdict Verdict   `json:"verdict"`
}

// maxGroups bounds the alerts of one rule: each holds weeks of windows.
const maxGroups = 200

// incidentMemory is how long an incident must be remembered: as long as a
// baseline reaches back.
const incidentMemory = 4*week + day

// watch is one rule with what is known of its groups.
type watch struct {
	rule   Rule
	source Source
	groups map[string]*group
	live   bool // references may still grow: history is coming in
	// refused counts the groups past maxGroups.
	refused  int
	recorded time.Time // windows that end by then are in the groups' past
	references
}

// group is one alert.
type group struct {
	labels []Label
	status Status
	past   []Window // judged, in ascending order, without strata
	drift  *Drift
	slow   bool          // what holds now is a drift, not an incident
	known  map[int]known // what the past leads to expect, by number of windows
	// references are those of the watch's hour, made when first needed.
	weekly, trailing *Reference
}

func newWatch(r Rule, source Source) *watch {
	return &watch{rule: r, source: source, groups: map[string]*group{}}
}

// group returns the alert of the labels; nil past the limit.
func (w *watch) group(labels []Label) *group {
	key := Fingerprint(w.rule.Name, labels)
	g := w.groups[key]
	if g == nil {
		if len(w.groups) >= maxGroups {
			w.refused++
			return nil
		}
		g = &group{labels: labels, status: Status{State: StateInactive}}
		w.groups[key] = g
	}
	return g
}

// keys are the groups in a stable order.
func (w *watch) keys() []string {
	keys := make([]string, 0, len(w.groups))
	for k := range w.groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, strings.Compare)
	return keys
}

// judge decides about one window of a group.
func (w *watch) judge(ctx context.Context, key string, current Window) (Verdict, error) {
	g, length := w.groups[key], time.Duration(w.rule.Window)
	var v Verdict
	switch w.rule.Kind {
	case KindRegression, KindThreshold:
		reference, err := w.reference(ctx, key, current)
		if err != nil {
			return Verdict{}, err
		}
		if w.rule.Kind == KindThreshold {
			v = JudgeThreshold(w.rule, current, g.record(1, current.Start, length))
			v.Surprise = surprise(prepareLike(reference.kinds, current.Strata, w.rule.Quantile), reference.kinds)
			break
		}
		v = JudgeRegression(w.rule, current, reference, g.record(1, current.Start, length), func(s Surprise) []Span { return g.spans(current, s, length) })
		v.Drift = g.drift
		if v.Condition != ConditionTrue && g.drift != nil && g.drift.Drifted {
			v.Condition, v.Reason = ConditionTrue, ReasonDrift
			v.Current, v.Baseline, v.Ownership = g.drift.Current, g.drift.Baseline, g.drift.own
		}
	case KindSLO:
		v = JudgeSLO(w.rule, g.past, current)
	case KindAbsence:
		v = JudgeAbsence(w.rule, current, usual(g.past, time.Duration(w.rule.Window), current.Start))
	}
	v.Window = Range{current.Start, current.End}
	return v, nil
}

// step judges the groups' windows that end at end and moves their states.
// Groups without a window are judged as empty. each is called for every group,
// before the window becomes part of its past.
func (w *watch) step(ctx context.Context, end time.Time, windows map[string]Window, each func(g *group, v Verdict, before Status, e Event)) error {
	if err := w.turn(ctx, end.Add(-time.Nanosecond)); err != nil {
		return err
	}
	for _, key := range w.keys() {
		g := w.groups[key]
		current, ok := windows[key]
		if !ok {
			current = Window{Start: end.Add(-time.Duration(w.rule.Window)), End: end}
		}
		v, err := w.judge(ctx, key, current)
		if err != nil {
			return err
		}
		before := g.status
		var event Event
		g.status, event = g.status.Next(w.rule, v.Condition, end)
		if v.Condition == ConditionTrue {
			g.slow = v.Reason == ReasonDrift
		}
		each(g, v, before, event)
	}
	return nil
}

// remember adds a judged window to the group's past.
func (g *group) remember(window Window, v Verdict) Window {
	window.Strata, window.Surprise = nil, nil
	if v.Surprise.N > 0 {
		s := v.Surprise
		window.Surprise = &s
	}
	window.Incident = g.status.ongoing() && !g.slow
	g.past = append(g.past, window)
	if len(g.past) > 0 && window.Start.Sub(g.past[0].Start) > maximumFor+day {
		g.past = slices.DeleteFunc(g.past, func(w Window) bool {
			age := window.Start.Sub(w.Start)
			return age > incidentMemory || age > maximumFor && !w.Incident
		})
	}
	return window
}

// ongoing says whether something is wrong now, notified or not.
func (s Status) ongoing() bool { return s.active() || s.State == StatePending }

// incidents are the ranges of the windows in which the alert was ongoing.
func (g *group) incidents() []Range {
	var ranges []Range
	for _, w := range g.past {
		if !w.Incident {
			continue
		}
		if n := len(ranges); n > 0 && !w.Start.After(ranges[n-1].To) {
			ranges[n-1].To = w.End
			continue
		}
		ranges = append(ranges, Range{w.Start, w.End})
	}
	return ranges
}

// markIncident makes the past windows since began part of the incident, and
// returns them.
func (g *group) markIncident(began time.Time) []Window {
	var marked []Window
	g.known = nil
	for i := len(g.past) - 1; i >= 0 && g.past[i].End.After(began); i-- {
		if !g.past[i].Incident {
			g.past[i].Incident = true
			marked = append(marked, g.past[i])
		}
	}
	return marked
}

// current reads the windows of all groups that end at end.
func (w *watch) current(ctx context.Context, end time.Time) (map[string]Window, error) {
	length := time.Duration(w.rule.Window)
	series, err := w.source(ctx, Question{Rule: w.rule, Ranges: []Range{{end.Add(-length), end}}, Step: length})
	if err != nil {
		return nil, err
	}
	windows := map[string]Window{}
	for _, s := range series {
		if w.group(s.Group) != nil && len(s.Windows) > 0 {
			windows[Fingerprint(w.rule.Name, s.Group)] = s.Windows[0]
		}
	}
	return windows, nil
}

// replay judges every whole window of [from, to) in order, moving the groups'
// states as they would have moved, so that past incidents stay out of what is
// compared with later. Progress is called after each hour.
func (w *watch) replay(ctx context.Context, from, to time.Time, each func(end time.Time, g *group, v Verdict, e Event), progress func(time.Time)) error {
	source := w.source
	defer func() { w.source = source }()
	w.source = newReadAhead(source).Read
	length := time.Duration(w.rule.Window)
	chunk := max(time.Hour, length)
	from = from.UTC().Truncate(chunk)
	for ; from.Before(to); from = from.Add(chunk) {
		last := from.Add(chunk)
		if last.After(to) {
			last = to.Truncate(length)
		}
		series, err := w.source(ctx, Question{Rule: w.rule, Ranges: []Range{{from, last}}, Step: length})
		if err != nil {
			return err
		}
		byEnd := map[time.Time]map[string]Window{}
		for _, s := range series {
			if w.group(s.Group) == nil {
				continue
			}
			for _, window := range s.Windows {
				end := window.End.UTC()
				if byEnd[end] == nil {
					byEnd[end] = map[string]Window{}
				}
				byEnd[end][Fingerprint(w.rule.Name, s.Group)] = window
			}
		}
		for end := from.Add(length); !end.After(last); end = end.Add(length) {
			windows := byEnd[end]
			err := w.step(ctx, end, windows, func(g *group, v Verdict, _ Status, e Event) {
				each(end, g, v, e)
				if window, ok := windows[Fingerprint(w.rule.Name, g.labels)]; ok {
					g.remember(window, v)
				}
			})
			if err != nil {
				return err
			}
		}
		w.recorded = last
		progress(last)
	}
	return nil
}
