package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
)

// maxAhead is how far a sender's clock may be ahead.
const maxAhead = 10 * time.Minute

// InsertTraces stores the spans of td; see Insert.
func (s *Store) InsertTraces(ctx context.Context, td ptrace.Traces) error {
	return s.Insert(ctx, s.Encode(td))
}

// Encode brings the spans of td into the form in which they are stored. The batch
// holds nothing of td.
func (s *Store) Encode(td ptrace.Traces) *Batch {
	p := s.parcels.Get().(*parcel)
	// Grown by appending, large as facts are, it would take twice the memory.
	p.facts = make([]dialect.Facts, 0, td.SpanCount())
	p.encoded = s.now()
	e := s.encoders.Get().(*encoder)
	e.begin(&p.block)
	s.encode(p, e, td)
	s.encoders.Put(e)
	if p.block.rows() == 0 {
		s.counts.add(p.counts) // nothing of it will come to be inserted
		p.counts = nil
	}
	return newBatch(p)
}

// encode fills p with the spans of td that may be stored.
func (s *Store) encode(p *parcel, e *encoder, td ptrace.Traces) {
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
			origin := e.origin(resource, scope)
			spans := scopeSpans.Spans()
			for k := range spans.Len() {
				s.encodeSpan(p, e, spans.At(k), origin, batch)
			}
		}
	}
}

func (s *Store) encodeSpan(p *parcel, e *encoder, span ptrace.Span, o origin, batch *dialect.Batch) {
	if reason := s.refuse(span, p.encoded); reason != "" {
		p.count(reason)
		return
	}
	p.facts = append(p.facts, dialect.Facts{})
	f := &p.facts[len(p.facts)-1]
	batch.Read(span, f)
	row := p.block.rows()
	if !e.add(o, f.Tenant, span) {
		// Decomposition must not see more now than when it reads the stored span.
		p.count(ReasonTrimmed)
		if again, err := s.readAgain(p.block.row(row)); err == nil {
			again.Tenant = f.Tenant
			*f = again
		}
	}
	if span.EndTimestamp() < span.StartTimestamp() {
		p.count(ReasonEndBeforeStart)
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

// Insert stores a batch, which is not to be used any more then. An error says: the
// same batch may be inserted again, nothing is stored twice. Spans that can never be
// stored are no error: they are counted, and those that ClickHouse refuses go to the
// dead-letter file.
func (s *Store) Insert(ctx context.Context, b *Batch) error {
	if err := s.deriver.room(ctx); err != nil {
		return err
	}
	received := s.now()
	s.dropOld(b, received)
	if b.spans > 0 {
		done := s.deriver.expect(received)
		defer done()
		rejected, err := s.insertParts(ctx, b.parts, b.spans)
		if err != nil {
			return err
		}
		s.bury(b, rejected)
		s.metrics.inserted.Add(int64(b.spans - len(rejected)))
		s.deriver.take(b.parts, rejected, received)
	}
	s.counts.add(b.counts)
	s.recycle(b)
	return nil
}

// dropOld takes the spans out of the batch that have become too old while they
// waited: they would make partitions that have passed their retention.
func (s *Store) dropOld(b *Batch, now time.Time) {
	if s.config.Retention.Spans == 0 {
		return
	}
	earliest := now.Add(-s.config.Retention.Spans).UnixNano()
	var kept []part
	for i, p := range b.parts {
		if now.Sub(p.encoded) < time.Minute {
			if kept != nil {
				kept = append(kept, p)
			}
			continue
		}
		from := p.from
		for row := p.from; row < p.to; row++ {
			if p.block.starts[row] >= earliest {
				continue
			}
			if kept == nil {
				kept = append(make([]part, 0, len(b.parts)+1), b.parts[:i]...)
			}
			if row > from {
				kept = append(kept, part{p.parcel, from, row})
			}
			from = row + 1
			b.spans--
			b.count(ReasonTooOld, 1)
		}
		if kept != nil && p.to > from {
			kept = append(kept, part{p.parcel, from, p.to})
		}
	}
	if kept != nil {
		b.parts = kept
	}
}

// rejection is a row that ClickHouse refuses.
type rejection struct {
	parcel *parcel
	row    int
	code   int32
	err    error
}

// insertParts inserts n rows. Where ClickHouse blames the data, it halves them until
// the rows at fault are found; the others are stored. Should very many be at fault,
// the caller's time runs out on the way: that is then an error to retry, since it is
// hardly the data that is wrong.
func (s *Store) insertParts(ctx context.Context, parts []part, n int) ([]rejection, error) {
	err := s.sendSpans(ctx, parts, n)
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
	if n == 1 {
		return []rejection{{parts[0].parcel, parts[0].from, code, err}}, nil
	}
	first, second := cut(parts, n/2)
	left, err := s.insertParts(ctx, first, n/2)
	if err != nil {
		return nil, err
	}
	right, err := s.insertParts(ctx, second, n-n/2)
	if err != nil {
		return nil, err
	}
	return append(left, right...), nil
}

// token names the rows by their content, so that ClickHouse knows a retry.
func token(parts []part, n int) string {
	var h xxhash.Digest
	h.Reset()
	var word [4]byte
	for _, p := range parts {
		h.Write(p.block.ids[p.from*idsLength : p.to*idsLength])
		for _, hash := range p.block.hashes[p.from:p.to] {
			word = [4]byte{byte(hash), byte(hash >> 8), byte(hash >> 16), byte(hash >> 24)}
			h.Write(word[:])
		}
	}
	return fmt.Sprintf("spans-%d-%016x", n, h.Sum64())
}

// bury writes the rejected rows to the dead-letter file.
func (s *Store) bury(b *Batch, rejected []rejection) {
	if len(rejected) == 0 {
		return
	}
	letters := make([]deadLetter, 0, len(rejected))
	for _, r := range rejected {
		span, err := spanJSON(r.parcel.block.row(r.row))
		if err != nil {
			s.logger.Error("a span that ClickHouse refused cannot be written down", zap.Error(err))
			b.count(ReasonDeadLetterLost, 1)
			continue
		}
		letters = append(letters, deadLetter{Time: s.now().UTC(), Reason: r.err.Error(), Code: r.code, Span: span})
	}
	if err := s.dead.write(letters); err != nil {
		s.logger.Error("spans that ClickHouse refused are lost", zap.Int("spans", len(letters)), zap.Error(err))
		b.count(ReasonDeadLetterLost, int64(len(letters)))
		return
	}
	b.count(ReasonRejected, int64(len(letters)))
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
