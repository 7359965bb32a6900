package store

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
)

const (
	// wideSearch is how long before a span others of its trace may have started,
	// where nothing is known of the trace.
	wideSearch = 24 * time.Hour
	// nearSearch is used instead where so many traces are searched for that the
	// wide search would take minutes.
	nearSearch    = time.Hour
	manySearches  = 2_000
	searchMargin  = 15 * time.Minute
	loadChunk     = 1_000 // traces in one query
	queryTimeout  = 60 * time.Second
	retentionRead = 400 * 24 * time.Hour // further back than any span
)

//go:embed sql/load.sql
var loadSQL string

// storedSpan is a row of the spans table.
type storedSpan struct {
	row
	tenant string
	hash   uint32
}

func (s *storedSpan) key() traceKey { return traceKey{s.tenant, s.traceID} }

// LoadTrace returns the spans of a trace as they are stored; empty if there are none.
func (s *Store) LoadTrace(ctx context.Context, tenant string, traceID [16]byte) (ptrace.Traces, error) {
	b := newRebuilder()
	spans := map[[8]byte]storedSpan{}
	var order [][8]byte
	now := s.now()
	search := search{tenants: []string{tenant}, traces: [][16]byte{traceID}, period: period{now.Add(-retentionRead).UnixNano(), now.Add(2 * maxAhead).UnixNano()}}
	err := s.search(ctx, search, s.config.MaxTraceSpans, func(span storedSpan) {
		if has, twice := spans[span.spanID]; !twice {
			order = append(order, span.spanID)
		} else if has.hash >= span.hash {
			return
		}
		spans[span.spanID] = span
	})
	if err != nil {
		return ptrace.Traces{}, fmt.Errorf("store: load trace %x: %w", traceID, err)
	}
	slices.SortFunc(order, func(x, y [8]byte) int {
		a, b := spans[x], spans[y]
		return cmp.Or(cmp.Compare(a.resource, b.resource), cmp.Compare(a.scope, b.scope), cmp.Compare(a.start, b.start), slices.Compare(x[:], y[:]))
	})
	for _, id := range order {
		if _, err := b.add(spans[id].row); err != nil {
			return ptrace.Traces{}, fmt.Errorf("store: load trace %x: %w", traceID, err)
		}
	}
	return b.traces, nil
}

// load completes the traces that may have spans which are not held.
func (d *deriver) load(ctx context.Context, batch []*trace) error {
	var missing []*trace
	for _, t := range batch {
		if !t.whole && !t.oversize {
			missing = append(missing, t)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	// Traces of about one time are searched for together.
	slices.SortFunc(missing, func(a, b *trace) int { return cmp.Compare(a.period.from, b.period.from) })
	shrink := time.Duration(0)
	if len(missing) > manySearches {
		shrink = wideSearch - nearSearch
	}
	for chunk := range slices.Chunk(missing, loadChunk) {
		if err := d.loadChunk(ctx, chunk, shrink); err != nil {
			return fmt.Errorf("store: load spans: %w", err)
		}
	}
	return nil
}

func (d *deriver) loadChunk(ctx context.Context, chunk []*trace, shrink time.Duration) error {
	s := d.store
	find := search{period: period{chunk[0].period.from - int64(searchMargin), s.now().Add(2 * maxAhead).UnixNano()}}
	if len(chunk) == loadChunk {
		find.period.from += int64(shrink)
	}
	byKey := make(map[traceKey]*trace, len(chunk))
	tenants := map[string]bool{}
	for _, t := range chunk {
		byKey[t.key] = t
		find.traces = append(find.traces, t.key.id)
		if !tenants[t.key.tenant] {
			tenants[t.key.tenant] = true
			find.tenants = append(find.tenants, t.key.tenant)
		}
	}
	err := s.search(ctx, find, s.config.MaxTraceSpans+1, func(span storedSpan) {
		t := byKey[span.key()]
		if t == nil {
			return // another tenant's
		}
		s.metrics.read.Add(1)
		facts, err := s.readAgain(span.row)
		if err != nil {
			s.counts.one(ReasonUnreadable)
			s.logger.Warn("a stored span cannot be read", zap.Error(err))
			return
		}
		facts.Tenant = span.tenant
		before := len(t.spans)
		t.add(held{&facts, span.hash, false})
		d.held += len(t.spans) - before
	})
	if err != nil {
		return err
	}
	for _, t := range chunk {
		t.whole, t.ownOnly = true, false
	}
	return nil
}

// search says which spans to read.
type search struct {
	tenants []string
	traces  [][16]byte
	period  period
}

// search calls each for the spans found, up to limit of each trace.
func (s *Store) search(ctx context.Context, find search, limit int, each func(storedSpan)) error {
	traces := make([]string, 0, len(find.traces))
	for _, id := range find.traces {
		traces = append(traces, hex.EncodeToString(id[:]))
	}
	return s.readSpans(ctx, loadSQL, each,
		clickhouse.Named("tenants", find.tenants), clickhouse.Named("traces", traces),
		clickhouse.Named("from", find.period.from), clickhouse.Named("to", find.period.to), clickhouse.Named("limit", limit))
}

func (s *Store) readSpans(ctx context.Context, query string, each func(storedSpan), arguments ...any) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := s.conn.Query(ctx, query, arguments...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		span, err := scanSpan(rows)
		if err != nil {
			return err
		}
		each(span)
	}
	return rows.Err()
}

func scanSpan(rows driver.Rows) (storedSpan, error) {
	var span storedSpan
	var traceID, spanID, parentID string
	var start time.Time
	err := rows.Scan(&span.tenant, &traceID, &spanID, &parentID, &start, &span.duration, &span.name, &span.kind, &span.status, &span.message,
		&span.resource, &span.scope, &span.keys, &span.values, &span.droppedAttributes, &span.events, &span.droppedEvents, &span.hash)
	copy(span.traceID[:], traceID)
	copy(span.spanID[:], spanID)
	copy(span.parentID[:], parentID)
	span.start = start.UnixNano()
	return span, err
}

// readAgain reads the facts of a stored span.
func (s *Store) readAgain(r row) (dialect.Facts, error) {
	b := newRebuilder()
	span, err := b.add(r)
	if err != nil {
		return dialect.Facts{}, err
	}
	return s.reader.Read(b.resourceSpans.Resource(), b.scopeSpans.Scope(), span), nil
}
