package store

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"go.uber.org/zap"
)

//go:embed sql/hour.sql
var hourSQL string

//go:embed sql/vanished.sql
var vanishedSQL string

//go:embed sql/dirty.sql
var dirtySQL string

//go:embed sql/newest.sql
var newestSQL string

// rollup keeps the hours table up to date. Hours are by their start, Unix seconds.
type rollup struct {
	store *Store

	started bool
	through time.Time             // rows written until then are looked at
	dirty   map[int64]*dirtyHour  // to compute
	done    map[int64]hourVersion // computed by this store

	mu  sync.Mutex
	lag time.Duration
}

// dirtyHour is an hour that has rows which are not in it, and when they were written.
type dirtyHour struct{ first, last time.Time }

// hourVersion is the newest row of an hour that was computed, and when it may be again.
type hourVersion struct {
	newest int64 // Unix ms
	rest   time.Time
}

func (r *rollup) run(ctx context.Context) {
	for {
		err := r.step(ctx, r.store.now())
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.store.metrics.failed(err)
			r.store.logger.Warn("hours could not be computed, trying again", zap.Error(err))
		}
		sleep(ctx, r.store.pace.rollup)
	}
}

// step finds the hours that changed and computes those that are over and calm.
func (r *rollup) step(ctx context.Context, now time.Time) error {
	if err := r.find(ctx, now); err != nil {
		return fmt.Errorf("store: find changed hours: %w", err)
	}
	hours := make([]int64, 0, len(r.dirty))
	for hour := range r.dirty {
		hours = append(hours, hour)
	}
	slices.Sort(hours)
	computed := false
	for _, hour := range hours {
		if !r.ready(hour, now) {
			continue
		}
		if err := r.compute(ctx, hour, now); err != nil {
			return fmt.Errorf("store: compute the hour of %s: %w", time.Unix(hour, 0).UTC().Format(time.RFC3339), err)
		}
		computed = true
	}
	r.report(now)
	if !computed {
		return nil
	}
	return r.store.writeProgress(ctx, []deed{deedOf("rollup", r.unfinished(), false)})
}

// find looks for hours with rows that were written lately.
func (r *rollup) find(ctx context.Context, now time.Time) error {
	if !r.started {
		r.dirty, r.done = map[int64]*dirtyHour{}, map[int64]hourVersion{}
		deeds, err := r.store.readProgress(ctx)
		if err != nil {
			return err
		}
		for _, deed := range deeds {
			if deed.loop == "rollup" {
				r.through = deed.through
			}
		}
		r.started = true
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	// An insert may become visible as late as its time limit.
	rows, err := r.store.conn.Query(ctx, dirtySQL, clickhouse.Named("from", max(r.through.Add(-2*r.store.pace.calm).UnixMilli(), 0)))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var hour, first, last int64
		if err := rows.Scan(&hour, &first, &last); err != nil {
			return err
		}
		if last <= r.done[hour].newest || r.expired(hour, now) {
			continue
		}
		d := r.dirty[hour]
		if d == nil {
			d = &dirtyHour{first: time.UnixMilli(first)}
			r.dirty[hour] = d
		}
		d.last = time.UnixMilli(last)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	r.through = now
	return nil
}

// expired reports whether ClickHouse may have dropped some of the hour's
// requests: computed again, it would lose them.
func (r *rollup) expired(hour int64, now time.Time) bool {
	keep := r.store.config.Retention.Requests
	return keep > 0 && time.Unix(hour, 0).Before(now.Add(-keep))
}

func (r *rollup) ready(hour int64, now time.Time) bool {
	d := r.dirty[hour]
	switch {
	case now.Before(time.Unix(hour, 0).Add(time.Hour + r.store.pace.grace)), now.Before(r.done[hour].rest):
		return false
	}
	return now.Sub(d.last) >= r.store.pace.calm || now.Sub(d.first) >= r.store.pace.patience
}

// compute writes an hour anew.
func (r *rollup) compute(ctx context.Context, hour int64, now time.Time) error {
	if r.expired(hour, now) {
		delete(r.dirty, hour)
		return nil
	}
	began := time.Now()
	s := r.store
	var newest int64
	var series uint64
	if err := s.conn.QueryRow(ctx, newestSQL, clickhouse.Named("hour", hour)).Scan(&newest, &series); err != nil {
		return err
	}
	// Where tables are distributed, every shard computes its part.
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"parallel_distributed_insert_select":          2,
		"distributed_foreground_insert":               1,
		"do_not_merge_across_partitions_select_final": 1,
	}))
	version := uint64(newest)
	err := s.conn.Exec(ctx, hourSQL, clickhouse.Named("hour", hour), clickhouse.Named("version", version),
		clickhouse.Named("fold", series > uint64(s.config.MaxSeries)), clickhouse.Named("series", s.config.MaxSeries))
	if err != nil {
		return err
	}
	if err := s.conn.Exec(ctx, vanishedSQL, clickhouse.Named("hour", hour), clickhouse.Named("version", version)); err != nil {
		return err
	}
	s.metrics.hours.Add(1)
	r.done[hour] = hourVersion{newest, now.Add(r.store.pace.rest * time.Since(began))}
	delete(r.dirty, hour)
	return nil
}

// unfinished is until when, by `written`, every row is in its hour.
func (r *rollup) unfinished() time.Time {
	through := r.through
	for _, d := range r.dirty {
		through = earlier(through, d.first)
	}
	return through
}

func (r *rollup) report(now time.Time) {
	var lag time.Duration
	for hour, d := range r.dirty {
		if !now.Before(time.Unix(hour, 0).Add(time.Hour + r.store.pace.grace)) {
			lag = max(lag, now.Sub(d.first))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lag = lag
}

func (r *rollup) fill(s *Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.RollupLag = r.lag
}
