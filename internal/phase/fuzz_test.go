package phase_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/phase"
)

// FuzzDecompose decomposes arbitrary OTLP. Whatever comes, phases add up, the
// order does not matter, and each row is explained.
func FuzzDecompose(f *testing.F) {
	inputs, _ := filepath.Glob("../dialect/testdata/*/*/input.json")
	for _, input := range inputs {
		data, err := os.ReadFile(input)
		if err != nil {
			f.Fatal(err)
		}
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(data)
		if err != nil {
			f.Fatal(err)
		}
		if data, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(td); err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
		if err != nil {
			return
		}
		spans := reader.ReadTraces(td)
		result := phase.Decompose(spans)
		for i := range result.Requests {
			checkConservation(t, &result.Requests[i])
			if _, err := result.Requests[i].MarshalJSON(); err != nil {
				t.Fatal(err)
			}
		}
		explanations := phase.Explain(spans)
		for i, e := range explanations {
			if len(e.Facts) == 0 || e.Facts[0].Value != int64(result.Requests[i].Total) {
				t.Fatalf("row %d is not explained: %+v", i, e)
			}
		}
		slices.Reverse(spans)
		if again := phase.Decompose(spans); !reflect.DeepEqual(again, result) {
			t.Fatalf("rows depend on order:\n%+v\n%+v", again, result)
		}
		for _, r := range phase.DecomposeUncorrelated(spans).Requests {
			checkConservation(t, &r)
		}
	})
}
