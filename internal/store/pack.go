package store

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/s2"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
)

// packMagic begins a packed batch. It ends with the version of the format: bytes in a
// format of the past must stay readable, since a queue on disk outlives an upgrade.
const packMagic = "phlb\x01"

// packHead is the magic and room for the checksum of the rest.
const packHead = packMagic + "\x00\x00\x00\x00\x00\x00\x00\x00"

// maxPacked bounds what is unpacked: more than the largest export.
const maxPacked = 1 << 30

// factsSize is about what the facts of a span take when packed.
const factsSize = 192

// errPacked says that bytes are no packed batch, or a damaged one.
var errPacked = errors.New("store: this is no batch of spans, or a damaged one")

// Pack returns the batch as bytes, for a queue on disk: a checksum, then, compressed,
// what was counted, and for each parcel its rows column by column and its facts.
func (s *Store) Pack(b *Batch) []byte {
	to := make([]byte, 0, b.Bytes()+b.spans*factsSize)
	to = binary.AppendUvarint(to, uint64(len(b.counts)))
	for i, reason := range Reasons {
		if n := b.counts[reason]; n > 0 {
			to = binary.AppendUvarint(binary.AppendUvarint(to, uint64(i)), uint64(n))
		}
	}
	to = binary.AppendUvarint(to, uint64(len(b.parts)))
	for _, p := range b.parts {
		to = p.pack(to)
		at := len(to)
		to = append(to, make([]byte, 8)...)
		to = s.reader.Pack(to, p.facts[p.from:p.to])
		binary.LittleEndian.PutUint64(to[at:], uint64(len(to)-at-8))
	}
	// Four fifths of the time a queue on disk takes goes by the byte.
	packed := make([]byte, len(packHead)+s2.MaxEncodedLen(len(to)))
	packed = packed[:copy(packed, packHead)+len(s2.Encode(packed[len(packHead):], to))]
	seal(packed)
	return packed
}

// seal writes the checksum of what follows it.
func seal(packed []byte) {
	binary.LittleEndian.PutUint64(packed[len(packMagic):], xxhash.Sum64(packed[len(packHead):]))
}

// Unpack reads what Pack wrote. The batch does not alias the bytes.
func (s *Store) Unpack(packed []byte) (*Batch, error) {
	b, err := s.unpack(packed)
	if err != nil {
		s.counts.one(ReasonDamaged)
		s.logger.Error("spans that waited in the queue cannot be read and are lost", zap.Int("bytes", len(packed)), zap.Error(err))
	}
	return b, err
}

func (s *Store) unpack(from []byte) (*Batch, error) {
	if len(from) < len(packHead) || string(from[:len(packMagic)]) != packMagic ||
		binary.LittleEndian.Uint64(from[len(packMagic):]) != xxhash.Sum64(from[len(packHead):]) {
		return nil, errPacked
	}
	from = from[len(packHead):]
	if n, err := s2.DecodedLen(from); err != nil || n > maxPacked {
		return nil, errPacked
	}
	rows, err := s2.Decode(nil, from)
	if err != nil {
		return nil, errPacked
	}
	u := unpacker{from: rows}
	b := new(Batch)
	for range u.count() {
		if reason := u.count(); reason < uint64(len(Reasons)) {
			b.count(Reasons[reason], int64(u.uvarint()))
		}
	}
	for range u.count() {
		p := s.parcels.Get().(*parcel)
		n := u.block(&p.block)
		packed := u.bytes(u.word())
		if u.bad {
			return nil, errPacked
		}
		s.unpackFacts(p, packed)
		p.waiting.Store(int64(n))
		b.parts = append(b.parts, part{p, 0, n})
		b.spans += n
	}
	if u.bad || len(u.from) > 0 {
		return nil, errPacked
	}
	return b, nil
}

// unpackFacts gives the parcel the facts of its rows.
func (s *Store) unpackFacts(p *parcel, packed []byte) {
	b := &p.block
	p.facts = make([]dialect.Facts, b.rows())
	for i := range p.facts {
		f := &p.facts[i]
		ids := b.ids[i*idsLength:]
		copy(f.TraceID[:], ids)
		copy(f.SpanID[:], ids[16:])
		copy(f.ParentID[:], ids[24:])
		f.Start, f.End = b.starts[i], b.starts[i]+b.durations[i]
		f.Kind, f.Tenant = ptrace.SpanKind(b.kinds[i]), *b.tenants[i]
	}
	if s.reader.Unpack(packed, p.facts) == nil {
		return
	}
	// Another version or configuration packed them.
	for i := range p.facts {
		again, err := s.readAgain(b.row(i))
		if err != nil {
			s.counts.one(ReasonUnreadable)
		}
		again.Tenant = *b.tenants[i]
		p.facts[i] = again
	}
}

