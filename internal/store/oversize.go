package store

import (
	"context"
	_ "embed"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/phase"
)

//go:embed sql/page.sql
var pageSQL string

// pageSpans is how many spans of an oversize trace are read in one step.
const pageSpans = 5_000

// page is how far an oversize trace was read.
type page struct {
	start int64
	span  [8]byte
	more  bool
}

// separate derives a trace of more spans than are correlated: each span on its
// own, so that the rows do not depend on which spans came first. The spans
// stored before that showed are read once, a page in each step; those that come
// later are not read at all.
func (d *deriver) separate(ctx context.Context, t *trace, to *rows, now time.Time) error {
	s := d.store
	if !t.oversize {
		t.oversize = true
		t.page = page{more: true}
		s.logger.Warn("a trace has too many spans to correlate them: each is taken on its own",
			zap.String("trace_id", hex.EncodeToString(t.key.id[:])), zap.Int("limit", s.config.MaxTraceSpans))
	}
	facts := t.facts(nil)
	next := t.page
	if t.page.more {
		read := 0
		err := s.readSpans(ctx, pageSQL, func(span storedSpan) {
			read++
			next.start, next.span = span.start, span.spanID
			if f, err := s.readAgain(span.row); err == nil {
				f.Tenant = span.tenant
				facts = append(facts, f)
			} else {
				s.counts.one(ReasonUnreadable)
			}
		}, clickhouse.Named("tenant", t.key.tenant), clickhouse.Named("trace", hex.EncodeToString(t.key.id[:])),
			clickhouse.Named("after_start", t.page.start), clickhouse.Named("after_span", hex.EncodeToString(t.page.span[:])),
			clickhouse.Named("limit", pageSpans))
		if err != nil {
			return fmt.Errorf("store: load the spans of a large trace: %w", err)
		}
		s.metrics.read.Add(int64(read))
		next.more = read == pageSpans
	}
	s.counts.add(tally{ReasonTraceTooLarge: int64(len(facts))})
	s.metrics.derived.Add(int64(len(facts)))
	result := phase.DecomposeUncorrelated(facts)
	version := uint64(s.config.MaxTraceSpans+1)*1000 + phase.Revision
	for i := range result.Requests {
		result.Requests[i].Version = version
	}
	for i := range result.Tombstones {
		result.Tombstones[i].Version = version
	}
	d.add(t, result, to, now)
	t.nextPage = next
	return nil
}
