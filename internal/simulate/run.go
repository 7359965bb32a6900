package simulate

import (
	"container/heap"
	"math"
	"math/rand/v2"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Simulation runs a scenario in virtual time.
type Simulation struct {
	scenario *Scenario
	rng      *rand.Rand // traffic, network, engines
	ids      *rand.Rand // trace and span ids, so that a new draw elsewhere moves none
	now      int64
	clients  []*clientState
	gateways map[string]*gatewayState
	pools    map[string]*poolState
	order    []*poolState // the scenario's, since map order is random
	arrivals arrivals
	writer   *writer
	calls    uint64

	// Truths receives the truth of every sampled request that has ended.
	Truths func(*Truth)
}

type clientState struct {
	Client
	next     int64 // its next arrival
	sessions []session
	number   int
	regions  float64 // sum of weights
}

type session struct {
	key    uint64
	tokens int
	user   int
	busy   int64 // nobody asks again before then
}

type gatewayState struct{ Gateway }

type poolState struct {
	Pool
	replicas []*replica
}

// arrivals orders calls by when they reach the engine's queue.
type arrivals []*job

func (a arrivals) Len() int           { return len(a) }
func (a arrivals) Less(i, j int) bool { return a[i].queued < a[j].queued }
func (a arrivals) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)        { *a = append(*a, x.(*job)) }
func (a *arrivals) Pop() any {
	old := *a
	j := old[len(old)-1]
	old[len(old)-1] = nil
	*a = old[:len(old)-1]
	return j
}

// New starts a simulation at from (Unix nanoseconds), with empty queues and
// caches: let it run a minute or two before believing its load.
func New(s *Scenario, seed uint64, from int64) (*Simulation, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	sim := &Simulation{
		scenario: s, now: from,
		rng:      rand.New(rand.NewPCG(seed, uint64(from))),
		ids:      rand.New(rand.NewPCG(seed^0x9e3779b97f4a7c15, uint64(from))),
		gateways: map[string]*gatewayState{}, pools: map[string]*poolState{},
		Truths: func(*Truth) {},
	}
	for _, g := range s.Gateways {
		sim.gateways[g.Service] = &gatewayState{g}
	}
	for _, p := range s.Pools {
		pool := &poolState{Pool: p}
		for range p.Replicas {
			r := newReplica(p.Engine, rand.New(rand.NewPCG(sim.rng.Uint64(), seed)), sim.finished)
			r.now = from
			pool.replicas = append(pool.replicas, r)
		}
		sim.pools[p.Service] = pool
		sim.order = append(sim.order, pool)
	}
	for i, c := range s.Clients {
		st := &clientState{Client: c, number: i + 1}
		for _, r := range c.Regions {
			st.regions += r.Weight
		}
		sim.clients = append(sim.clients, st)
		st.next = sim.nextArrival(st, from)
	}
	sim.writer = newWriter(s.Faults, sim.ids, from)
	return sim, nil
}

// Advance runs until to (Unix nanoseconds) and returns what exporters sent up
// to then, in order of delivery.
func (s *Simulation) Advance(to int64) []Delivery {
	for {
		var c *clientState
		for _, x := range s.clients {
			if c == nil || x.next < c.next {
				c = x
			}
		}
		t := to
		if c != nil {
			t = min(t, c.next)
		}
		if len(s.arrivals) > 0 && s.arrivals[0].queued <= t {
			s.enqueue(heap.Pop(&s.arrivals).(*job))
			continue
		}
		if t >= to {
			break
		}
		s.now = t
		c.next = s.nextArrival(c, t)
		s.arrive(c, t)
	}
	for _, p := range s.order {
		for _, r := range p.replicas {
			r.advance(to)
		}
	}
	s.now = to
	return s.writer.deliver(to)
}

// Flush returns what the exporters still hold, delayed or not sent yet.
func (s *Simulation) Flush() []Delivery { return s.writer.deliver(math.MaxInt64 / 2) }

// maxRhythm bounds Scenario.Rhythm for thinning.
const maxRhythm = 3

// nextArrival draws from a Poisson process whose rate varies, by thinning.
func (s *Simulation) nextArrival(c *clientState, t int64) int64 {
	for {
		t += 1 + int64(s.rng.ExpFloat64()/(c.Rate*maxRhythm)*1e9)
		if s.rng.Float64()*maxRhythm < s.scenario.rhythm(t, &c.Client) {
			return t
		}
	}
}

