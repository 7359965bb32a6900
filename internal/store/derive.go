package store

import (
	"container/heap"
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
)

const (
	// maxStubs bounds the larger traces that were let go and whose work is still counted.
	maxStubs = 20_000
	// maxStepSpans is about how many spans are derived in one go.
	maxStepSpans = 50_000
	// manyRows are worth to wait for.
	manyRows = 1_000
	// retryWait is how long the deriver waits after a failure.
	retryWait = 2 * time.Second
)

// deriver turns traces into request rows. Only step and what it calls touch the
// traces; other goroutines leave spans in the inbox.
type deriver struct {
	store *Store

	mu       sync.Mutex
	inbox    []delivery
	waiting  int                     // spans in the inbox
	taken    time.Time               // when the oldest came that the step under way took from the inbox
	running  bool                    // somebody empties it
	drained  chan struct{}           // closed when it is emptied
	inflight map[*time.Time]struct{} // inserts under way, since when
	state    Status                  // what fill copies

	traces map[traceKey]*trace
	agenda agenda
	// Every trace is in one of these, the longest quiet first: those that the
	// observer waits for, those that it has seen, and those without spans.
	fresh, settled, stubs *list.List
	held                  int
	known                 known
	looks                 looks
	wroteMany             time.Time // when the latest large insert of rows was due
	adopted               time.Time // when what others left was taken in; zero: it is derived
	inherited, done       []deed    // progress to write down: of other stores, of traces put off
	buffer                []dialect.Facts
}

func newDeriver(s *Store) *deriver {
	return &deriver{
		store:    s,
		drained:  make(chan struct{}),
		inflight: map[*time.Time]struct{}{},
		traces:   map[traceKey]*trace{},
		fresh:    list.New(), settled: list.New(), stubs: list.New(),
		known: newKnown(s.now().UnixNano()),
	}
}

// run derives until ctx ends, and then what is left.
func (d *deriver) run(ctx context.Context) {
	d.setRunning(true)
	defer d.setRunning(false)
	tick := time.NewTicker(d.store.pace.step)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			d.finish(context.WithoutCancel(ctx))
			return
		case <-tick.C:
		}
		err := d.step(ctx, d.store.now())
		if ctx.Err() != nil {
			continue
		}
		d.store.metrics.failed(err)
		if err != nil {
			d.store.logger.Warn("requests could not be derived, trying again", zap.Error(err))
			sleep(ctx, retryWait)
		}
	}
}

// finish derives what is due, so that the next start finds little to do.
func (d *deriver) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	now := d.store.now()
	err := d.step(ctx, now.Add(d.store.pace.promptly))
	if err == nil {
		err = d.record(ctx, now, len(d.agenda) == 0)
	}
	if err != nil {
		d.store.logger.Info("requests that were not derived yet will be after the next start", zap.Error(err))
	}
}

