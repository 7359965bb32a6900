package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestDecomposePrintsTheGoldenRows runs the command as a user does.
func TestDecomposePrintsTheGoldenRows(t *testing.T) {
	inputs, err := filepath.Glob("../../internal/dialect/testdata/*/*/input.json")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, input := range inputs {
		compareRows(t, input, filepath.Join(filepath.Dir(input), "expected.json"))
	}
}

// TestDecomposePrintsTheFixtures does the same for the folder that
// PHASELINE_FIXTURES names: NAME.json beside NAME.expected.json.
func TestDecomposePrintsTheFixtures(t *testing.T) {
	folder := os.Getenv("PHASELINE_FIXTURES")
	if folder == "" {
		t.Skip("PHASELINE_FIXTURES names no folder")
	}
	expected, err := filepath.Glob(filepath.Join(folder, "*.expected.json"))
	if err != nil || len(expected) == 0 {
		t.Fatalf("no fixtures in %s: %v", folder, err)
	}
	for _, path := range expected {
		compareRows(t, strings.TrimSuffix(path, ".expected.json")+".json", path)
	}
}

// compareRows checks that every key of an expected row is printed with its value.
func compareRows(t *testing.T, input, expected string) {
	t.Helper()
	type rows struct {
		Requests []map[string]any `json:"requests"`
	}
	var want, got rows
	data, err := os.ReadFile(expected)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	cmd := newDecomposeCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--json", input})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Requests) != len(want.Requests) {
		t.Errorf("%s: %d requests, want %d", input, len(got.Requests), len(want.Requests))
		return
	}
	for i, row := range want.Requests {
		for key, value := range row {
			if !reflect.DeepEqual(got.Requests[i][key], value) {
				t.Errorf("%s: request %d: %s = %v, want %v", input, i, key, got.Requests[i][key], value)
			}
		}
	}
}
