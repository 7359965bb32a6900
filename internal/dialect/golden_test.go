package dialect_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
)

var update = flag.Bool("update", false, "write what is found to expected.json")

// golden is an expected.json. Note says in words, and with the arithmetic, why
// the rows are as they are; -update keeps it.
type golden struct {
	Note               string          `json:"note"`
	Requests           json.RawMessage `json:"requests"`
	AbortedWithoutSpan int             `json:"aborted_without_span,omitempty"`
	Tombstones         int             `json:"tombstones,omitempty"`
}

// TestGolden decomposes testdata/<dialect>/<case>/input.json, spans in the
// shape that the real instrumentation sends.
func TestGolden(t *testing.T) {
	inputs := cases(t)
	reader := dialect.NewReader(dialect.Options{})
	for _, input := range inputs {
		folder := filepath.Dir(input)
		t.Run(filepath.Base(filepath.Dir(folder))+"/"+filepath.Base(folder), func(t *testing.T) {
			td := readTrace(t, input)
			result := phase.Decompose(reader.ReadTraces(td))
			checkRows(t, result)
			path := filepath.Join(folder, "expected.json")
			var want golden
			if old, err := os.ReadFile(path); err == nil {
				if err := json.Unmarshal(old, &want); err != nil {
					t.Fatalf("%s: %v", path, err)
				}
			}
			got := golden{Note: want.Note, AbortedWithoutSpan: result.AbortedWithoutSpan, Tombstones: len(result.Tombstones)}
			requests := result.Requests
			if requests == nil {
				requests = []phase.Request{}
			}
			var err error
			if got.Requests, err = json.Marshal(requests); err != nil {
				t.Fatal(err)
			}
			text, err := json.MarshalIndent(got, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, '\n')
			if *update {
				if err := os.WriteFile(path, text, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want.Note == "" {
				t.Errorf("%s has no note", path)
			}
			old, _ := os.ReadFile(path)
			if !bytes.Equal(old, text) {
				t.Errorf("%s differs (see the change with -update):\n%s", path, text)
			}
		})
	}
}

// TestRowsWithoutContent: the spans as they are stored, without what was said,
// give the same rows. Only a finish reason may be told in what was said.
func TestRowsWithoutContent(t *testing.T) {
	inputs := cases(t)
	reader := dialect.NewReader(dialect.Options{})
	for _, input := range inputs {
		td := readTrace(t, input)
		rows := func() string {
			requests := phase.Decompose(reader.ReadTraces(td)).Requests
			for i := range requests {
				requests[i].FinishReason = ""
			}
			text, err := json.Marshal(requests)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		whole := rows()
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					dropContent(ss.Scope().Name(), span.Attributes())
				}
			}
		}
		if stored := rows(); stored != whole {
			t.Errorf("%s: stored spans give\n%s\nand not\n%s", input, stored, whole)
		}
	}
}

func dropContent(scope string, attributes pcommon.Map) {
	attributes.RemoveIf(func(key string, value pcommon.Value) bool {
		if !dialect.IsContent(key) {
			return false
		}
		kept, keep := dialect.Scrub(scope, key, value.AsString())
		if keep {
			value.SetStr(kept)
		}
		return !keep
	})
}

// TestEveryDialectHasAGolden keeps tables and tests together.
func TestEveryDialectHasAGolden(t *testing.T) {
	for _, d := range dialect.All() {
		if cases, _ := filepath.Glob(filepath.Join("testdata", d.Name, "*", "input.json")); len(cases) == 0 {
			t.Errorf("no case in testdata/%s", d.Name)
		}
	}
}

// checkRows holds for every row whatever the input.
func checkRows(t *testing.T, result phase.Result) {
	t.Helper()
	for _, r := range result.Requests {
		sum := r.Unattributed
		for _, part := range [...]phase.Duration{r.Network, r.Queue, r.Prefill, r.Decode} {
			sum += max(part, 0)
		}
		if sum != r.Total || r.Unattributed < 0 || r.Total < 0 {
			t.Errorf("span %x: phases add up to %d of %d", r.SpanID, sum, r.Total)
		}
	}
}

// cases are the inputs of every golden folder.
func cases(t testing.TB) []string {
	t.Helper()
	inputs, err := filepath.Glob("testdata/*/*/input.json")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	return inputs
}

func readTrace(t testing.TB, input string) ptrace.Traces {
	t.Helper()
	data, err := os.ReadFile(input)
	if err != nil {
		t.Fatal(err)
	}
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(data)
	if err != nil {
		t.Fatal(err)
	}
	return td
}
