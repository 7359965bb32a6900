package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
)

// packable is a store without a database, and a batch of some parcels of which parts
// were cut off.
func packable(t testing.TB, options dialect.Options) (*Store, *Batch) {
	g := newGenerator(61)
	s := New(nil, dialect.NewReader(options), Config{Retention: retention}, zap.NewNop())
	b := new(Batch)
	for i := range 3 {
		var pieces []piece
		for range 1 + i {
			pieces = append(pieces, g.trace(time.Now().Add(-time.Minute))...)
		}
		for _, p := range pieces {
			p.td.ResourceSpans().At(0).Resource().Attributes().PutStr("tenant", fmt.Sprint("tenant ", i))
			p.span().Attributes().PutStr("route", fmt.Sprint("/", g.random.IntN(3)))
			p.span().Status().SetMessage(`a "message"`)
			p.span().Events().AppendEmpty().SetName("event")
		}
		pieces[0].span().SetTraceID([16]byte{})
		b.Join(s.Encode(merge(pieces)))
	}
	b.Cut(2)
	require.EqualValues(t, tally{ReasonNoID: 3}, b.counts)
	return s, b
}

// contents are the rows of a batch, and what was read of their spans.
func contents(b *Batch) (rows []string, facts []uint64) {
	for _, p := range b.parts {
		for i := p.from; i < p.to; i++ {
			rows = append(rows, fmt.Sprintf("%+v %s %d", p.block.row(i), *p.block.tenants[i], p.block.hashes[i]))
			facts = append(facts, p.facts[i].Hash())
		}
	}
	return rows, facts
}

var packOptions = dialect.Options{TenantAttribute: "tenant", Attributes: []string{"route"}}

func TestPackedBatchesAreReadAgain(t *testing.T) {
	s, b := packable(t, packOptions)
	packed := s.Pack(b)
	wantRows, wantFacts := contents(b)
	again, err := s.Unpack(packed)
	require.NoError(t, err)
	rows, facts := contents(again)
	require.Equal(t, wantRows, rows)
	require.Equal(t, wantFacts, facts)
	require.Equal(t, b.counts, again.counts)
	require.Equal(t, b.spans, again.spans)

	t.Run("by a store that reads other attributes", func(t *testing.T) {
		other, _ := packable(t, dialect.Options{TenantAttribute: "tenant"})
		again, err := other.Unpack(packed)
		require.NoError(t, err)
		_, facts := contents(again)
		require.NotEqual(t, wantFacts, facts, "without the route")
		for i, p := range again.parts {
			for row := range p.block.rows() {
				f, err := other.readAgain(p.block.row(row))
				require.NoError(t, err)
				f.Tenant = *p.block.tenants[row]
				require.Equal(t, f.Hash(), p.facts[row].Hash(), "part %d, row %d", i, row)
			}
		}
	})
}

func TestDamagedBatchesAreCounted(t *testing.T) {
	s, b := packable(t, packOptions)
	packed := s.Pack(b)
	for i := 0; i < len(packed); i += 7 {
		damaged := append([]byte(nil), packed...)
		damaged[i] ^= 0x40
		_, err := s.unpack(damaged)
		require.ErrorIs(t, err, errPacked, "byte %d", i)
		_, err = s.unpack(packed[:i])
		require.ErrorIs(t, err, errPacked, "cut at byte %d", i)
	}
	_, err := s.Unpack([]byte("spans"))
	require.ErrorIs(t, err, errPacked)
	require.EqualValues(t, 1, s.Status(t.Context()).Counts[ReasonDamaged])
}

// FuzzUnpack gives what a queue never writes, with a checksum that fits.
func FuzzUnpack(f *testing.F) {
	s, b := packable(f, packOptions)
	packed := s.Pack(b)
	rows, err := s2.Decode(nil, packed[len(packHead):])
	require.NoError(f, err)
	f.Add(rows)
	f.Fuzz(func(_ *testing.T, body []byte) {
		packed := append([]byte(packHead), s2.Encode(nil, body)...)
		seal(packed)
		_, _ = s.unpack(packed)
	})
}

func BenchmarkPack(b *testing.B) {
	s := New(nil, dialect.NewReader(dialect.Options{}), Config{Retention: retention}, zap.NewNop())
	list := traffic(2, time.Now())
	batch := s.Encode(list[1])
	packed := s.Pack(batch)
	n := float64(batch.spans)
	marshalled, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(list[1])
	require.NoError(b, err)
	b.Logf("bytes a span: %.0f packed, %.0f reckoned, %.0f as OTLP", float64(len(packed))/n, float64(batch.Bytes())/n, float64(len(marshalled))/n)
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"encode", func() { s.recycle(s.Encode(list[1])) }},
		{"pack", func() { s.Pack(batch) }},
		{"unpack", func() {
			again, err := s.Unpack(packed)
			require.NoError(b, err)
			s.recycle(again)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.do()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/span")
		})
	}
}

// TestSpansGrowTooOldInTheQueue keeps those that did not, of every part.
func TestSpansGrowTooOldInTheQueue(t *testing.T) {
	s, b := packable(t, packOptions)
	b, err := s.Unpack(s.Pack(b))
	require.NoError(t, err)
	now := time.Now()
	var want []string
	old := 0
	rows, _ := contents(b)
	for _, p := range b.parts {
		for row := range p.block.rows() {
			if (row+old)%3 == 0 {
				p.block.starts[row] = now.Add(-retention.Spans - time.Second).UnixNano()
				old++
			} else {
				want = append(want, rows[len(want)+old])
			}
		}
	}
	s.dropOld(b, now)
	got, _ := contents(b)
	require.Equal(t, want, got)
	require.Equal(t, len(want), b.spans)
	require.EqualValues(t, old, b.counts[ReasonTooOld])
	s.dropOld(b, now.Add(retention.Spans))
	require.Zero(t, b.spans)
	require.Empty(t, b.parts)
	require.NoError(t, s.Insert(t.Context(), b))
	require.EqualValues(t, len(rows), s.Status(t.Context()).Counts[ReasonTooOld])
}
