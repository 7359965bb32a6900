package dialect_test

import (
	"testing"

	"github.com/phaseline/phaseline/internal/dialect"
)

// TestPackedFactsAreReadAgain packs what every dialect's golden spans tell, and
// compares it with what comes out again.
func TestPackedFactsAreReadAgain(t *testing.T) {
	inputs := cases(t)
	reader := dialect.NewReader(dialect.Options{Attributes: []string{"gen_ai.request.model", "service.name"}})
	other := dialect.NewReader(dialect.Options{})
	for _, input := range inputs {
		td := readTrace(t, input)
		facts := reader.ReadTraces(td)
		packed := reader.Pack(nil, facts)
		blank := func() []dialect.Facts {
			list := make([]dialect.Facts, len(facts))
			for i, f := range facts {
				list[i] = dialect.Facts{TraceID: f.TraceID, SpanID: f.SpanID, ParentID: f.ParentID, Start: f.Start, End: f.End, Kind: f.Kind, Tenant: f.Tenant}
			}
			return list
		}
		again := blank()
		if err := reader.Unpack(packed, again); err != nil {
			t.Fatalf("%s: %v", input, err)
		}
		for i := range facts {
			if facts[i].Hash() != again[i].Hash() {
				t.Errorf("%s: span %d tells something else:\n%+v\n%+v", input, i, facts[i], again[i])
			}
			for refusal := dialect.RefusedTTFT; refusal <= dialect.RefusedTimes; refusal <<= 1 {
				if want, got := facts[i].RefusedSource(refusal), again[i].RefusedSource(refusal); want != got {
					t.Errorf("%s: span %d: %q is refused, not %q", input, i, got, want)
				}
			}
		}
		if other.Unpack(packed, blank()) == nil {
			t.Fatalf("%s: read by a reader of other attributes", input)
		}
		for n := range packed {
			if reader.Unpack(packed[:n], blank()) == nil {
				t.Fatalf("%s: read though cut at byte %d", input, n)
			}
		}
	}
}
