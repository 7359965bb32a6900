package alert

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// follower evaluates one rule in a goroutine of its own, so that no rule waits
// for another.
type follower struct {
	engine *Engine
	rule   Rule
	origin string
	stop   context.CancelFunc

	// Of run's goroutine only.
	watch   *watch
	last    time.Time // end of the last evaluation
	oldest  time.Time // request that the past was replayed from
	checked time.Time
	unsaved Batch

	mu      sync.Mutex // of what others see
	problem string
	shown   map[string]shown
}

// shown is an alert as others see it.
type shown struct {
	standing Standing
	last     Evaluation
}

// saveLimit is how long a store may take to keep what an evaluation left.
const saveLimit = 5 * time.Second

func sameRule(a, b Rule) bool {
	return fmt.Sprintf("%#v %v", a, a.SLO) == fmt.Sprintf("%#v %v", b, b.SLO)
}

func (f *follower) say(problem string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problem = problem
}

// run prepares the rule's past and evaluates it every minute until ctx ends.
func (f *follower) run(ctx context.Context, standings map[string]Standing) {
	for {
		err := f.prepare(ctx, standings)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		f.say(err.Error())
		f.engine.cfg.Logger.Warn("cannot read the past of an alert rule, trying again", zap.String("rule", f.rule.Name), zap.Error(err))
		if !sleep(ctx, retryAfter) {
			return
		}
	}
	for {
		now := f.engine.cfg.Now()
		end := now.Add(-time.Duration(f.rule.EvaluationDelay)).UTC().Truncate(every)
		if end.After(f.last) {
			f.evaluate(ctx, end)
		}
		if now.Sub(f.checked) >= checkOldest {
			f.checked = now
			f.checkPast(ctx)
		}
		if !sleep(ctx, f.engine.cfg.Poll) {
			return
		}
	}
}

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
	if err := f.replay(ctx, w, now); err != nil {
		return err
	}
	cleared := map[string]*Cause{}
	for key, g := range w.groups {
		g.status = Status{State: StateInactive}
		cleared[key] = nil
	}
	for key, s := range standings {
		if s.Rule != f.rule.Name || len(s.Group) != len(f.rule.GroupBy) {
			continue
		}
		if g := w.group(s.Group); g != nil {
			g.status, g.slow = s.Status, s.Slow
			cleared[key] = s.Cause
		}
	}
	w.live = true
	f.watch = w
	f.last = now.Add(-time.Duration(f.rule.EvaluationDelay)).UTC().Truncate(every).Add(-every)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problem = ""
	f.shown = map[string]shown{}
	for key, g := range w.groups {
		f.shown[key] = shown{standing: Standing{Rule: f.rule.Name, Group: g.labels, Status: g.status, Slow: g.slow, Cause: cleared[key]}}
	}
	return nil
}

// replay judges the windows from the last recorded one to now, without telling
// anybody.
func (f *follower) replay(ctx context.Context, w *watch, now time.Time) error {
	from := now.Add(-pastOf)
	if f.oldest.After(from) {
		from = f.oldest
	}
	if w.recorded.After(from) {
		from = w.recorded
	}
	from = from.UTC().Truncate(time.Duration(f.rule.Window))
	to := now.Add(-time.Duration(f.rule.EvaluationDelay)).UTC().Truncate(time.Duration(f.rule.Window))
	if f.oldest.IsZero() || !from.Before(to) {
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
		f.say(fmt.Sprintf("reading its past: %.0f of %.0f hours", until.Sub(from).Hours(), to.Sub(from).Hours()))
	})
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

