package phase_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
)

// BenchmarkRequest reads and decomposes one request of three spans: client,
// gateway and engine. The goal is 3 µs and 10 allocations on one core.
func BenchmarkRequest(b *testing.B) {
	data, err := os.ReadFile("testdata/three_spans.json")
	if err != nil {
		b.Fatal(err)
	}
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(data)
	if err != nil {
		b.Fatal(err)
	}
	reader := dialect.NewReader(dialect.Options{})
	if n := len(phase.Decompose(reader.ReadTraces(td)).Requests); n != 1 {
		b.Fatalf("%d requests, want 1", n)
	}
	// On two, the garbage collector keeps the other one busy too.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		phase.Decompose(reader.ReadTraces(td))
	}
	// Wall time on a busy machine says nothing about the code.
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// cpuTime is the CPU time of the process so far, in nanoseconds.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
