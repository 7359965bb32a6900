package dialect

import "testing"

func TestKeyTableFindsEveryKey(t *testing.T) {
	r := NewReader(Options{})
	longest := 0
	for key, e := range r.entries {
		if r.keys.find(key) != e {
			t.Errorf("%s is not found", key)
		}
		if r.keys.find(key+"x") == e || r.keys.find("x"+key) == e {
			t.Errorf("%s is found by another key", key)
		}
		steps := 0
		for i := r.keys.first(key); r.keys.slots[i].key != key; i = (i + 1) & (len(r.keys.slots) - 1) {
			steps++
		}
		longest = max(longest, steps)
	}
	if longest > 8 {
		t.Errorf("a key is %d slots from its first", longest)
	}
	if r.keys.find("") != nil || r.keys.find("short") != nil {
		t.Error("unknown keys are found")
	}
}