// checkPast replays the past once more if older requests came in meanwhile: an
// import, or a queue that was stuck for hours.
func (f *follower) checkPast(ctx context.Context) {
	now := f.engine.cfg.Now()
	oldest, err := f.engine.cfg.Oldest(ctx, Range{now.Add(-pastOf), now})
	if err != nil || oldest.IsZero() || !f.oldest.IsZero() && f.oldest.Sub(oldest) < 2*time.Hour {
		return
	}
	f.oldest = oldest
	w := newWatch(f.rule, f.engine.cfg.Source)
	if err := f.replay(ctx, w, now); err != nil {
		f.say(err.Error())
		f.oldest = time.Time{}
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

// evaluate judges every group's window that ends at end.
func (f *follower) evaluate(ctx context.Context, end time.Time) {
	if !f.last.IsZero() {
		f.engine.counts.missed.Add(int64(end.Sub(f.last)/every) - 1)
	}
	f.last = end
	f.engine.counts.evaluations.Add(1)
	w := f.watch
	batch := f.unsaved
	batch.Transitions = append(batch.Transitions, f.engine.outbox.takeUnstored()...)
	moved := func(g *group, v Verdict, before Status, event Event) {
		f.moved(ctx, &batch, g, end, v, before, event)
	}
	windows, err := w.current(ctx, end)
	if err == nil {
		err = w.step(ctx, end, windows, moved)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		f.engine.counts.failed.Add(1)
		f.say(err.Error())
		for _, key := range w.keys() {
			g := w.groups[key]
			before := g.status
			var event Event
			g.status, event = g.status.Next(f.rule, ConditionError, end)
			moved(g, Verdict{Condition: ConditionError, Reason: ReasonFailed, Phi: 1, Window: Range{end.Add(-time.Duration(f.rule.Window)), end}}, before, event)
		}
	} else {
		problem := ""
		if w.refused > 0 {
			problem = fmt.Sprintf("it has more than %d groups, the others are not watched: filter, or group by less", maxGroups)
		}
		f.say(problem)
		f.record(ctx, &batch, end, windows)
	}
	// Stored before anybody is told, and also while shutting down, so that no
	// transition is told twice. A store that is away must not silence alerts.
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	err = f.engine.cfg.Ledger.Save(saving, batch)
	for _, t := range batch.Transitions {
		if t.Undelivered() && t.At.Equal(end) {
			f.engine.outbox.add(t)
		}
	}
	if err != nil {
		f.engine.counts.failed.Add(1)
		f.engine.cfg.Logger.Warn("cannot store alert evaluations, keeping them", zap.String("rule", f.rule.Name), zap.Error(err))
		f.unsaved = batch
		f.unsaved.Evaluations = nil // many, and the least that is missed
		// Those that somebody is told of are the outbox's to store.
		f.unsaved.Transitions = slices.DeleteFunc(batch.Transitions, func(t Transition) bool { return len(t.Deliveries) > 0 })
		return
	}
	f.unsaved = Batch{}
}

// record makes windows that ended part of the groups' past.
func (f *follower) record(ctx context.Context, batch *Batch, end time.Time, windows map[string]Window) {
	w, length := f.watch, time.Duration(f.rule.Window)
	aligned := end.Truncate(length)
	for w.recorded.Before(aligned) {
		if !w.recorded.IsZero() && aligned.Sub(w.recorded) > length || !end.Equal(aligned) {
			// After a gap: what happened in it is judged, and nobody is told.
			from := w.recorded
			if aligned.Sub(from) > day {
				from = aligned.Add(-day)
			}
			series, err := w.read(ctx, []Range{{from, from.Add(length)}}, length)
			if err != nil {
				return
			}
			windows = map[string]Window{}
			for key, s := range series {
				if w.groups[key] != nil && len(s) > 0 {
					windows[key] = s[0]
				}
			}
			w.recorded = from.Add(length)
		} else {
			w.recorded = aligned
		}
		for key, window := range windows {
			g := w.groups[key]
			v, err := w.judge(ctx, key, window)
			if err != nil {
				return
			}
			batch.Windows = append(batch.Windows, f.recorded(g, g.remember(window, v)))
		}
	}
}

// moved notes what an evaluation found, and tells the targets of a transition.
func (f *follower) moved(ctx context.Context, batch *Batch, g *group, end time.Time, v Verdict, before Status, event Event) {
	key := Fingerprint(f.rule.Name, g.labels)
	evaluation := Evaluation{Rule: f.rule.Name, Group: g.labels, At: end, State: g.status.State, Verdict: v}
	batch.Evaluations = append(batch.Evaluations, evaluation)

	f.mu.Lock()
	show := f.shown[key]
	f.mu.Unlock()
	show.last = evaluation
	cause := show.standing.Cause
	if event == EventFiring {
		cause = f.investigate(ctx, batch, g, end)
	}
	show.standing = Standing{Rule: f.rule.Name, Group: g.labels, Status: g.status, Slow: g.slow, Cause: cause}
	if g.status.State != before.State && (g.status.ongoing() || before.ongoing() || g.status.State == StateError) {
		t := Transition{Rule: f.rule.Name, Group: g.labels, At: end, From: before.State, To: g.status.State, Evaluation: evaluation}
		if event != EventNone {
			message := f.message(show, before, event)
			t.Message = &message
			t.Deliveries = f.engine.outbox.deliveries()
		}
		batch.Transitions = append(batch.Transitions, t)
		f.engine.cfg.Logger.Info("alert changed", zap.String("rule", t.Rule), zap.Any("group", g.labels),
			zap.String("from", string(t.From)), zap.String("to", string(t.To)), zap.String("reason", string(v.Reason)))
	}
	if event == EventResolved {
		show.standing.Cause = nil
	}
	if g.status != before {
		batch.Standings = append(batch.Standings, show.standing)
	}
	f.mu.Lock()
	f.shown[key] = show
	f.mu.Unlock()
}

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
		s := surprise(minutes[i].Strata, reference.Strata, f.rule.Quantile)
		minutes[i].Surprise = &s
	}
	return Began(minutes)
}

