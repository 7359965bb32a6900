package alert

import (
	"context"
	"slices"
	"time"
)

// Preview is what a rule would have done.
type Preview struct {
	Range       Range
	Groups      int
	Evaluations int64
	Episodes    []Episode // in the order of firing
}

// Episode is one time that an alert would have fired.
type Episode struct {
	Group    []Label    `json:"group"`
	Fired    time.Time  `json:"fired"`
	Resolved time.Time  `json:"resolved,omitzero"` // zero while it still would
	Peak     Evaluation `json:"peak"`              // the most surprising one
}

// Replay judges a rule over a range that has past enough before it, without
// telling anybody. Windows are judged once each, not every minute.
func Replay(ctx context.Context, source Source, r Rule, over Range) (Preview, error) {
	p := Preview{Range: over}
	open := map[string]int{}
	w := newWatch(r, source)
	err := w.replay(ctx, over.From, over.To, func(end time.Time, g *group, v Verdict, event Event) {
		p.Evaluations++
		key := Fingerprint(r.Name, g.labels)
		e := Evaluation{Rule: r.Name, Group: g.labels, At: end, State: g.status.State, Verdict: v}
		if event == EventFiring {
			open[key] = len(p.Episodes)
			p.Episodes = append(p.Episodes, Episode{Group: slices.Clone(g.labels), Fired: end, Peak: e})
		}
		if at, ok := open[key]; ok {
			episode := &p.Episodes[at]
			if v.Condition == ConditionTrue && v.Z > episode.Peak.Verdict.Z {
				episode.Peak = e
			}
			if event == EventResolved {
				episode.Resolved = end
				delete(open, key)
			}
		}
	}, func(time.Time) {})
	p.Groups = len(w.groups)
	return p, err
}

// Replaying judges a rule step by step on a source, for tests of rules.
type Replaying struct{ watch *watch }

// NewReplay returns one that has seen nothing yet.
func NewReplay(r Rule, source Source) Replaying { return Replaying{newWatch(r, source)} }

// Fork returns one that has seen the same and goes on by itself on another source.
func (r Replaying) Fork(source Source) Replaying {
	w := newWatch(r.watch.rule, source)
	w.recorded, w.drifted = r.watch.recorded, r.watch.drifted
	for key, g := range r.watch.groups {
		w.groups[key] = &group{labels: g.labels, status: g.status, past: slices.Clone(g.past), drift: g.drift, slow: g.slow}
	}
	return Replaying{w}
}

// Hours judges every whole window of [from, to) once.
func (r Replaying) Hours(ctx context.Context, from, to time.Time, each func(Evaluation, Event)) error {
	return r.watch.replay(ctx, from, to, func(end time.Time, g *group, v Verdict, event Event) {
		each(Evaluation{Rule: r.watch.rule.Name, Group: g.labels, At: end, State: g.status.State, Verdict: v}, event)
	}, func(time.Time) {})
}

// Minute judges the windows of all groups that end at end, as the engine does
// every minute.
func (r Replaying) Minute(ctx context.Context, end time.Time, each func(Evaluation, Event)) error {
	return r.minute(ctx, end, func(g *group, v Verdict, event Event) {
		each(Evaluation{Rule: r.watch.rule.Name, Group: g.labels, At: end, State: g.status.State, Verdict: v}, event)
	})
}

func (r Replaying) minute(ctx context.Context, end time.Time, each func(*group, Verdict, Event)) error {
	w := r.watch
	windows, err := w.current(ctx, end)
	if err != nil {
		return err
	}
	return w.step(ctx, end, windows, func(g *group, v Verdict, _ Status, e Event) {
		each(g, v, e)
		window, ok := windows[Fingerprint(w.rule.Name, g.labels)]
		if ok && end.Truncate(time.Duration(w.rule.Window)).Equal(end) {
			g.remember(window, v)
		}
	})
}

// Preview replays a rule over the last 7 days.
func (e *Engine) Preview(ctx context.Context, r Rule) (Preview, error) {
	to := e.cfg.Now().Add(-time.Duration(r.EvaluationDelay)).UTC().Truncate(time.Duration(r.Window))
	over := Range{to.Add(-pastOf), to}
	oldest, err := e.cfg.Oldest(ctx, over)
	if err != nil || oldest.IsZero() {
		return Preview{Range: over}, err
	}
	if oldest.After(over.From) {
		over.From = oldest.UTC().Truncate(time.Hour)
	}
	return Replay(ctx, e.cfg.Source, r, over)
}
