package alert

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Target is told about alerts. Send returns an error if any message was not
// accepted; the messages are then sent again later.
type Target interface {
	Name() string
	Send(ctx context.Context, messages []Message) error
	// Resends says that firing alerts must be sent again every minute.
	Resends() bool
}

const (
	giveUpAfter = 24 * time.Hour // older news helps nobody
	firstRetry  = 5 * time.Second
	lastRetry   = 5 * time.Minute
)

// counts of one engine since it started.
type counts struct {
	evaluations, failed, missed         atomic.Int64
	delivered, deliveryFailures, gaveUp atomic.Int64
}

// Counts is what an engine did since it started, by name.
func (e *Engine) Counts() map[string]int64 {
	c := &e.counts
	return map[string]int64{
		"alert_evaluations": c.evaluations.Load(), "alert_evaluations_failed": c.failed.Load(), "alert_evaluations_missed": c.missed.Load(),
		"alert_notifications_delivered": c.delivered.Load(), "alert_notification_failures": c.deliveryFailures.Load(), "alert_notifications_given_up": c.gaveUp.Load(),
	}
}

// outbox delivers each transition to each target, those of one alert in order,
// however often it takes. What a target refuses holds up no other alert.
type outbox struct {
	targets []Target
	ledger  Ledger
	now     func() time.Time
	logger  *zap.Logger
	counts  *counts

	mu      sync.Mutex
	waiting []*waiting
	// unstored are those whose deliveries the store does not know yet.
	unstored map[*waiting]bool
	wake     []chan struct{} // one for each target
}

// waiting is a transition that some target has not heard of.
type waiting struct {
	Transition
	retries []retry // of each delivery
}

// retry is when a delivery is tried next: at once where that is zero.
type retry struct {
	at    time.Time
	delay time.Duration
}

func newOutbox(targets []Target, ledger Ledger, now func() time.Time, logger *zap.Logger, counts *counts) *outbox {
	o := &outbox{targets: targets, ledger: ledger, now: now, logger: logger, counts: counts, unstored: map[*waiting]bool{}}
	for range targets {
		o.wake = append(o.wake, make(chan struct{}, 1))
	}
	return o
}

// deliveries are those that a new transition needs.
func (o *outbox) deliveries() []Delivery {
	var all []Delivery
	for _, t := range o.targets {
		all = append(all, Delivery{Target: t.Name()})
	}
	return all
}

// copied is the transition as it stands. The lock is held.
func (t Transition) copied() Transition {
	t.Deliveries = slices.Clone(t.Deliveries)
	return t
}

// takeUnstored returns what is to be stored, as it stands now.
func (o *outbox) takeUnstored() []Transition {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []Transition
	for t := range o.unstored {
		all = append(all, t.copied())
	}
	clear(o.unstored)
	return all
}

// add delivers the transition from now on.
func (o *outbox) add(t Transition) {
	t = t.copied()
	o.mu.Lock()
	o.waiting = append(o.waiting, &waiting{t, make([]retry, len(t.Deliveries))})
	o.mu.Unlock()
	for _, wake := range o.wake {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// run delivers until ctx ends. firing are the messages to send again.
func (o *outbox) run(ctx context.Context, firing func() []Message) {
	var running sync.WaitGroup
	for i, target := range o.targets {
		running.Go(func() { o.serve(ctx, target, o.wake[i]) })
		if target.Resends() {
			running.Go(func() {
				for sleep(ctx, every) {
					messages := firing()
					if len(messages) == 0 {
						continue
					}
					if err := target.Send(ctx, messages); err != nil && ctx.Err() == nil {
						o.counts.deliveryFailures.Add(1)
						o.logger.Warn("cannot send firing alerts again", zap.String("target", target.Name()), zap.Error(err))
					}
				}
			})
		}
	}
	running.Wait()
}

func (o *outbox) serve(ctx context.Context, target Target, wake <-chan struct{}) {
	for ctx.Err() == nil {
		t, at, pause := o.next(target.Name())
		if t == nil {
			select {
			case <-ctx.Done():
			case <-wake:
			case <-time.After(pause):
			}
			continue
		}
		var err error
		old := o.now().Sub(t.At) > giveUpAfter
		if !old {
			err = target.Send(ctx, []Message{*t.Message})
		}
		if err != nil && ctx.Err() != nil {
			return
		}
		o.note(ctx, t, at, err, old)
		if err != nil {
			o.logger.Warn("cannot deliver an alert, trying again", zap.String("target", target.Name()), zap.String("rule", t.Rule), zap.Error(err))
		}
	}
}

// next is the oldest transition that the target waits for and that is due, and its
// delivery; without one, how long until there may be.
func (o *outbox) next(target string) (*waiting, int, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = slices.DeleteFunc(o.waiting, func(t *waiting) bool { return !t.Undelivered() })
	now, pause := time.Now(), lastRetry
	blocked := map[string]bool{} // alerts that wait to hear something earlier
	for _, t := range o.waiting {
		key := Fingerprint(t.Rule, t.Group)
		for i, d := range t.Deliveries {
			if d.Target != target || d.Done || d.GaveUp || blocked[key] {
				continue
			}
			wait := t.retries[i].at.Sub(now)
			if wait <= 0 {
				return t, i, 0
			}
			blocked[key] = true
			pause = min(pause, wait)
		}
	}
	return nil, 0, pause
}

// note writes down how a delivery went.
func (o *outbox) note(ctx context.Context, t *waiting, at int, err error, gaveUp bool) {
	o.mu.Lock()
	d, again := &t.Deliveries[at], &t.retries[at]
	d.Tries++
	d.At, d.Error = o.now(), ""
	switch {
	case gaveUp:
		d.GaveUp, d.Error = true, "given up: older than a day"
		o.counts.gaveUp.Add(1)
	case err != nil:
		d.Error = err.Error()
		o.counts.deliveryFailures.Add(1)
		again.delay = min(max(2*again.delay, firstRetry), lastRetry)
		again.at = time.Now().Add(again.delay)
	default:
		d.Done = true
		o.counts.delivered.Add(1)
		// It listens again: what waits need not wait for longer.
		for _, other := range o.waiting {
			for i := range other.Deliveries {
				if other.Deliveries[i].Target == d.Target {
					other.retries[i].at = time.Time{}
				}
			}
		}
	}
	copied := t.copied()
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	if err := o.ledger.Save(ctx, Batch{Transitions: []Transition{copied}}); err != nil {
		o.mu.Lock()
		o.unstored[t] = true
		o.mu.Unlock()
		o.logger.Warn("cannot store that an alert was delivered", zap.Error(err))
	}
}