func (f *follower) message(s shown, before Status, event Event) Message {
	m := Message{Rule: f.rule, Group: s.standing.Group, Event: event, Verdict: s.last.Verdict, StartsAt: before.ActiveSince}
	if m.StartsAt.IsZero() {
		m.StartsAt = s.standing.Status.ActiveSince
	}
	if event == EventResolved {
		m.EndsAt = s.last.At
	}
	if c := s.standing.Cause; c != nil {
		m.Began, m.NewVersion = c.Began, c.NewVersion
		for _, x := range c.Exemplars {
			m.TraceURLs = append(m.TraceURLs, f.engine.cfg.ExternalURL+"/requests/"+x.TraceID+"/"+x.SpanID)
		}
	}
	if path := ComparePath(f.rule, s.standing.Group, s.last.Verdict); path != "" {
		m.CompareURL = f.engine.cfg.ExternalURL + path
	}
	return m
}

func (f *follower) status() RuleStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := RuleStatus{Rule: f.rule, Origin: f.origin, Problem: f.problem, States: map[State]int{}}
	for _, a := range f.shown {
		s.States[a.standing.Status.State]++
	}
	return s
}

func (f *follower) alerts() []Current {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Current
	for _, s := range f.shown {
		if s.last.At.IsZero() {
			s.last = Evaluation{Rule: f.rule.Name, Group: s.standing.Group, At: s.standing.Status.Since, State: s.standing.Status.State, Verdict: Verdict{Phi: 1}}
		}
		all = append(all, Current{Rule: f.rule, Group: s.standing.Group, Status: s.standing.Status, Last: s.last, Cause: s.standing.Cause,
			Compare: ComparePath(f.rule, s.standing.Group, s.last.Verdict)})
	}
	return all
}

func (f *follower) messages() []Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Message
	for _, s := range f.shown {
		if s.standing.Status.active() && !s.last.At.IsZero() {
			all = append(all, f.message(s, s.standing.Status, EventFiring))
		}
	}
	return all
}

func (f *follower) standings() map[string]Standing {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]Standing{}
	for key, s := range maps.All(f.shown) {
		all[key] = s.standing
	}
	return all
}
