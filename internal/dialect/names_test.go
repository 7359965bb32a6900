package dialect

import "testing"

func TestNameTableFindsEveryName(t *testing.T) {
	keys := &NewReader(Options{}).keys
	longest := 0
	for at, slot := range keys.slots {
		if slot.value == nil {
			continue
		}
		if keys.find(slot.name) != slot.value {
			t.Errorf("%s is not found", slot.name)
		}
		if keys.find(slot.name+"x") == slot.value || keys.find("x"+slot.name) == slot.value {
			t.Errorf("%s is found by another name", slot.name)
		}
		longest = max(longest, (at-int(hashName(slot.name)))&(len(keys.slots)-1))
	}
	if longest > 8 {
		t.Errorf("a name is %d slots from its first", longest)
	}
	if keys.find("") != nil || keys.find("short") != nil || (&nameTable[entry]{}).find("") != nil {
		t.Error("unknown names are found")
	}
}
