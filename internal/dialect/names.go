package dialect

import "encoding/binary"

// nameTable finds what is known about a name: an attribute's key, a scope, an
// event. Names share long prefixes and are looked up for every attribute of
// every span: it hashes their length and last eight bytes, a third of the time
// that a map takes over the whole name.
type nameTable[T any] struct {
	slots []nameSlot[T] // a power of two, at most a quarter full
	names int
}

type nameSlot[T any] struct {
	name  string
	value *T
}

// put sets what is known about the name.
func (t *nameTable[T]) put(name string, value *T) {
	if 4*t.names >= len(t.slots) {
		old := t.slots
		t.slots, t.names = make([]nameSlot[T], max(64, 2*len(old))), 0
		for _, s := range old {
			if s.value != nil {
				t.put(s.name, s.value)
			}
		}
	}
	i := int(hashName(name)) & (len(t.slots) - 1)
	for t.slots[i].value != nil && t.slots[i].name != name {
		i = (i + 1) & (len(t.slots) - 1)
	}
	if t.slots[i].value == nil {
		t.names++
	}
	t.slots[i] = nameSlot[T]{name, value}
}

// find returns what is known about the name, or nil.
func (t *nameTable[T]) find(name string) *T {
	last := len(t.slots) - 1
	if last < 0 {
		return nil
	}
	for i := int(hashName(name)) & last; ; i = (i + 1) & last {
		s := &t.slots[i]
		if s.value == nil || s.name == name {
			return s.value
		}
	}
}

// hashName hashes the name's length and end.
func hashName(name string) uint64 {
	n := len(name)
	h := uint64(n)
	if n >= 8 {
		h ^= binary.LittleEndian.Uint64([]byte(name[n-8:]))
	} else if n > 0 {
		h ^= uint64(name[0])<<24 | uint64(name[n/2])<<16 | uint64(name[n-1])<<8
	}
	h ^= h >> 32
	return h * 0x9e3779b97f4a7c15 >> 40 // the golden ratio: spreads what differs over the high bits
}
