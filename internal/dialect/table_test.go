package dialect

import (
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TestTablesDoNotContradict: each statement is made in one place.
func TestTablesDoNotContradict(t *testing.T) {
	names, scopes, kinds := map[string]bool{}, map[string]string{}, map[string]string{}
	vocabulary := map[string]string{}
	for _, d := range All() {
		if d.Name == "" || d.Title == "" || d.Splits == "" || d.More == "" || names[d.Name] {
			t.Errorf("%q is not documented once", d.Name)
		}
		names[d.Name] = true
		for _, s := range d.Scopes {
			if other, ok := scopes[s]; ok {
				t.Errorf("scope %s is of %s and %s", s, other, d.Name)
			}
			scopes[s] = d.Name
		}
		for _, k := range d.Kinds {
			if other, ok := kinds[k.Key]; ok {
				t.Errorf("%s has tables in %s and %s", k.Key, other, d.Name)
			}
			kinds[k.Key] = d.Name
		}
		for _, r := range d.Vocabulary {
			if r.To == nil {
				continue
			}
			fact := r.Key + " " + r.To.Label()
			if other, ok := vocabulary[fact]; ok {
				t.Errorf("%s is told by %s and %s", fact, other, d.Name)
			}
			vocabulary[fact] = d.Name
		}
	}
}

// TestAttributeOrderDoesNotMatter: of two attributes with the same rank, the
// same one counts wherever they stand, since a store may not keep their order.
func TestAttributeOrderDoesNotMatter(t *testing.T) {
	read := func(keys ...string) Facts {
		span := ptrace.NewSpan()
		span.SetEndTimestamp(1e9)
		for i, key := range keys {
			span.Attributes().PutDouble(key, float64(i+1)/10)
		}
		return NewReader(Options{}).Read(pcommon.NewResource(), pcommon.NewInstrumentationScope(), span)
	}
	const a, b = "gen_ai.performance.time_to_first_token", "lk.response.ttft"
	one, other := read(a, b), read(b, a)
	if one.Source(TTFT) != other.Source(TTFT) {
		t.Errorf("%s is read from %s and then from %s", TTFT.Label(), one.Source(TTFT), other.Source(TTFT))
	}
}
