// Package accuracy holds Phaseline's answers against a simulation that knows
// the truth. `go test ./test/accuracy -update` (make accuracy) writes the result
// to docs/accuracy.md.
package accuracy

import (
	"flag"
	"os"
	"runtime"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/accuracy.md")

const (
	requests = 100_000
	seed     = 20261123
	document = "../../docs/accuracy.md"
)

// What Phaseline stores is the truth where the evidence carries it, and unknown
// where it does not: from exports of many senders that come in any order, through
// the real engine, to the answers about percentiles.
func TestGroundTruth(t *testing.T) {
	sent, v := measure(t, requests, seed)
	for _, text := range v.violations {
		t.Error(text)
	}
	if v.violated > len(v.violations) {
		t.Errorf("and %d more", v.violated-len(v.violations))
	}
	if v.lostSpans == 0 || sent.repeated == 0 || len(v.byEvidence) < 15 {
		t.Errorf("the test lost its teeth: %d requests lost spans, %d deliveries were repeated, %d combinations", v.lostSpans, sent.repeated, len(v.byEvidence))
	}
	told := 0
	for evidence, y := range v.byEvidence {
		if y.requests < 1000 {
			t.Errorf("%s: only %d requests", evidence, y.requests)
		}
		told += len(y.percentiles)
		for _, p := range y.percentiles {
			if err := p.check(); err != nil {
				t.Errorf("%s: %v", evidence, err)
			}
		}
	}
	if told < 40 {
		t.Errorf("the test lost its teeth: %d percentiles compared", told)
	}
	text := markdown(sent, v)
	if *update && !t.Failed() {
		if err := os.WriteFile(document, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	// Other processors fuse multiplications differently, which moves the
	// simulation's last digits.
	if runtime.GOARCH != "amd64" {
		return
	}
	committed, err := os.ReadFile(document)
	if err != nil {
		t.Fatalf("%v: run make accuracy", err)
	}
	if string(committed) != text {
		t.Errorf("docs/accuracy.md is not what this code measures: run make accuracy\n%s", firstDifference(string(committed), text))
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return "- " + x[i] + "\n+ " + y[i]
		}
	}
	return "one is longer"
}
