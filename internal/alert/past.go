package alert

import (
	"context"
	"fmt"
	"time"
)

// prepare reads the judged windows that are stored, and judges those of the
// last 7 days that are not.
func (f *follower) prepare(ctx context.Context, standings map[string]Standing) error {
	now := f.engine.cfg.Now()
	w := newWatch(f.rule, f.engine.cfg.Source)
	recorded, err := f.engine.cfg.Ledger.Windows(ctx, f.rule.Name, f.rule.Definition(), now.Add(-incidentMemory))
	if err != nil {
		return err
	}
	for _, r := range recorded {
		if g := w.group(r.Group); g != nil {
			g.past = append(g.past, r.Window)
			if r.Window.End.After(w.recorded) {
				w.recorded = r.Window.End
			}
		}
	}
	if f.oldest, err = f.engine.cfg.Oldest(ctx, Range{now.Add(-pastOf), now}); err != nil {
		return err
	}
	if err := f.replay(ctx, w, f.oldest, now); err != nil {
		return err
	}
	for _, g := range w.groups {
		g.status = Status{State: StateInactive}
	}
	stood := map[string]Standing{}
	for key, s := range standings {
		if s.Rule != f.rule.Name || len(s.Group) != len(f.rule.GroupBy) {
			continue
		}
		if g := w.group(s.Group); g != nil {
			g.status, g.slow = s.Status, s.Slow
			stood[key] = s
		}
	}
	w.live = true
	f.watch = w
	f.last = now.Add(-time.Duration(f.rule.EvaluationDelay)).UTC().Truncate(every).Add(-every)
	if err := f.countMissed(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problem, f.progress = "", ""
	f.shown = map[string]shown{}
	for key, g := range w.groups {
		f.shown[key] = shown{standing: Standing{Rule: f.rule.Name, Group: g.labels, Status: g.status, Slow: g.slow, Cause: stood[key].Cause, Fired: stood[key].Fired}}
	}
	return nil
}

// countMissed counts the evaluations that did not take place while nobody evaluated
// the rule.
func (f *follower) countMissed(ctx context.Context) error {
	newest, _, err := f.engine.cfg.Ledger.Evaluations(ctx, Page{Range: Range{f.last.Add(-pastOf), f.last.Add(every)}, Rule: f.rule.Name, Limit: 1})
	if err != nil || len(newest) == 0 {
		return err
	}
	f.missed(int64(f.last.Sub(newest[0].At) / every))
	return nil
}

// replay judges the windows from the last recorded one to now, without telling
// anybody.
func (f *follower) replay(ctx context.Context, w *watch, oldest, now time.Time) error {
	from := now.Add(-pastOf)
	if oldest.After(from) {
		from = oldest
	}
	if w.recorded.After(from) {
		from = w.recorded
	}
	from = from.UTC().Truncate(time.Duration(f.rule.Window))
	to := now.Add(-time.Duration(f.rule.EvaluationDelay)).UTC().Truncate(time.Duration(f.rule.Window))
	if oldest.IsZero() || !from.Before(to) {
		w.recorded = to
		return nil
	}
	f.engine.replaying.Lock()
	defer f.engine.replaying.Unlock()
	var batch Batch
	seen := map[string]int{}
	for key, g := range w.groups {
		seen[key] = len(g.past)
	}
	err := w.replay(ctx, from, to, func(time.Time, *group, Verdict, Event) {}, func(until time.Time) {
		f.report(fmt.Sprintf("reading its past: %.0f of %.0f hours", until.Sub(from).Hours(), to.Sub(from).Hours()))
	})
	f.report("")
	if err != nil {
		return err
	}
	for key, g := range w.groups {
		for _, window := range g.past[min(seen[key], len(g.past)):] {
			batch.Windows = append(batch.Windows, f.recorded(g, window))
		}
	}
	return f.engine.cfg.Ledger.Save(ctx, batch)
}

func (f *follower) recorded(g *group, window Window) Recorded {
	return Recorded{Rule: f.rule.Name, Definition: f.rule.Definition(), Group: g.labels, Window: window}
}

// checkPast looks for older requests that came in meanwhile, an import or a queue
// that was stuck for hours, and judges the past anew. Evaluation goes on by what
// was known before. While the past still grows it must have become half as long
// again, so that all its replays together cost little more than the last.
func (f *follower) checkPast(ctx context.Context) {
	now := f.engine.cfg.Now()
	oldest, err := f.engine.cfg.Oldest(ctx, Range{now.Add(-pastOf), now})
	if err != nil || oldest.IsZero() {
		return
	}
	settled := oldest.Equal(f.seen)
	f.seen = oldest
	if !f.oldest.IsZero() && (f.oldest.Sub(oldest) < 2*time.Hour || !settled && now.Sub(oldest) < now.Sub(f.oldest)*3/2) {
		return
	}
	before := f.oldest
	f.oldest = oldest
	done := make(chan *watch, 1)
	f.replayed = done
	f.engine.running.Go(func() {
		w := newWatch(f.rule, f.engine.cfg.Source)
		if err := f.replay(ctx, w, oldest, now); err != nil {
			f.say(err.Error())
			w = nil
		}
		done <- w
	})
	f.before = before
}

// adopt goes on with a past that was judged anew; nil if that failed.
func (f *follower) adopt(w *watch) {
	f.replayed = nil
	if w == nil {
		f.oldest = f.before
		return
	}
	for key, g := range w.groups {
		g.status, g.slow = Status{State: StateInactive}, false
		if old := f.watch.groups[key]; old != nil {
			g.status, g.slow = old.status, old.slow
		}
	}
	w.live = true
	f.watch = w
	f.say("")
}