// arrive starts a call at the client.
func (s *Simulation) arrive(c *clientState, t int64) {
	s.calls++
	region := s.pickRegion(c)
	e := s.scenario.effects(t, &c.Client, region.Name)
	k := &call{
		truth: &Truth{
			Client: c.Dialect, Gateway: NoDialect, Service: c.Service, Version: e.version, Region: region.Name, Model: c.Model,
			Start: t, Streaming: s.rng.Float64() < c.Streaming, Outcome: OK, Attempts: 1,
			TTFT: Unknown, ServerTTFT: Unknown, ClientDecode: Unknown, Queue: Unknown, Prefill: Unknown, Decode: Unknown,
			ServerTime: Unknown, Network: Unknown, GatewayTime: Unknown,
		},
		client: c, region: region, pool: s.pools[c.Pool], gateway: s.gateways[c.Gateway],
		slowdown: e.slowdown, id: s.calls, status: 200,
	}
	putUint64(k.truth.TraceID[:8], s.ids.Uint64())
	putUint64(k.truth.TraceID[8:], s.ids.Uint64())
	k.truth.SpanID = s.spanID()
	k.truth.Server = k.pool.Dialect
	if k.gateway != nil {
		k.truth.Gateway = k.gateway.Dialect
	}
	s.prompt(k, e)

	t = s.failedAttempts(k, t, e)
	k.sent = t
	if k.truth.Outcome == Failed {
		s.answered(k, t)
		return
	}
	if s.rng.Float64() < 0.06 {
		rtt := int64(region.RTT)
		k.connect = connectTimes{dns: s.around(2e6, 0.6), tcp: rtt + s.around(3e5, 0.5), tls: rtt + s.around(4e6, 0.3)}
	}
	t += s.around(4e5, 0.4) + k.connect.total() + s.wire(k, e)
	if k.gateway != nil {
		k.gatewayStart = t
		overhead := s.around(float64(k.gateway.Overhead), 0.35)
		if k.gateway.CacheHits > 0 && !e.cacheOff {
			overhead += s.around(9e6, 0.3) // embedding and lookup, paid by a miss too
			if s.rng.Float64() < k.gateway.CacheHits {
				k.truth.Outcome = CacheHit
				k.gatewayEnd = t + overhead + s.around(2e6, 0.3)
				k.truth.GatewayTime = k.gatewayEnd - k.gatewayStart
				k.clientFirst = t + overhead + s.wire(k, e)
				k.clientLast = max(k.clientFirst, k.gatewayEnd+s.wire(k, e))
				s.answered(k, k.clientLast)
				return
			}
		}
		t += overhead + s.around(5e5, 0.3)
	}
	k.serverStart = t
	tokens := float64(k.truth.InputTokens)
	k.spanStart = t + s.around(3e5, 0.3) + s.around(1e3*tokens, 0.2) // chat template and tokenizer
	j := &job{call: k, prompt: k.truth.InputTokens, target: k.truth.OutputTokens, slow: k.slowdown,
		queued: k.spanStart + s.around(6e5, 0.4)}
	if k.truth.Outcome == Cancelled {
		j.target = 1 + s.rng.IntN(j.target)
		k.truth.OutputTokens = j.target
	}
	heap.Push(&s.arrivals, j)
}

// enqueue routes a job: to the replica that has its conversation, unless
// another is clearly less loaded.
func (s *Simulation) enqueue(j *job) {
	p := j.call.pool
	e := s.scenario.effects(j.queued, &j.call.client.Client, "")
	serving := max(1, int(math.Round(float64(len(p.replicas))*e.poolSlots)))
	best := int(j.call.sessionKey % uint64(serving))
	for i, r := range p.replicas[:serving] {
		r.advance(j.queued)
		r.prefix.off = e.cacheOff
		if r.load()+1 < p.replicas[best].load() {
			best = i
		}
	}
	j.call.replica = best
	p.replicas[best].submit(j)
}

