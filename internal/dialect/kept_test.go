package dialect

import "testing"

// TestFactsAreNotContent holds the list of what is not stored against the rules:
// a fact that is read must be there when the stored span is read again.
func TestFactsAreNotContent(t *testing.T) {
	for _, d := range All() {
		for _, rules := range [...][]Rule{d.Vocabulary, d.Own} {
			for _, r := range rules {
				if r.Fields == nil && !r.Ignore && IsContent(r.Key) {
					t.Errorf("%s reads %s, which is not stored: except it in notContent", d.Name, r.Key)
				}
			}
		}
	}
}
