package dialect_test

import (
	"encoding/json"
	"testing"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
)

// TestEveryNumberIsExplained: each duration and count of a row has an
// explanation with its value, which names the span and what was read there.
func TestEveryNumberIsExplained(t *testing.T) {
	explained := []string{"total_ns", "network_ns", "queue_ns", "prefill_ns", "decode_ns", "unattributed_ns", "ttft_ns", "server_ttft_ns",
		"server_ns", "retry_ns", "connect_ns", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens"}
	inputs := cases(t)
	reader := dialect.NewReader(dialect.Options{})
	for _, input := range inputs {
		td := readTrace(t, input)
		spans := reader.ReadTraces(td)
		explanations := phase.Explain(spans)
		for i, r := range phase.Decompose(spans).Requests {
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var row map[string]any
			if err := json.Unmarshal(text, &row); err != nil {
				t.Fatal(err)
			}
			facts := map[string]phase.ExplainedFact{}
			for _, f := range explanations[i].Facts {
				facts[f.Fact] = f
				if f.Rule == "" || f.Fact != "unattributed_ns" && (f.SpanID == "" || f.Attribute == "") {
					t.Errorf("%s: %s of span %x is not explained: %+v", input, f.Fact, r.SpanID, f)
				}
			}
			for _, name := range explained {
				value, known := row[name].(float64)
				if f, ok := facts[name]; known != ok || known && value != float64(f.Value) {
					t.Errorf("%s: %s of span %x is %v, explained as %+v", input, name, r.SpanID, row[name], f)
				}
			}
		}
	}
}