// finished continues a call whose last token the engine has made.
func (s *Simulation) finished(j *job) {
	k, tr := j.call, j.call.truth
	k.queued, k.scheduled, k.first, k.last = j.queued, j.scheduled, j.first, j.last
	tr.CachedTokens, tr.Preemptions = j.cached, j.preemptions
	tr.Queue, tr.Prefill, tr.Decode = j.scheduled-j.queued, j.first-j.scheduled, j.last-j.first
	k.frontFirst = j.first + s.around(1.4e6, 0.5)
	k.frontLast = max(k.frontFirst, j.last+s.around(1.4e6, 0.5))
	k.spanEnd = k.frontLast + s.around(8e4, 0.5)
	k.serverEnd = k.spanEnd + s.around(1.8e5, 0.5)
	tr.ServerTime = k.serverEnd - k.serverStart
	tr.BeforeSpan, tr.AfterSpan = k.spanStart-k.serverStart, k.serverEnd-k.spanEnd
	tr.ServerTTFT = k.frontFirst - k.spanStart

	e := s.scenario.effects(k.serverEnd, &k.client.Client, k.region.Name)
	first, last := k.frontFirst+s.around(1e5, 0.4), k.serverEnd
	if k.gateway != nil {
		hop := s.around(5e5, 0.3)
		first += hop + s.around(6e5, 0.4)
		k.gatewayEnd = max(last+hop, first) + s.around(1.2e6, 0.4)
		tr.GatewayTime = k.gatewayEnd - k.gatewayStart
		last = k.gatewayEnd
	}
	k.clientFirst = first + s.wire(k, e)
	k.clientLast = max(k.clientFirst, last+s.wire(k, e))
	s.answered(k, k.clientLast)
}

// answered ends a call at the client, fixes its truth and writes its spans.
func (s *Simulation) answered(k *call, last int64) {
	tr := k.truth
	tr.End = last + s.around(2e5, 0.4)
	if tr.Client == VercelAI && len(k.failures) > 0 {
		// The SDK writes a span for each attempt: the last is the request.
		tr.Start, tr.Attempts = k.sent, 1
		if tr.Outcome == Failed {
			tr.Start = k.failures[len(k.failures)-1].start
		}
	}
	tr.Total = tr.End - tr.Start
	tr.Retry = max(k.sent-tr.Start, 0)
	switch tr.Outcome {
	case OK, CacheHit:
		if tr.Streaming {
			tr.TTFT, tr.ClientDecode = k.clientFirst-tr.Start, k.clientLast-k.clientFirst
		}
		if tr.Outcome == OK {
			tr.Network = tr.Total - tr.Retry - tr.ServerTime
		} else {
			tr.Network = tr.Total - tr.Retry - tr.GatewayTime
		}
	}
	if s.scenario.Sampling != nil && s.ids.Float64() >= s.scenario.Sampling(tr.Start) {
		return
	}
	s.write(k)
	s.Truths(tr)
}

// failedAttempts are those before the one that counts, with the client
// library's own back-off between them: 0.5 s doubled, less up to a quarter.
func (s *Simulation) failedAttempts(k *call, t int64, e effects) int64 {
	c := k.client
	failures := 0
	fatal := s.rng.Float64() < c.Errors
	if fatal {
		k.truth.Outcome = Failed
	} else if s.rng.Float64() < c.Aborts {
		k.truth.Outcome = Cancelled
	}
	if s.rng.Float64() < c.Retries {
		failures = 1 + s.rng.IntN(2)
	}
	if fatal {
		failures = max(failures, 1)
	}
	backoff := 0.5e9
	for i := range failures {
		a := attempt{start: t, status: 503}
		if s.rng.IntN(3) == 0 {
			a.status = 429
		}
		a.end = t + s.around(4e5, 0.4) + s.wire(k, e) + s.around(6e6, 0.6) + s.wire(k, e)
		k.failures = append(k.failures, a)
		t = a.end
		if fatal && i == failures-1 {
			k.status = a.status
			k.errorType = map[int]string{503: "InternalServerError", 429: "RateLimitError"}[a.status]
			break
		}
		t += int64(backoff * (1 - 0.25*s.rng.Float64()))
		backoff *= 2
	}
	k.truth.Attempts = failures
	if !fatal {
		k.truth.Attempts++
	}
	return t
}

// wire is one way between client and gateway or engine.
func (s *Simulation) wire(k *call, e effects) int64 {
	d := int64(k.region.RTT)/2 + s.around(float64(k.region.Jitter), 0.8)
	if e.network > 0 {
		d += s.around(float64(e.network), 0.9)
	}
	return d
}

// around draws from a lognormal distribution with that median, in nanoseconds.
func (s *Simulation) around(median, sigma float64) int64 {
	return int64(median * math.Exp(sigma*s.rng.NormFloat64()))
}

func (s *Simulation) pickRegion(c *clientState) *Region {
	x := s.rng.Float64() * c.regions
	for i := range c.Regions {
		if x -= c.Regions[i].Weight; x < 0 {
			return &c.Regions[i]
		}
	}
	return &c.Regions[len(c.Regions)-1]
}

func (s *Simulation) spanID() (id pcommon.SpanID) {
	putUint64(id[:], s.ids.Uint64()|1)
	return id
}

func putUint64(b []byte, v uint64) {
	for i := range 8 {
		b[i] = byte(v >> (8 * i))
	}
}
