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

// TestDecomposeReadsMappings reads an attribute that only the operator's configuration explains.
func TestDecomposeReadsMappings(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	spans := write("spans.json", `{"resourceSpans":[{"scopeSpans":[{"spans":[{
		"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","kind":3,
		"startTimeUnixNano":"1795003200000000000","endTimeUnixNano":"1795003201000000000","attributes":[
			{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},
			{"key":"my.first","value":{"intValue":"250"}}]}]}]}]}`)
	for config, want := range map[string]string{
		"extensions: {phaseline: {mappings: [{attribute: my.first, fact: ttft, unit: ms}]}}": `"ttft_ns":250000000`,
		"extensions: {phaseline: }": `"ttft_ns":null`,
		"extensions: {phaseline: {mappings: [{attribute: my.first, fact: ttft}]}}": "use s, ms, us or ns",
		"receivers: {nop: }": "no phaseline extension",
	} {
		cmd := newDecomposeCommand()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetArgs([]string{"--json", "--config", write("phaseline.yaml", config), spans})
		_ = cmd.Execute() // what is wrong is printed
		if got := strings.ReplaceAll(out.String(), ": ", ":"); !strings.Contains(got, strings.ReplaceAll(want, ": ", ":")) {
			t.Errorf("with %s: %s", config, got)
		}
	}
}
