package main

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
)

// The goals of reading and decomposing a request of three spans on one core.
const (
	coreGoal       = 3 * time.Microsecond
	coreAllocsGoal = 10
)

// core measures reading and decomposing one request of the load, on one core as
// the goal says, so that the garbage collector has no idle one to be busy on. The
// time is that of the processor: on a busy machine the clock's says nothing.
func core() (perRequest time.Duration, allocs int64) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := []request{draw(rand.New(rand.NewPCG(3, 4)), time.Now())}
	td := ptrace.NewTraces()
	writeClients(td, r)
	writeEngines(td, r)
	reader := dialect.NewReader(dialect.Options{})
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		before := ownTime()
		for b.Loop() {
			phase.Decompose(reader.ReadTraces(td))
		}
		b.ReportMetric(float64(ownTime()-before)/float64(b.N), "cpu-ns/op")
	})
	return time.Duration(result.Extra["cpu-ns/op"]), result.AllocsPerOp()
}
