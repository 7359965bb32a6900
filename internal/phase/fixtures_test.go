package phase_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
)

// TestFixtures decomposes the traces of the folder that PHASELINE_FIXTURES
// names: NAME.json beside NAME.expected.json. Every key of an expected row must
// be there with its value; other keys may be.
func TestFixtures(t *testing.T) {
	folder := os.Getenv("PHASELINE_FIXTURES")
	if folder == "" {
		t.Skip("PHASELINE_FIXTURES names no folder")
	}
	inputs, err := filepath.Glob(filepath.Join(folder, "*.expected.json"))
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no fixtures in %s: %v", folder, err)
	}
	reader := dialect.NewReader(dialect.Options{})
	for _, expected := range inputs {
		name := strings.TrimSuffix(filepath.Base(expected), ".expected.json")
		t.Run(name, func(t *testing.T) {
			got := decomposeFile(t, reader, strings.TrimSuffix(expected, ".expected.json")+".json")
			want := readRows(t, expected)
			if len(got) != len(want) {
				t.Fatalf("%d requests, want %d", len(got), len(want))
			}
			for i := range want {
				for key, value := range want[i] {
					if !reflect.DeepEqual(got[i][key], value) {
						t.Errorf("request %d: %s = %v, want %v", i, key, got[i][key], value)
					}
				}
				if _, ok := want[i]["flags"]; !ok && got[i]["flags"] != nil {
					t.Errorf("request %d: flags = %v, want none", i, got[i]["flags"])
				}
			}
		})
	}
}

func decomposeFile(t *testing.T, reader *dialect.Reader, path string) []map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(data)
	if err != nil {
		t.Fatal(err)
	}
	result := phase.Decompose(reader.ReadTraces(td))
	rows, err := json.Marshal(map[string]any{"requests": result.Requests})
	if err != nil {
		t.Fatal(err)
	}
	return parseRows(t, rows)
}

func readRows(t *testing.T, path string) []map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parseRows(t, data)
}

func parseRows(t *testing.T, data []byte) []map[string]any {
	t.Helper()
	var rows struct {
		Requests []map[string]any `json:"requests"`
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	return rows.Requests
}
