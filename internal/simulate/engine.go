package simulate

import (
	"math"
	"math/rand/v2"
)

// blockTokens is the size of a KV-cache block; only whole blocks are shared
// between requests with a common prefix.
const blockTokens = 16

// job is one request as the engine core sees it. Times are true nanoseconds.
type job struct {
	call   *call
	prompt int // input tokens
	target int // output tokens after which it ends
	slow   float64

	cached    int // prompt tokens found in the prefix cache
	computed  int // tokens whose KV is in the cache
	generated int

	queued, scheduled, first, last int64
	preemptions                    int
}

// prefillLeft is how many known tokens still lack KV: the prompt, and after a
// preemption also what had been generated, which is computed again.
func (j *job) prefillLeft() int {
	known := j.prompt
	if j.generated > 0 {
		known += j.generated - 1
	}
	return known - j.computed
}

// replica is one engine: a first-come-first-served waiting queue, and a batch
// that takes one step after another, as vLLM's V1 scheduler does. Each step gives
// every decoding sequence one token and spends what is left of the token budget
// on chunks of prompts.
type replica struct {
	config  EngineConfig
	rng     *rand.Rand
	now     int64
	waiting []*job
	running []*job
	kv      int // tokens held by the batch
	prefix  *prefixCache
	chunks  []int // prefill tokens of this step, by index in running
	finish  func(*job)
}

func newReplica(c EngineConfig, rng *rand.Rand, finish func(*job)) *replica {
	return &replica{config: c, rng: rng, prefix: newPrefixCache(c.PrefixTokens), finish: finish}
}

// load is what a least-loaded router looks at.
func (r *replica) load() int { return len(r.waiting) + len(r.running) }

// submit hands over a job at its queued time, which never lies before that of
// an earlier one.
func (r *replica) submit(j *job) { r.waiting = append(r.waiting, j) }

// advance takes every step that starts before until.
func (r *replica) advance(until int64) {
	for r.now < until {
		if len(r.running) == 0 {
			if len(r.waiting) == 0 {
				r.now = until
				return
			}
			if q := r.waiting[0].queued; q > r.now {
				if q >= until {
					r.now = until
					return
				}
				r.now = q
			}
		}
		prefill, pairs := r.schedule()
		steps := 1
		if prefill == 0 {
			steps = r.uneventful(until)
		}
		r.step(steps, prefill, pairs)
	}
}

// schedule plans one step: it extends running prefills, and then admits waiting
// jobs while there is room, or preempts the youngest when the cache is full. A
// step that preempts admits nobody, or the one pushed out would be back at once.
// It returns the prompt tokens of the step, and how many token pairs they attend
// to.
func (r *replica) schedule() (prefill int, pairs float64) {
	preempted := r.reclaim()
	budget := r.config.MaxBatchedTokens
	r.chunks = r.chunks[:0]
	plan := func(j *job) {
		chunk := min(max(j.prefillLeft(), 0), budget)
		if chunk > 0 {
			prefill += int(math.Ceil(float64(chunk) * j.slow))
			pairs += float64(chunk) * (float64(j.computed) + float64(chunk)/2)
			budget -= chunk
		} else {
			budget--
		}
		r.chunks = append(r.chunks, chunk)
	}
	for _, j := range r.running {
		plan(j)
	}
	for len(r.waiting) > 0 && !preempted && budget > 0 && len(r.running) < r.config.MaxSeqs {
		j := r.waiting[0]
		need := j.prompt + j.generated
		// Room for its prompt, and for the token that each will add.
		full := r.kv+need+len(r.running)+1 > r.config.KVTokens
		if j.queued > r.now || full && len(r.running) > 0 {
			break
		}
		r.waiting = r.waiting[1:]
		if j.scheduled == 0 {
			j.scheduled = r.now
			j.cached = r.prefix.lookup(j.call)
			j.computed = j.cached
		}
		r.kv += need
		r.running = append(r.running, j)
		plan(j)
	}
	return prefill, pairs
}

// reclaim preempts the youngest sequences until the batch can grow by a token
// each, and reports whether it had to. Their KV is dropped and computed again, as
// vLLM does by default.
func (r *replica) reclaim() (preempted bool) {
	for len(r.running) > 1 && r.kv+len(r.running) > r.config.KVTokens {
		j := r.running[len(r.running)-1]
		r.running = r.running[:len(r.running)-1]
		r.kv -= j.prompt + j.generated
		j.computed = 0
		j.preemptions++
		r.waiting = append([]*job{j}, r.waiting...)
		preempted = true
	}
	return preempted
}

// uneventful is how many pure decode steps can be taken at once: until a
// sequence ends, the cache is full, or the caller's horizon.
func (r *replica) uneventful(until int64) int {
	n := len(r.running)
	steps := (r.config.KVTokens - r.kv) / n
	for _, j := range r.running {
		steps = min(steps, j.target-j.generated)
	}
	if len(r.waiting) > 0 && r.waiting[0].queued > r.now {
		until = min(until, r.waiting[0].queued)
	}
	slowest := r.config.StepBase + r.config.StepPerSeq*float64(n) + r.config.StepPerKV*float64(r.kv+n*max(steps, 1))
	return max(1, min(steps, int(float64(until-r.now)/slowest)))
}

// step lets time pass for that many equal steps and books their tokens.
func (r *replica) step(steps, prefill int, pairs float64) {
	c, n, k := &r.config, float64(len(r.running)), float64(steps)
	one := c.StepBase + c.StepPerSeq*n + c.StepPerKV*float64(r.kv)
	span := k*one + c.StepPerKV*n*k*(k-1)/2
	span += c.PrefillPerToken*float64(prefill) + c.PrefillPerPair*pairs
	// Kernels, clocks and the host's scheduler vary by a few per cent.
	span *= 1 + 0.03*r.rng.NormFloat64()/math.Sqrt(k)
	r.now += max(int64(span), 1)

	kept := r.running[:0]
	for i, j := range r.running {
		chunk := r.chunks[i]
		j.computed += chunk
		if chunk > 0 && j.prefillLeft() > 0 {
			kept = append(kept, j)
			continue
		}
		if j.generated == 0 {
			j.first = r.now
		}
		j.generated += steps
		if chunk == 0 {
			j.computed += steps
		}
		r.kv += steps
		if j.generated < j.target {
			kept = append(kept, j)
			continue
		}
		j.last = r.now
		r.kv -= j.prompt + j.generated
		r.prefix.insert(j.call.systemKey, j.call.systemTokens)
		r.prefix.insert(j.call.sessionKey, j.prompt+j.generated)
		r.finish(j)
	}
	clear(r.running[len(kept):])
	r.running = kept
}
