package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
)

// maxAhead is how far a sender's clock may be ahead.
const maxAhead = 10 * time.Minute

// parcel is one call's spans, on their way to the table and to the deriver.
type parcel struct {
	block  block
	facts  []dialect.Facts // as long as the block
	counts tally
}

// InsertTraces stores the spans of td. An error says: send all of td again,
// nothing is stored twice. Spans that can never be stored are no error: they are
// counted, and those that ClickHouse refuses go to the dead-letter file.
func (s *Store) InsertTraces(ctx context.Context, td ptrace.Traces) error {
	if err := s.deriver.room(ctx); err != nil {
		return err
	}
	p := s.blocks.Get().(*parcel)
	defer s.blocks.Put(p)
	p.block.reset()
	clear(p.facts)
	// Grown by appending, large as facts are, it would take twice the memory.
	p.facts, p.counts = slices.Grow(p.facts[:0], td.SpanCount()), tally{}
	received := s.now()
	s.encode(p, td, received)
	if rows := p.block.rows(); rows > 0 {
		done := s.deriver.expect(received)
		defer done()
		rejected, err := s.insertRows(ctx, &p.block, 0, rows)
		if err != nil {
			return err
		}
		s.bury(p, rejected)
		s.metrics.inserted.Add(int64(rows - len(rejected)))
		s.deriver.take(p, rejected, received)
	}
	s.counts.add(p.counts)
	return nil
}

// encode fills p with the spans of td that may be stored.
func (s *Store) encode(p *parcel, td ptrace.Traces, now time.Time) {
	batch := s.reader.Batch()
	defer batch.Close()
	resources := td.ResourceSpans()
	for i := range resources.Len() {
		resourceSpans := resources.At(i)
		scopes := resourceSpans.ScopeSpans()
		for j := range scopes.Len() {
			scopeSpans := scopes.At(j)
			resource, scope := resourceSpans.Resource(), scopeSpans.Scope()
			batch.Enter(resource, scope)
			origin := p.block.origin(resource, scope)
			spans := scopeSpans.Spans()
			for k := range spans.Len() {
				s.encodeSpan(p, spans.At(k), origin, batch, now)
			}
		}
	}
}

func (s *Store) encodeSpan(p *parcel, span ptrace.Span, o origin, batch *dialect.Batch, now time.Time) {
	if reason := s.refuse(span, now); reason != "" {
		p.counts[reason]++
		return
	}
	p.facts = append(p.facts, dialect.Facts{})
	f := &p.facts[len(p.facts)-1]
	batch.Read(span, f)
	row := p.block.rows()
	if !p.block.add(o, f.Tenant, span) {
		// Decomposition must not see more now than when it reads the stored span.
		p.counts[ReasonTrimmed]++
		if again, err := s.readAgain(p.block.row(row)); err == nil {
			again.Tenant = f.Tenant
			*f = again
		}
	}
	if span.EndTimestamp() < span.StartTimestamp() {
		p.counts[ReasonEndBeforeStart]++
	}
}

// refuse returns why a span may not be stored; empty: it may.
func (s *Store) refuse(span ptrace.Span, now time.Time) Reason {
	latest := pcommon.NewTimestampFromTime(now.Add(maxAhead))
	switch {
	case span.StartTimestamp() > latest || span.EndTimestamp() > latest:
		return ReasonInFuture
	case s.config.Retention.Spans > 0 && span.StartTimestamp() < pcommon.NewTimestampFromTime(now.Add(-s.config.Retention.Spans)):
		return ReasonTooOld
	case span.TraceID().IsEmpty() || span.SpanID().IsEmpty():
		return ReasonNoID
	}
	return ""
}

// rejection is a row that ClickHouse refuses.
type rejection struct {
	row  int
	code int32
	err  error
}

// insertRows inserts the rows [from, to). Where ClickHouse blames the data, it
// halves them until the rows at fault are found; the others are stored. Should
// very many be at fault, the caller's time runs out on the way: that is then an
// error to retry, since it is hardly the data that is wrong.
func (s *Store) insertRows(ctx context.Context, b *block, from, to int) ([]rejection, error) {
	err := s.sendSpans(ctx, b, from, to)
	kind, code := classify(err)
	switch kind {
	case faultNone:
		return nil, nil
	case faultUnknown:
		s.counts.one(ReasonUnknownFault)
		fallthrough
	case faultRetry:
		return nil, fmt.Errorf("store: insert spans: %w", err)
	}
	if to-from == 1 {
		return []rejection{{from, code, err}}, nil
	}
	middle := (from + to) / 2
	left, err := s.insertRows(ctx, b, from, middle)
	if err != nil {
		return nil, err
	}
	right, err := s.insertRows(ctx, b, middle, to)
	if err != nil {
		return nil, err
	}
	return append(left, right...), nil
}

// token names the rows [from, to) by their content, so that ClickHouse knows a retry.
func (b *block) token(from, to int) string {
	var h xxhash.Digest
	h.Reset()
	h.Write(b.ids[from*idsLength : to*idsLength])
	var word [4]byte
	for _, hash := range b.hashes[from:to] {
		word = [4]byte{byte(hash), byte(hash >> 8), byte(hash >> 16), byte(hash >> 24)}
		h.Write(word[:])
	}
	return fmt.Sprintf("spans-%d-%016x", to-from, h.Sum64())
}

// bury writes the rejected rows to the dead-letter file.
func (s *Store) bury(p *parcel, rejected []rejection) {
	if len(rejected) == 0 {
		return
	}
	letters := make([]deadLetter, 0, len(rejected))
	for _, r := range rejected {
		span, err := spanJSON(p.block.row(r.row))
		if err != nil {
			s.logger.Error("a span that ClickHouse refused cannot be written down", zap.Error(err))
			p.counts[ReasonDeadLetterLost]++
			continue
		}
		letters = append(letters, deadLetter{Time: s.now().UTC(), Reason: r.err.Error(), Code: r.code, Span: span})
	}
	if err := s.dead.write(letters); err != nil {
		s.logger.Error("spans that ClickHouse refused are lost", zap.Int("spans", len(letters)), zap.Error(err))
		p.counts[ReasonDeadLetterLost] += int64(len(letters))
		return
	}
	p.counts[ReasonRejected] += int64(len(letters))
	s.logger.Warn("ClickHouse refused spans; they are in the dead-letter file",
		zap.Int("spans", len(letters)), zap.String("file", s.dead.path), zap.Error(rejected[0].err))
}

func spanJSON(r row) (json.RawMessage, error) {
	b := newRebuilder()
	if _, err := b.add(r); err != nil {
		return nil, err
	}
	return (&ptrace.JSONMarshaler{}).MarshalTraces(b.traces)
}
