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

func TestGroundTruth(t *testing.T) {
	o, err := measure(requests, seed)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range o.violations {
		t.Error(v)
	}
	if o.violated > len(o.violations) {
		t.Errorf("and %d more", o.violated-len(o.violations))
	}
	if o.lostSpans == 0 || o.repeated == 0 || len(o.byEvidence) < 15 {
		t.Errorf("the test lost its teeth: %d requests lost spans, %d deliveries were repeated, %d combinations", o.lostSpans, o.repeated, len(o.byEvidence))
	}
	for evidence, y := range o.byEvidence {
		if y.requests < 1000 {
			t.Errorf("%s: only %d requests", evidence, y.requests)
		}
		for _, p := range y.percentiles() {
			if err := p.check(); err != nil {
				t.Errorf("%s: %v", evidence, err)
			}
		}
	}
	text := o.markdown()
	if *update {
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
