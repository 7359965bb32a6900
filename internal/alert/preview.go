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
