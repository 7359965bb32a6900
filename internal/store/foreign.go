package store

import (
	"context"
	_ "embed"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed sql/foreign.sql
var foreignSQL string

// looks is how far a deriver has looked at what other stores wrote.
type looks struct {
	started       bool
	first, second time.Time // looked at until then
	next          time.Time
	takeovers     time.Time
}

// finding is a trace with spans of other stores.
type finding struct {
	key     traceKey
	period  period
	spans   int
	orphans bool // of a store that derives nothing
}

// look takes in the traces that other stores added spans to.
func (d *deriver) look(ctx context.Context, now time.Time) error {
	l, p := &d.looks, &d.store.pace
	if !l.started {
		if err := d.resume(ctx, now); err != nil {
			return err
		}
		l.first, l.second, l.takeovers = now.Add(-p.skew), now.Add(-p.skew), now
		l.started = true
	}
	if now.Before(l.next) {
		return nil
	}
	if err := d.lookUntil(ctx, &l.first, now.Add(-p.firstLook), now, d.found); err != nil {
		return err
	}
	if err := d.lookUntil(ctx, &l.second, now.Add(-p.secondLook), now, d.foundAgain); err != nil {
		return err
	}
	if now.Sub(l.takeovers) >= p.takeover/2 {
		if err := d.takeOver(ctx, now); err != nil {
			return err
		}
		l.takeovers = now
	}
	if err := d.record(ctx, now, false); err != nil {
		return err
	}
	l.next = now.Add(p.look)
	return nil
}

// lookUntil looks at what was written after *from and until to.
func (d *deriver) lookUntil(ctx context.Context, from *time.Time, to, now time.Time, found func(finding, time.Time)) error {
	if !to.After(*from) {
		return nil
	}
	findings, err := d.foreign(ctx, *from, to, 0, nil)
	if err != nil {
		return err
	}
	for _, f := range findings {
		found(f, now)
	}
	*from = to
	return nil
}

// found takes in a trace to which others have just added spans. The traces that
// this store has nothing of are the others' to derive, if they derive at all.
func (d *deriver) found(f finding, now time.Time) {
	past, seen := d.known.get(f.key)
	switch {
	case d.traces[f.key] != nil, seen && past.own, f.orphans:
		d.reload(f.key, f.period, now)
	default:
		d.known.add(f.key, pastOf(f), now.UnixNano())
	}
}

// foundAgain takes in a trace that has more of the others' spans than were read.
func (d *deriver) foundAgain(f finding, now time.Time) {
	if t := d.traces[f.key]; t != nil {
		if t.foreign < f.spans {
			d.reload(f.key, f.period, now)
		}
		return
	}
	if past, seen := d.known.get(f.key); seen && int(past.foreign) < f.spans && (past.own || f.orphans) {
		d.reload(f.key, f.period, now)
	}
}

func pastOf(f finding) past { return past{period: f.period} }

// reload has a trace read from the store and derived.
func (d *deriver) reload(key traceKey, p period, now time.Time) {
	t := d.traces[key]
	if t == nil {
		if past, seen := d.known.get(key); seen {
			p = p.with(past.period)
		}
		t = d.enter(key, p, now)
	}
	t.period = t.period.with(p)
	t.whole, t.ownOnly = false, false
	d.schedule(t, now)
}

// foreign finds the traces to which others added spans; by writer only, unless it is 0.
func (d *deriver) foreign(ctx context.Context, from, to time.Time, writer uint32, derived map[uint32]int64) ([]finding, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	by, until := []uint32{}, []int64{}
	for writer, ms := range derived {
		by, until = append(by, writer), append(until, ms)
	}
	rows, err := d.store.conn.Query(ctx, foreignSQL,
		clickhouse.Named("from", from.UnixMilli()), clickhouse.Named("to", to.UnixMilli()),
		clickhouse.Named("me", d.store.writer), clickhouse.Named("writer", writer),
		clickhouse.Named("derived_by", by), clickhouse.Named("derived", until))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var findings []finding
	for rows.Next() {
		var f finding
		var id string
		var spans uint64
		if err := rows.Scan(&f.key.tenant, &id, &f.period.from, &f.period.to, &spans, &f.orphans); err != nil {
			return nil, err
		}
		copy(f.key.id[:], id)
		f.spans = int(spans)
		findings = append(findings, f)
	}
	return findings, rows.Err()
}
