package dialect

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// errPacked says that packed facts are not this reader's.
var errPacked = errors.New("dialect: these facts were not packed by this version and configuration")

// Pack appends what the facts tell besides ids, times, kinds and tenants, which
// their spans have: facts that wait on disk need not be read from a span again.
func (r *Reader) Pack(to []byte, facts []Facts) []byte {
	to = binary.LittleEndian.AppendUint64(to, r.tables)
	places := map[*Origin]uint64{}
	var origins []*Origin
	for i := range facts {
		if o := facts[i].Origin; i == 0 || o != facts[i-1].Origin {
			if _, known := places[o]; !known {
				places[o] = uint64(len(origins))
				origins = append(origins, o)
			}
		}
	}
	to = binary.AppendUvarint(to, uint64(len(origins)))
	for _, o := range origins {
		to = o.pack(to)
	}
	place := uint64(0)
	for i := range facts {
		f := &facts[i]
		if i == 0 || f.Origin != facts[i-1].Origin {
			place = places[f.Origin]
		}
		to = binary.AppendUvarint(to, place)
		to = f.pack(to, r)
	}
	return to
}

func (o *Origin) pack(to []byte) []byte {
	for _, text := range o.texts() {
		to = appendPacked(to, *text)
	}
	var list []Attribute
	if o.attributes != nil {
		list = *o.attributes
	}
	to = binary.AppendUvarint(to, uint64(len(list)))
	for _, a := range list {
		to = appendPacked(appendPacked(to, a.Key), a.Value)
	}
	return to
}

func (o *Origin) texts() [7]*string {
	return [...]*string{&o.Service, &o.ServiceNamespace, &o.ServiceVersion, &o.Environment, &o.Instance, &o.Scope, &o.Engine}
}

func (f *Facts) pack(to []byte, r *Reader) []byte {
	to = append(to, byte(slices.Index(r.dialects, f.dialect)+1), byte(f.Role), byte(f.Stage), byte(f.Status), byte(f.TTFTKind),
		byte(f.streaming), byte(f.Refused), byte(f.Marks), byte(f.Marks>>8))
	to = binary.AppendUvarint(to, f.has)
	from := int(f.firstNumber)
	for n := range bits.OnesCount64(f.has & numberBits) {
		to = binary.AppendVarint(to, f.sheet.numbers[from+n])
		to = binary.AppendUvarint(to, uint64(f.sheet.sources[from+n]))
	}
	from = int(f.firstText)
	for t := range bits.OnesCount64(f.has >> textBit) {
		to = appendPacked(to, f.sheet.texts[from+t])
	}
	return to
}

func appendPacked(to []byte, text string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

// Unpack fills in what Pack wrote of the facts, of which there must be as many. An
// error says that they must be read from their spans.
func (r *Reader) Unpack(from []byte, facts []Facts) error {
	if len(from) < 8 || binary.LittleEndian.Uint64(from) != r.tables {
		return errPacked
	}
	b := r.Batch()
	defer b.Close()
	u := unpacker{from: from[8:], memo: &b.draft.memo}
	origins := make([]*Origin, u.count())
	for i := range origins {
		origins[i] = u.origin()
	}
	for i := range facts {
		f := &facts[i]
		if place := u.uvarint(); place < uint64(len(origins)) {
			f.Origin = origins[place]
		} else {
			u.bad = true
		}
		u.facts(f, b)
		if u.bad {
			return errPacked
		}
	}
	if len(u.from) > 0 {
		return errPacked
	}
	return nil
}

// unpacker reads packed facts. Once bad, it reads nothing but zeros.
type unpacker struct {
	from []byte
	memo *memo
	bad  bool
}

func (u *unpacker) uvarint() uint64 {
	n, length := binary.Uvarint(u.from)
	return n * u.step(length)
}

func (u *unpacker) varint() int64 {
	n, length := binary.Varint(u.from)
	return n * int64(u.step(length))
}

// step leaves a number behind; it returns 0 if there was none.
func (u *unpacker) step(length int) uint64 {
	if length <= 0 {
		u.bad, u.from = true, nil
		return 0
	}
	u.from = u.from[length:]
	return 1
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

func (u *unpacker) text() string {
	n := u.count()
	text := u.memo.bytes(u.from[:n])
	u.from = u.from[n:]
	return text
}

func (u *unpacker) origin() *Origin {
	o := new(Origin)
	for _, text := range o.texts() {
		*text = u.text()
	}
	if n := u.count(); n > 0 {
		list := make([]Attribute, n)
		for i := range list {
			list[i] = Attribute{Key: u.text(), Value: u.text()}
		}
		o.attributes = &list
	}
	return o
}

func (u *unpacker) facts(f *Facts, b *Batch) {
	const fixed = 9
	if len(u.from) < fixed || int(u.from[0]) > len(b.reader.dialects) {
		u.bad = true
		return
	}
	if d := u.from[0]; d > 0 {
		f.dialect = b.reader.dialects[d-1]
	}
	f.Role, f.Stage, f.Status, f.TTFTKind = Role(u.from[1]), Stage(u.from[2]), Status(u.from[3]), Kind(u.from[4])
	f.streaming, f.Refused, f.Marks = int8(u.from[5]), Refusals(u.from[6]), Marks(u.from[7])|Marks(u.from[8])<<8
	u.from = u.from[fixed:]
	f.has = u.uvarint()
	if f.has>>(textBit+int(textCount)) != 0 {
		u.bad = true
		return
	}
	n, t := b.place(f)
	for range bits.OnesCount64(f.has & numberBits) {
		value, source := u.varint(), u.uvarint()
		if source >= uint64(len(b.reader.sources)) {
			u.bad, source = true, 0
		}
		f.sheet.numbers[n], f.sheet.sources[n] = value, sourceID(source)
		n++
	}
	for range bits.OnesCount64(f.has >> textBit) {
		f.sheet.texts[t] = u.text()
		t++
	}
}

// fingerprint is a hash of what packed facts refer to.
func (r *Reader) fingerprint() uint64 {
	var h xxhash.Digest
	h.Reset()
	text := func(s string) {
		h.WriteString(s)
		h.Write([]byte{0})
	}
	for _, d := range r.dialects {
		text(d.Name)
	}
	for _, list := range [...][]string{r.sources, r.chosen, numberLabels[:], textLabels[:], {r.tenant}} {
		for _, s := range list {
			text(s)
		}
		text("\n")
	}
	// The last of each enumeration: one that came between has moved it.
	for _, last := range [...]uint64{uint64(roleHTTPSide), uint64(StageDecode), uint64(StatusCancelled), uint64(KindFirstAnswer), uint64(reused), refusalCount} {
		h.Write(binary.LittleEndian.AppendUint64(nil, last))
	}
	return h.Sum64()
}