// pack appends the part's rows.
func (p part) pack(to []byte) []byte {
	b, from, end := &p.block, p.from, p.to
	to = binary.AppendUvarint(to, uint64(end-from))
	for _, column := range b.textColumns() {
		to = packTexts(to, (*column)[from:end])
	}
	to = append(to, b.ids[from*idsLength:end*idsLength]...)
	for _, column := range b.numberColumns() {
		for _, n := range (*column)[from:end] {
			to = binary.LittleEndian.AppendUint64(to, uint64(n))
		}
	}
	for _, column := range b.wordColumns() {
		for _, n := range (*column)[from:end] {
			to = binary.LittleEndian.AppendUint32(to, n)
		}
	}
	for row := from; row < end; row++ {
		to = append(to, byte(b.kinds[row]), byte(b.statuses[row]))
	}
	for _, column := range b.extentColumns() {
		for _, e := range (*column)[from:end] {
			to = binary.AppendUvarint(to, uint64(e.to-e.from))
			to = append(to, b.arena[e.from:e.to]...)
		}
	}
	return to
}

// packTexts appends texts of few kinds: what there is, and which of it is where.
func packTexts(to []byte, texts []*string) []byte {
	places := map[*string]uint64{}
	var kinds []*string
	var last *string
	for _, text := range texts {
		if text == last {
			continue
		}
		last = text
		if _, known := places[text]; !known {
			places[text] = uint64(len(kinds))
			kinds = append(kinds, text)
		}
	}
	to = binary.AppendUvarint(to, uint64(len(kinds)))
	for _, text := range kinds {
		to = append(binary.AppendUvarint(to, uint64(len(*text))), *text...)
	}
	if len(kinds) == 1 {
		return to
	}
	place := uint64(0)
	last = nil
	for _, text := range texts {
		if text != last {
			place, last = places[text], text
		}
		to = binary.AppendUvarint(to, place)
	}
	return to
}

// unpacker reads what was packed. Once bad, it reads nothing but zeros.
type unpacker struct {
	from []byte
	bad  bool
}

func (u *unpacker) uvarint() uint64 {
	n, length := binary.Uvarint(u.from)
	if length <= 0 {
		u.bad, u.from = true, nil
		return 0
	}
	u.from = u.from[length:]
	return n
}

// count is the length of a list whose elements take at least a byte.
func (u *unpacker) count() uint64 {
	n := u.uvarint()
	if n > uint64(len(u.from)) {
		u.bad, u.from = true, nil
		return 0
	}
	return n
}

func (u *unpacker) word() uint64 {
	b := u.bytes(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

// bytes are the next n; nil if there are not as many.
func (u *unpacker) bytes(n uint64) []byte {
	if n > uint64(len(u.from)) {
		u.bad, u.from = true, nil
		return nil
	}
	b := u.from[:n]
	u.from = u.from[n:]
	return b
}

// block reads rows into an empty block, and returns how many.
func (u *unpacker) block(b *block) int {
	n := int(u.count())
	for _, column := range b.textColumns() {
		*column = u.texts(*column, n)
	}
	b.ids = append(b.ids, u.bytes(uint64(n*idsLength))...)
	for _, column := range b.numberColumns() {
		raw := u.bytes(uint64(n * 8))
		*column = slices.Grow(*column, n)
		for ; len(raw) > 0; raw = raw[8:] {
			*column = append(*column, int64(binary.LittleEndian.Uint64(raw)))
		}
	}
	for _, column := range b.wordColumns() {
		raw := u.bytes(uint64(n * 4))
		*column = slices.Grow(*column, n)
		for ; len(raw) > 0; raw = raw[4:] {
			*column = append(*column, binary.LittleEndian.Uint32(raw))
		}
	}
	for raw := u.bytes(uint64(n * 2)); len(raw) > 0; raw = raw[2:] {
		b.kinds, b.statuses = append(b.kinds, int8(raw[0])), append(b.statuses, int8(raw[1]))
	}
	for _, column := range b.extentColumns() {
		*column = slices.Grow(*column, n)
		for range n {
			from := len(b.arena)
			b.arena = append(b.arena, u.bytes(u.uvarint())...)
			*column = append(*column, extent{from, len(b.arena)})
		}
	}
	return n
}

func (u *unpacker) texts(to []*string, n int) []*string {
	kinds := make([]string, u.count())
	for i := range kinds {
		kinds[i] = string(u.bytes(u.uvarint()))
	}
	to = slices.Grow(to, n)
	for range n {
		place := uint64(0)
		if len(kinds) != 1 {
			place = u.uvarint()
		}
		if place >= uint64(len(kinds)) {
			u.bad, u.from = true, nil
			return to
		}
		to = append(to, &kinds[place])
	}
	return to
}
