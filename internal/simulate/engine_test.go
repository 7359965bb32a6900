package simulate

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// closedLoop keeps concurrency requests of one size in flight, as a load tester
// does, and returns output tokens per second, mean TTFT and mean TPOT.
func closedLoop(c EngineConfig, concurrency, input, output, n int) (rate float64, ttft, tpot time.Duration) {
	var r *replica
	var sumTTFT, sumTPOT, done, last int64
	started := 0
	start := func(at int64) {
		started++
		r.submit(&job{call: &call{truth: &Truth{InputTokens: input}}, prompt: input, target: output, slow: 1, queued: at})
	}
	r = newReplica(c, rand.New(rand.NewPCG(1, 2)), func(j *job) {
		sumTTFT += j.first - j.queued
		sumTPOT += (j.last - j.first) / int64(output-1)
		done++
		last = j.last
		if started < n {
			start(j.last)
		}
	})
	for range concurrency {
		start(0)
	}
	r.advance(math.MaxInt64 / 2)
	return float64(done*int64(output)) / float64(last) * 1e9, time.Duration(sumTTFT / done), time.Duration(sumTPOT / done)
}

// Published measurements of vLLM, each met within a quarter:
// A100 40 GB, Llama 3.1 8B, 1024 tokens in, 128 out (vLLM 0.23, J. Musgrave's
// sweep): about 75 tokens/s alone, 6.6 times that at eight in flight.
// H100 80 GB, the same model, short chats (vLLM 0.21, InferenceBench):
// TPOT 6.5 ms and TTFT 14 ms alone.
func TestCalibration(t *testing.T) {
	a100, h100 := Engine(Llama8B, A100), Engine(Llama8B, H100)
	within := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > want/4 {
			t.Errorf("%s: %.4g, published %.4g", what, got, want)
		}
	}
	one, _, _ := closedLoop(a100, 1, 1024, 128, 20)
	eight, _, _ := closedLoop(a100, 8, 1024, 128, 160)
	within("A100 tokens/s alone", one, 75)
	within("A100 gain at 8", eight/one, 6.6)
	_, ttft, tpot := closedLoop(h100, 1, 120, 200, 20)
	within("H100 TPOT alone, ms", float64(tpot)/1e6, 6.5)
	const frontend = 2.5 // ms that Simulation adds on the way to the engine core and back
	within("H100 TTFT alone, ms", float64(ttft)/1e6+frontend, 14)
}

func TestLoadAndLengthCost(t *testing.T) {
	c := Engine(Llama8B, L4)
	_, short, _ := closedLoop(c, 1, 500, 100, 20)
	_, long, _ := closedLoop(c, 1, 4000, 100, 20)
	if long < 4*short {
		t.Errorf("TTFT at 4000 input tokens %v, at 500 %v: prefill does not grow with the prompt", long, short)
	}
	_, quiet, slow1 := closedLoop(c, 1, 1000, 100, 20)
	_, busy, slow32 := closedLoop(c, 32, 1000, 100, 320)
	if busy < 2*quiet || slow32 < slow1+slow1/4 {
		t.Errorf("32 in flight: TTFT %v (alone %v), TPOT %v (alone %v): load costs nothing", busy, quiet, slow32, slow1)
	}
	for _, n := range []int{1, 8, 64} {
		rate, ttft, tpot := closedLoop(c, n, 1000, 200, 10*n)
		t.Logf("L4, %d in flight: %.0f tokens/s, TTFT %v, TPOT %v", n, rate, ttft, tpot)
	}
}

// With room for two sequences only, growing ones push each other out: the work
// is done again, and every token is still made.
func TestPreemption(t *testing.T) {
	c := Engine(Llama8B, L4)
	c.KVTokens = 700
	preempted, ended := 0, 0
	r := newReplica(c, rand.New(rand.NewPCG(1, 2)), func(j *job) {
		preempted += j.preemptions
		ended++
		if j.generated != j.target || j.first <= j.scheduled || j.last < j.first {
			t.Errorf("ended with %d of %d tokens, scheduled %d first %d last %d", j.generated, j.target, j.scheduled, j.first, j.last)
		}
	})
	for i := range 6 {
		r.submit(&job{call: &call{truth: &Truth{InputTokens: 200}}, prompt: 200, target: 300, slow: 1, queued: int64(i)})
	}
	for r.load() > 0 {
		r.advance(r.now + 1) // one step
		if r.kv > c.KVTokens {
			t.Fatalf("%d tokens are held in a cache for %d", r.kv, c.KVTokens)
		}
	}
	if ended != 6 || preempted == 0 || r.kv != 0 {
		t.Errorf("%d of 6 ended, %d preemptions, %d tokens still held", ended, preempted, r.kv)
	}
}
