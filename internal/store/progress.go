package store

import (
	"context"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// keepProgress is how far back the progress of other stores is of interest: past
// any retention of spans that is shorter, there is nothing left to derive.
const keepProgress = 8 * 24 * time.Hour

//go:embed sql/progress.sql
var progressSQL string

// deed is a row of the progress table.
type deed struct {
	loop    string
	through time.Time
	closed  bool
	age     time.Duration // since it was written
}

func (d deed) writer() (uint32, bool) {
	text, ok := strings.CutPrefix(d.loop, "derive:")
	n, err := strconv.ParseUint(text, 16, 32)
	return uint32(n), ok && err == nil
}

// trace returns the trace whose derivation was put off.
func (d deed) trace() (key traceKey, ok bool) {
	text, ok := strings.CutPrefix(d.loop, "trace:")
	id, tenant, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(id)
	if !ok || err != nil || len(raw) != len(key.id) {
		return key, false
	}
	key.tenant = tenant
	copy(key.id[:], raw)
	return key, true
}

func (s *Store) loopName() string { return fmt.Sprintf("derive:%08x", s.writer) }

func (t *trace) loopName() string {
	return "trace:" + hex.EncodeToString(t.key.id[:]) + ":" + t.key.tenant
}

func (s *Store) readProgress(ctx context.Context) ([]deed, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := s.conn.Query(ctx, progressSQL)
	if err != nil {
		return nil, fmt.Errorf("store: read progress: %w", err)
	}
	defer rows.Close()
	var deeds []deed
	for rows.Next() {
		var d deed
		var age int64
		if err := rows.Scan(&d.loop, &d.through, &d.closed, &age); err != nil {
			return nil, fmt.Errorf("store: read progress: %w", err)
		}
		d.age = time.Duration(age) * time.Millisecond
		deeds = append(deeds, d)
	}
	return deeds, rows.Err()
}

func (s *Store) writeProgress(ctx context.Context, deeds []deed) error {
	if len(deeds) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	batch, err := s.prepare(ctx, "progress", []string{"loop", "through", "closed"}, "")
	if err != nil {
		return fmt.Errorf("store: write progress: %w", err)
	}
	defer batch.Close()
	for _, d := range deeds {
		if err := batch.Append(d.loop, d.through, d.closed); err != nil {
			return fmt.Errorf("store: write progress: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("store: write progress: %w", err)
	}
	return nil
}

// resume derives what the stores before this one left: those that crashed, and
// this process's own past.
func (d *deriver) resume(ctx context.Context, now time.Time) error {
	deeds, err := d.store.readProgress(ctx)
	if err != nil {
		return err
	}
	from := now.Add(-keepProgress)
	derived := map[uint32]int64{}
	for _, deed := range deeds {
		if deed.loop == "derive" {
			from = deed.through
		}
	}
	for _, deed := range deeds {
		if key, ok := deed.trace(); ok && !deed.closed {
			d.reload(key, period{now.Add(-keepProgress).UnixNano(), now.UnixNano()}, now)
		}
		writer, ok := deed.writer()
		if !ok {
			continue
		}
		derived[writer] = deed.through.Add(-d.store.pace.skew).UnixMilli()
		if deed.closed {
			continue
		}
		from = earlier(from, deed.through)
		if deed.age >= d.store.pace.takeover {
			d.inherited = append(d.inherited, deedOf(deed.loop, now, true))
		}
	}
	findings, err := d.foreign(ctx, from.Add(-d.store.pace.skew), now.Add(d.store.pace.skew), 0, derived)
	if err != nil {
		return fmt.Errorf("store: find what was not derived: %w", err)
	}
	d.adopt(findings, now)
	d.adopted = now
	return nil
}

// takeOver derives the spans of stores that have fallen silent.
func (d *deriver) takeOver(ctx context.Context, now time.Time) error {
	deeds, err := d.store.readProgress(ctx)
	if err != nil {
		return err
	}
	for _, deed := range deeds {
		writer, ok := deed.writer()
		if !ok || deed.closed || writer == d.store.writer || deed.age < d.store.pace.takeover {
			continue
		}
		findings, err := d.foreign(ctx, deed.through.Add(-d.store.pace.skew), now.Add(d.store.pace.skew), writer, nil)
		if err != nil {
			return fmt.Errorf("store: find what a silent store has not derived: %w", err)
		}
		d.adopt(findings, now)
		d.inherited = append(d.inherited, deedOf(deed.loop, now, true))
		d.adopted = now
	}
	return nil
}

func deedOf(loop string, through time.Time, closed bool) deed {
	return deed{loop: loop, through: through, closed: closed}
}

// adopt takes in traces of which nothing is known but some spans.
func (d *deriver) adopt(findings []finding, now time.Time) {
	for _, f := range findings {
		f.period.from -= int64(wideSearch)
		d.reload(f.key, f.period, now)
	}
}

// record writes down what this store has derived. A trace that is put off for
// long gets a row of its own, so that it does not hold up all others.
func (d *deriver) record(ctx context.Context, now time.Time, closed bool) error {
	through := now
	d.mu.Lock()
	for since := range d.inflight {
		through = earlier(through, *since)
	}
	for _, delivery := range d.inbox {
		through = earlier(through, delivery.received)
	}
	d.mu.Unlock()

	deeds := d.done
	var put []*trace
	for _, t := range d.agenda {
		switch {
		case t.recorded:
		case t.due.Sub(now) > 2*d.store.pace.look:
			put = append(put, t)
			deeds = append(deeds, deedOf(t.loopName(), t.changed, false))
		default:
			through = earlier(through, t.changed)
		}
	}
	deeds = append(deeds, deedOf(d.store.loopName(), through, closed))
	// What was adopted may be taken for done only once it is derived.
	settled := !d.adopted.IsZero() && !through.Before(d.adopted)
	if settled {
		deeds = append(deeds, deedOf("derive", d.adopted.Add(-d.store.pace.skew), false))
		deeds = append(deeds, d.inherited...)
	}
	if err := d.store.writeProgress(ctx, deeds); err != nil {
		return err
	}
	d.done = nil
	if settled {
		d.inherited, d.adopted = nil, time.Time{}
	}
	for _, t := range put {
		t.recorded = true
	}
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
