package alert

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// investigate dates the change, marks the windows since as an incident, and
// looks for the version and the requests that show it. What cannot be found is
// left out: the alert must not wait for it.
func (f *follower) investigate(ctx context.Context, batch *Batch, g *group, end time.Time) *Cause {
	cause := &Cause{Began: f.began(ctx, g, end)}
	since := cause.Began
	if since.IsZero() {
		since = end.Add(-time.Duration(f.rule.Window))
	} else if !g.slow {
		for _, window := range g.markIncident(cause.Began) {
			batch.Windows = append(batch.Windows, f.recorded(g, window))
		}
		g.weekly, g.trailing = nil, nil
	}
	if f.engine.cfg.Investigate == nil {
		return cause
	}
	var err error
	if cause.NewVersion, cause.Exemplars, err = f.engine.cfg.Investigate(ctx, f.rule, g.labels, since, end); err != nil {
		f.engine.cfg.Logger.Warn("cannot find what an alert is about", zap.String("rule", f.rule.Name), zap.Error(err))
	}
	return cause
}

// began dates the change by minutes.
func (f *follower) began(ctx context.Context, g *group, end time.Time) time.Time {
	if f.rule.Kind != KindRegression {
		return time.Time{}
	}
	series, err := f.watch.source(ctx, Question{Rule: f.rule, Group: g.labels, Ranges: []Range{{end.Add(-lookBack), end}}, Step: time.Minute})
	if err != nil || len(series) != 1 {
		return time.Time{}
	}
	key := Fingerprint(f.rule.Name, g.labels)
	minutes := series[0].Windows
	for i := range minutes {
		reference, err := f.watch.reference(ctx, key, minutes[i])
		if err != nil {
			return time.Time{}
		}
		s := surprise(prepare(minutes[i].Strata, f.rule.Quantile), reference.kinds)
		minutes[i].Surprise = &s
	}
	return Began(minutes)
}
