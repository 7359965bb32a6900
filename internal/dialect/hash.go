package dialect

import "hash/fnv"

// Hash is a hash of everything the span tells. Of two spans with one id, the
// one with the larger hash is believed, so that the choice does not depend on
// which came first.
func (f *Facts) Hash() uint64 {
	h := fnv.New64a()
	word := func(n uint64) {
		var b [8]byte
		for i := range b {
			b[i] = byte(n >> (8 * i))
		}
		h.Write(b[:])
	}
	text := func(s string) {
		word(uint64(len(s)))
		h.Write([]byte(s))
	}
	h.Write(f.TraceID[:])
	h.Write(f.SpanID[:])
	h.Write(f.ParentID[:])
	word(uint64(f.Start))
	word(uint64(f.End))
	for _, s := range [...]string{f.Origin.Service, f.Origin.ServiceNamespace, f.Origin.ServiceVersion,
		f.Origin.Environment, f.Origin.Instance, f.Origin.Scope, f.Origin.Engine, f.Tenant, f.Dialect()} {
		text(s)
	}
	word(uint64(f.Kind)<<40 | uint64(f.Role)<<32 | uint64(f.Stage)<<24 | uint64(f.Status)<<16 | uint64(f.TTFTKind)<<8 | uint64(uint8(f.streaming)))
	word(uint64(f.Marks)<<8 | uint64(f.Refused))
	word(f.has & (1<<numberCount - 1))
	for n := range numberCount {
		if f.Has(n) {
			word(uint64(f.Number(n)))
			text(f.Source(n))
		} else {
			word(0)
		}
	}
	for t := range textCount {
		text(f.Text(t))
	}
	for _, a := range f.Attributes() {
		text(a.Key)
		text(a.Value)
	}
	return h.Sum64()
}
