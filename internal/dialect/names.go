package dialect

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
	i := t.first(name)
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
	if len(t.slots) == 0 {
		return nil
	}
	for i := t.first(name); ; i = (i + 1) & (len(t.slots) - 1) {
		s := &t.slots[i]
		if s.value == nil || s.name == name {
			return s.value
		}
	}
}

// first returns the slot to begin at.
func (t *nameTable[T]) first(name string) int {
	return int(hashName(name)) & (len(t.slots) - 1)
}

func hashName(name string) uint64 {
	n := len(name)
	h := uint64(n)
	if n >= 8 {
		k := name[n-8:]
		// In this order the compiler makes one load of them.
		h ^= uint64(k[0]) | uint64(k[1])<<8 | uint64(k[2])<<16 | uint64(k[3])<<24 |
			uint64(k[4])<<32 | uint64(k[5])<<40 | uint64(k[6])<<48 | uint64(k[7])<<56
	} else {
		for i := range n {
			h = h<<8 ^ uint64(name[i])
		}
	}
	h ^= h >> 32
	return h * 0x9e3779b97f4a7c15 >> 40 // the golden ratio: spreads what differs over the high bits
}
