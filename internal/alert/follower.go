package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
	checked time.Time // when older requests were looked for
	seen    time.Time // the oldest request then
	oldest  time.Time // request that the past was replayed from, or is being
	before  time.Time // oldest before the replay under way
	// replayed receives the past that is judged anew; nil while none is.
	replayed <-chan *watch
	unsaved  Batch

	mu       sync.Mutex // of what others see
	problem  string
	progress string // of reading the past; empty when that is read
	skipped  int64  // evaluations that did not take place
	shown    map[string]shown
}

// saveLimit is how long a store may take to keep what an evaluation left.
const saveLimit = 5 * time.Second

// sameRule compares what the rules say, and not where their parts lie in memory.
func sameRule(a, b Rule) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

func (f *follower) say(problem string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problem = problem
}

// missed counts evaluations that did not take place.
func (f *follower) missed(evaluations int64) {
	if evaluations <= 0 {
		return
	}
	f.engine.counts.missed.Add(evaluations)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.skipped += evaluations
}

func (f *follower) report(progress string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress = progress
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
		select {
		case w := <-f.replayed:
			f.adopt(w)
		default:
		}
		if f.replayed == nil && now.Sub(f.checked) >= checkOldest {
			f.checked = now
			f.checkPast(ctx)
		}
		if !sleep(ctx, f.engine.cfg.Poll) {
			return
		}
	}
}

// evaluate judges every group's window that ends at end.
func (f *follower) evaluate(ctx context.Context, end time.Time) {
	if !f.last.IsZero() {
		f.missed(int64(end.Sub(f.last)/every) - 1)
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
	stands := &show.standing
	*stands = Standing{Rule: f.rule.Name, Group: g.labels, Status: g.status, Slow: g.slow, Cause: stands.Cause, Fired: stands.Fired}
	if event == EventFiring {
		stands.Cause, stands.Fired = f.investigate(ctx, batch, g, end), &evaluation
	}
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
		stands.Cause, stands.Fired = nil, nil
	}
	if g.status != before {
		batch.Standings = append(batch.Standings, *stands)
	}
	f.mu.Lock()
	f.shown[key] = show
	f.mu.Unlock()
}