func sleep(ctx context.Context, wait time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// step takes in what came, looks for what others stored, and derives what is due.
func (d *deriver) step(ctx context.Context, now time.Time) error {
	d.drain(now)
	err := d.look(ctx, now)
	for err == nil && !d.gathers(now) {
		batch := d.pickDue(now)
		if len(batch) == 0 {
			break
		}
		err = d.derive(ctx, batch, now)
	}
	d.settle(now)
	d.report(now)
	return err
}

// gathers reports whether due traces are to wait for others, since many were written
// just now.
func (d *deriver) gathers(now time.Time) bool {
	since := now.Sub(d.wroteMany)
	return since > 0 && since < d.store.pace.gather && d.held <= d.store.config.MaxHeldSpans
}

// admit takes a span that this store received into its trace.
func (d *deriver) admit(h held, now time.Time) {
	key := traceKey{h.facts.Tenant, h.facts.TraceID}
	t := d.traces[key]
	if t == nil {
		at := period{h.facts.Start, h.facts.Start}
		past, seen := d.known.get(key)
		switch {
		case seen:
			t = d.enter(key, at.with(past.period), now)
		case h.facts.Start < d.known.since:
			// Too old to know whether the store has more of its trace.
			t = d.enter(key, period{at.from - int64(wideSearch), at.to}, now)
		default:
			t = d.enter(key, at, now)
			t.whole, t.ownOnly = true, true
		}
	}
	before := len(t.spans)
	changed := t.add(h)
	t.received = true
	d.held += len(t.spans) - before
	t.last = now
	d.move(t, d.fresh)
	if changed {
		d.schedule(t, now)
	}
}

// enter makes an empty trace.
func (d *deriver) enter(key traceKey, p period, now time.Time) *trace {
	t := &trace{key: key, period: p, first: now, last: now, position: -1}
	d.traces[key] = t
	d.move(t, d.fresh)
	return t
}

func (d *deriver) schedule(t *trace, now time.Time) {
	before := t.due
	t.schedule(now, &d.store.pace)
	if t.due != before {
		d.agenda.put(t)
	}
}

// move makes t the last of a list.
func (d *deriver) move(t *trace, to *list.List) {
	if t.in != nil {
		if t.in == to {
			to.MoveToBack(t.element)
			return
		}
		t.in.Remove(t.element)
	}
	t.in, t.element = to, to.PushBack(t)
}

// pickDue takes the traces that are due off the agenda.
func (d *deriver) pickDue(now time.Time) []*trace {
	if d.held > d.store.config.MaxHeldSpans {
		d.hurry(now)
	}
	var batch []*trace
	for spans := 0; len(d.agenda) > 0 && spans < maxStepSpans && !d.agenda[0].due.After(now); {
		t := heap.Pop(&d.agenda).(*trace)
		batch = append(batch, t)
		spans += max(t.size, 1)
	}
	return batch
}

// hurry makes the oldest traces due, so that they can be let go.
func (d *deriver) hurry(now time.Time) {
	excess := d.held - d.store.config.MaxHeldSpans
	for e := d.fresh.Front(); e != nil && excess > 0; e = e.Next() {
		t := e.Value.(*trace)
		excess -= len(t.spans)
		if !t.due.IsZero() && t.due.After(now) && t.due.Before(now.Add(2*d.store.pace.promptly)) {
			t.due = now
			d.agenda.put(t)
		}
	}
}

// derive reads what is missing of the traces, decomposes them and writes the
// rows. On an error they stay due.
func (d *deriver) derive(ctx context.Context, batch []*trace, now time.Time) error {
	err := d.load(ctx, batch)
	var rows rows
	if err == nil {
		for _, t := range batch {
			if err = d.decompose(ctx, t, &rows, now); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = d.store.writeRows(ctx, &rows)
	}
	if len(rows.requests) >= manyRows {
		d.wroteMany = now
	}
	if err != nil {
		for _, t := range batch {
			t.due = now.Add(retryWait)
			d.agenda.put(t)
		}
		return err
	}
	for _, t := range batch {
		d.commit(t, now)
	}
	return nil
}

// decompose adds the trace's rows.
func (d *deriver) decompose(ctx context.Context, t *trace, to *rows, now time.Time) error {
	if t.oversize || len(t.spans) > d.store.config.MaxTraceSpans {
		return d.separate(ctx, t, to, now)
	}
	t.work += len(t.spans)
	d.store.metrics.derived.Add(int64(len(t.spans)))
	if !t.matters() && len(t.ghosts) == 0 {
		return nil
	}
	d.buffer = t.facts(d.buffer)
	result := phase.Decompose(d.buffer)
	d.add(t, result, to, now)
	return nil
}

// add adds a result to the rows to write, and notes what the trace will have then.
func (d *deriver) add(t *trace, result phase.Result, to *rows, now time.Time) {
	keep := d.store.config.Retention
	version := uint64(t.size)*1000 + phase.Revision
	t.next = t.next[:0]
	t.unseen = t.unseen[:0]
	for i := range t.observed {
		if !t.oversize { // those are derived a part at a time
			t.observed[i].newest = 0
		}
	}
	for i := range result.Requests {
		r := &result.Requests[i]
		version = max(version, r.Version)
		if !inRange(r.End, keep, now) {
			d.store.counts.one(ReasonRequestOutOfRange)
			continue
		}
		to.requests = append(to.requests, r)
		t.next = append(t.next, r.SpanID)
		if d.store.config.Observer == nil {
			continue
		}
		if i := slices.IndexFunc(t.observed, func(o observation) bool { return o.id == r.SpanID }); i >= 0 {
			t.observed[i].newest = observationSum(r)
		} else if t.owns(r.SpanID) {
			t.unseen = append(t.unseen, r)
		}
	}
	for i := range t.ghosts {
		t.ghosts[i].Version = version
	}
	for _, list := range [...][]phase.Tombstone{t.stale(result.Tombstones, now, &d.store.pace), t.ghosts} {
		for i := range list {
			if inRange(list[i].End, keep, now) {
				to.tombstones = append(to.tombstones, &list[i])
			}
		}
	}
}

// commit notes that the trace's rows are stored.
func (d *deriver) commit(t *trace, now time.Time) {
	t.rows, t.next = t.next, t.rows
	d.store.metrics.corrected.Add(t.corrected())
	t.changed, t.due, t.ghosts = time.Time{}, time.Time{}, nil
	if t.waiting {
		t.waiting = false
		t.waits++
	}
	if t.recorded {
		t.recorded = false
		d.done = append(d.done, deedOf(t.loopName(), now, true))
	}
	if t.oversize {
		t.page = t.nextPage
		d.forget(t)
		if t.page.more {
			d.schedule(t, now)
		}
	}
}

// forget lets go of a trace's spans.
func (d *deriver) forget(t *trace) {
	d.held -= len(t.spans)
	t.letGo()
}

// settle hands requests to the observer and lets go of traces that are quiet, or
// for which there is no room.
func (d *deriver) settle(now time.Time) {
	full := func() bool { return d.held > d.store.config.MaxHeldSpans }
	for e := d.fresh.Front(); e != nil; e = d.fresh.Front() {
		t := e.Value.(*trace)
		if now.Sub(t.last) < d.store.pace.observe && !(full() && t.changed.IsZero()) {
			break
		}
		d.observe(t)
		d.move(t, d.settled)
	}
	for e := d.settled.Front(); e != nil; e = d.settled.Front() {
		t := e.Value.(*trace)
		if now.Sub(t.last) < d.store.pace.hold && !full() {
			break
		}
		d.forget(t)
		if t.size > indexFrom || !t.changed.IsZero() {
			d.move(t, d.stubs)
			continue
		}
		d.drop(t, now)
	}
	for e := d.stubs.Front(); d.stubs.Len() > maxStubs && e != nil; {
		t := e.Value.(*trace)
		e = e.Next()
		if t.changed.IsZero() {
			d.drop(t, now)
		}
	}
}

// drop forgets a trace, but for the fact that the store has it.
func (d *deriver) drop(t *trace, now time.Time) {
	d.known.add(t.key, past{t.period, int32(t.foreign), t.received}, now.UnixNano())
	t.in.Remove(t.element)
	delete(d.traces, t.key)
}

func (d *deriver) observe(t *trace) {
	for _, r := range t.unseen {
		sum := observationSum(r)
		t.observed = append(t.observed, observation{id: r.SpanID, sum: sum, newest: sum})
		d.store.config.Observer(r)
	}
	t.unseen = nil
}

// report leaves the deriver's state for fill.
func (d *deriver) report(now time.Time) {
	oldest := now
	for _, t := range d.agenda {
		if !t.changed.IsZero() && t.changed.Before(oldest) {
			oldest = t.changed
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.taken = time.Time{}
	d.state.DeriveLag, d.state.Traces, d.state.HeldSpans = now.Sub(oldest), len(d.traces), d.held
}

// fill adds the deriver's state to a status.
func (d *deriver) fill(s *Status) {
	now := d.store.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	s.DeriveLag, s.Traces, s.HeldSpans = d.state.DeriveLag, d.state.Traces, d.state.HeldSpans
	for _, delivery := range d.inbox {
		s.DeriveLag = max(s.DeriveLag, now.Sub(delivery.received))
	}
	if !d.taken.IsZero() {
		s.DeriveLag = max(s.DeriveLag, now.Sub(d.taken))
	}
}
