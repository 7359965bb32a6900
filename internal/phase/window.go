package phase

import (
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
)

// served is what the servers say about one request.
type served struct {
	// engine is the engine's span that phases are read from; of several
	// sequences, the one that ends last (R6). none without one.
	engine int32
	// prefill is the span of the stage that only prefills, if prefill and
	// decode run on different workers; none otherwise.
	prefill int32
	// window is S: the length of the server's time for the call.
	window       Duration
	windowSpan   int32
	windowSource string
	extent       bool // the window is the extent of windowSpan, not a value on it
	// gateway is the longest span of a gateway on the way, none without one.
	gateway int32
	// retry is the time before the last attempt started, Unknown if there was one attempt.
	retry    Duration
	behind   bool // the retries were the gateway's, not the caller's
	retries  bool // more than one attempt was made
	unclear  bool // several attempts reached a server and the last is not known
	limited  bool // an attempt was rate limited
	connect  Duration
	dialled  int32 // the span that connect was read from
	last     int32 // the last HTTP attempt, none without one
	outputs  int64 // output tokens of all sequences
	several  bool  // more than one sequence
	provider int32 // the span that the provider's own numbers are on
}

// serve gathers the servers' evidence for the request.
func (t *trace) serve(request int32) served {
	s := served{engine: none, prefill: none, window: Unknown, windowSpan: none, gateway: none,
		retry: Unknown, connect: Unknown, last: none, outputs: Unknown, provider: none}
	var buffer [8]int32
	engines := buffer[:0]
	r := &t.nodes[request]
	if r.Role == dialect.RoleEngine {
		engines = append(engines, request)
	}
	t.evidence(request, func(i int32, n *node) {
		if n.Role == dialect.RoleEngine {
			engines = append(engines, i)
		}
	})
	t.attempts(request, &s)
	t.findGateway(request, &s)
	if len(engines) > 0 {
		engines = t.lastAttempt(engines, request, &s)
	}
	if len(engines) > 0 {
		t.gatewayRetry(engines[0], request, &s)
		t.engineWindow(engines, &s)
	} else if !s.unclear {
		t.plainWindow(request, &s)
	}
	return s
}

// attempts looks at the HTTP CLIENT spans below the request in its own
// process. Two or more for one target are attempts; the time from the first to
// the last is neither network nor server.
func (t *trace) attempts(request int32, s *served) {
	r := &t.nodes[request]
	if r.Role == dialect.RoleHTTP {
		s.last = request
	}
	first := none
	t.evidence(request, func(i int32, n *node) {
		switch {
		case n.Role == dialect.RoleHTTP && t.isAttempt(i, request):
			if s.last == none || t.startsAfter(i, s.last) {
				s.last = i
			}
		case n.Role == dialect.RoleConnect && n.Has(dialect.Connect) && sameService(n, r) && t.nodes[n.parent].Role != dialect.RoleConnect:
			s.connect = max(s.connect, 0) + Duration(n.Number(dialect.Connect))
			s.dialled = i
		}
	})
	if s.last == none {
		return
	}
	if c := t.nodes[s.last].Number(dialect.Connect); c >= 0 && s.connect == Unknown {
		s.connect, s.dialled = Duration(c), s.last
	}
	s.limited = t.nodes[s.last].Is(dialect.RateLimited)
	s.retries = t.nodes[s.last].Number(dialect.Resends) > 0
	if s.last == request {
		return
	}
	t.evidence(request, func(i int32, n *node) {
		if n.Role != dialect.RoleHTTP || i == s.last || !t.isAttempt(i, request) || !sameTarget(n, &t.nodes[s.last]) {
			return
		}
		s.retries = true
		s.limited = s.limited || n.Is(dialect.RateLimited)
		if first == none || t.startsAfter(first, i) {
			first = i
		}
	})
	if first != none {
		s.retry = Duration(t.nodes[s.last].Start - t.nodes[first].Start)
	}
}

// isAttempt reports whether the HTTP span i was made by the request itself, in
// its process.
func (t *trace) isAttempt(i, request int32) bool {
	r := &t.nodes[request]
	if !sameService(&t.nodes[i], r) {
		return false
	}
	for j := t.nodes[i].parent; j != none; j = t.nodes[j].parent {
		if j == request {
			return true
		}
		if n := &t.nodes[j]; n.Role == dialect.RoleHTTP || n.Role == dialect.RoleTool || !sameService(n, r) {
			return false
		}
	}
	return false
}

func (t *trace) startsAfter(i, j int32) bool {
	if a, b := t.nodes[i].Start, t.nodes[j].Start; a != b {
		return a > b
	}
	return i > j
}

// sameTarget reports whether two HTTP spans ask for the same thing: fetching a
// token is not an attempt. Retries may go to another host.
func sameTarget(a, b *node) bool {
	if p, q := a.Text(dialect.URLPath), b.Text(dialect.URLPath); p != "" && q != "" {
		return p == q
	}
	p, q := a.Text(dialect.ServerAddress), b.Text(dialect.ServerAddress)
	return p == q || p == "" || q == ""
}

// findGateway finds the longest span of a gateway between the request and the engine.
func (t *trace) findGateway(request int32, s *served) {
	r := &t.nodes[request]
	t.evidence(request, func(i int32, n *node) {
		if sameService(n, r) && n.Kind != ptrace.SpanKindServer || n.Role == dialect.RoleEngine || n.Role == dialect.RolePart {
			return
		}
		if n.Is(dialect.Gateway) || n.isCall() && !t.answers(i) {
			t.takeGateway(i, s)
		}
	})
	if s.gateway == none {
		return
	}
	// The gateway's SERVER span may be its HTTP framework's.
	g := s.gateway
	t.evidence(request, func(i int32, n *node) {
		if n.Role == dialect.RoleServer && sameService(n, &t.nodes[g]) {
			t.takeGateway(i, s)
		}
	})
}

func (t *trace) takeGateway(i int32, s *served) {
	if s.gateway == none || t.nodes[i].Duration() > t.nodes[s.gateway].Duration() {
		s.gateway = i
	}
}

// lastAttempt reduces the engine spans of a request to those of its last
// attempt, to which the server window belongs.
func (t *trace) lastAttempt(engines []int32, request int32, s *served) []int32 {
	if s.retry.Known() {
		kept, earlier := engines[:0], false
		for _, e := range engines {
			if t.isBelow(e, s.last) {
				kept = append(kept, e)
			} else if a := t.attemptOf(e); a != none && sameService(&t.nodes[a], &t.nodes[request]) {
				earlier = true
			}
		}
		if len(kept) == 0 && earlier {
			s.unclear = true // the last attempt's own span is not there
			return nil
		}
		if len(kept) > 0 {
			engines = kept
		}
	}
	if len(engines) == 1 || t.isDisaggregated(engines) || t.areSequences(engines) {
		return engines
	}
	s.retries = true
	// A gateway's attempts, whose starts are of one clock.
	last := t.attemptOf(engines[0])
	for _, e := range engines {
		a := t.attemptOf(e)
		if a == none || last == none || !sameService(&t.nodes[a], &t.nodes[last]) {
			return t.lastByEngine(engines, s)
		}
		if t.startsAfter(a, last) {
			last = a
		}
	}
	kept := engines[:0]
	for _, e := range engines {
		if t.attemptOf(e) == last {
			kept = append(kept, e)
		}
	}
	return kept
}

// gatewayRetry: a gateway's attempts before the one that the engine's span is
// of are retries like the caller's own.
func (t *trace) gatewayRetry(engine, request int32, s *served) {
	last := t.attemptOf(engine)
	if s.retry.Known() || last == none || sameService(&t.nodes[last], &t.nodes[request]) {
		return
	}
	l, first := &t.nodes[last], last
	t.evidence(request, func(i int32, n *node) {
		if n.Role == dialect.RoleHTTP && n.ParentID == l.ParentID && sameService(n, l) && sameTarget(n, l) && t.startsAfter(first, i) {
			first = i
		}
	})
	if first != last {
		s.retry, s.retries, s.behind = Duration(l.Start-t.nodes[first].Start), true, true
	}
}

// areSequences reports whether the engine spans are of one attempt: sequences
// of one request, a batch that ran together, or one server behind another.
func (t *trace) areSequences(engines []int32) bool {
	first := engines[0]
	for _, e := range engines[1:] {
		a, b := &t.nodes[e], &t.nodes[first]
		together := oneClock(a, b) && overlap(a, b) > 0
		if !sameCall(a, b) && !together && !t.isBelow(e, first) && !t.isBelow(first, e) {
			return false
		}
	}
	return true
}

// lastByEngine tells the last attempt by the engine's own clock. When it began
// is not known, so neither is the network time.
func (t *trace) lastByEngine(engines []int32, s *served) []int32 {
	s.unclear = true
	last := engines[0]
	for _, e := range engines[1:] {
		if !oneClock(&t.nodes[e], &t.nodes[last]) {
			return nil
		}
		if t.startsAfter(e, last) {
			last = e
		}
	}
	return []int32{last}
}

// oneClock reports whether two spans of an engine come from one process.
func oneClock(a, b *node) bool {
	return sameService(a, b) && a.Origin.Instance == b.Origin.Instance
}

// sameCall reports whether two engine spans are sequences of one call: they
// share the request id.
func sameCall(a, b *node) bool {
	id := a.Text(dialect.RequestID)
	return id != "" && id == b.Text(dialect.RequestID)
}

func (t *trace) isBelow(i, above int32) bool {
	for ; i != none; i = t.nodes[i].parent {
		if i == above {
			return true
		}
	}
	return false
}

// attemptOf returns the HTTP CLIENT span that the engine span was called by.
func (t *trace) attemptOf(engine int32) int32 {
	for j := t.nodes[engine].parent; j != none; j = t.nodes[j].parent {
		if t.nodes[j].Role == dialect.RoleHTTP {
			return j
		}
	}
	return none
}

// isDisaggregated reports whether the spans are stages of one request on
// different workers: one only prefills, the other decodes.
func (t *trace) isDisaggregated(engines []int32) bool {
	prefill, decode := none, none
	for _, e := range engines {
		if t.nodes[e].Stage == dialect.StagePrefill {
			prefill = e
		} else {
			decode = e
		}
		if t.nodes[e].engineName() != t.nodes[engines[0]].engineName() {
			return false
		}
	}
	return prefill != none && decode != none && !t.isBelow(decode, prefill) && !t.isBelow(prefill, decode)
}

// engineWindow sets the server window from the engine's spans and the SERVER
// spans around them: the longest, the union for several sequences.
func (t *trace) engineWindow(engines []int32, s *served) {
	if t.isDisaggregated(engines) {
		t.disaggregatedWindow(engines, s)
		return
	}
	s.engine = engines[0]
	start, end := t.nodes[engines[0]].Start, t.nodes[engines[0]].End
	oneService := true
	for _, e := range engines[1:] {
		n := &t.nodes[e]
		oneService = oneService && sameService(n, &t.nodes[s.engine])
		if t.betterEngine(e, s.engine) {
			s.engine = e
		}
		start, end = min(start, n.Start), max(end, n.End)
	}
	s.windowSource = "span extent"
	for _, e := range engines {
		t.takeWindow(e, s)
	}
	if oneService && len(engines) > 1 {
		s.several = true
		s.window = max(s.window, Duration(end-start))
		s.windowSource = "union of span extents"
		s.outputs = t.sumOutputs(engines)
	}
	for _, e := range engines {
		t.serversAround(e, s)
	}
}

// betterEngine prefers the span that carries phases, then the one that ends last.
func (t *trace) betterEngine(a, b int32) bool {
	if p, q := hasPhases(&t.nodes[a]), hasPhases(&t.nodes[b]); p != q {
		return p
	}
	return t.endsAfter(a, b)
}

func hasPhases(n *node) bool {
	return n.Has(dialect.Queue) || n.Has(dialect.Prefill) || n.Has(dialect.Decode)
}

func (t *trace) sumOutputs(engines []int32) int64 {
	sum := int64(0)
	for _, e := range engines {
		tokens := t.nodes[e].Number(dialect.OutputTokens)
		if tokens < 0 {
			return Unknown
		}
		sum += tokens
	}
	return sum
}

func (t *trace) takeWindow(i int32, s *served) {
	if d := Duration(t.nodes[i].Duration()); d > s.window {
		s.window, s.windowSpan, s.extent = d, i, true
	}
}

// serversAround takes SERVER spans of the engine's service for the call: above
// the engine's span, or beside it, since vLLM takes its parent from the request.
func (t *trace) serversAround(engine int32, s *served) {
	e := &t.nodes[engine]
	for j := e.parent; j != none && t.sharesServer(&t.nodes[j], e); j = t.nodes[j].parent {
		n := &t.nodes[j]
		if n.Role == dialect.RoleLLM || n.Role == dialect.RoleHTTP {
			break // the caller, whose service has the engine's name
		}
		if n.Role == dialect.RoleServer && overlap(n, e) > 0 {
			t.takeWindow(j, s)
		}
	}
	if e.ParentID == ([8]byte{}) {
		return
	}
	for j := range t.nodes {
		n := &t.nodes[j]
		if n.Role == dialect.RoleServer && n.ParentID == e.ParentID && t.isServerOf(n, e) && overlap(n, e) > 0 {
			t.takeWindow(int32(j), s)
		}
	}
}

func (t *trace) isServerOf(n, engine *node) bool {
	return n.Origin.Service == engine.Origin.Service &&
		n.Origin.ServiceNamespace == engine.Origin.ServiceNamespace &&
		(n.Origin.Instance == engine.Origin.Instance || n.Origin.Instance == "" || engine.Origin.Instance == "")
}

// disaggregatedWindow: the two stages follow one another on two hosts, so that
// their window is the sum of their lengths; nothing is said about the time between.
func (t *trace) disaggregatedWindow(engines []int32, s *served) {
	for _, e := range engines {
		best := &s.engine
		if t.nodes[e].Stage == dialect.StagePrefill {
			best = &s.prefill
		}
		if *best == none || t.endsAfter(e, *best) {
			*best = e
		}
	}
	s.window = Duration(t.nodes[s.engine].Duration() + t.nodes[s.prefill].Duration())
	s.windowSpan, s.extent = s.engine, true
	s.windowSource = "span extents of both stages"
}

// plainWindow: no engine span, but a SERVER span of an engine's process, or one
// that answers a model's API and calls nobody else. Gateways are not the engine.
func (t *trace) plainWindow(request int32, s *served) {
	if s.gateway != none {
		return
	}
	t.evidence(request, func(i int32, n *node) {
		if sameService(n, &t.nodes[request]) || !t.answers(i) {
			return
		}
		if s.last != none && s.retries && !t.isBelow(i, s.last) {
			return // an earlier attempt
		}
		t.takeWindow(i, s)
		s.windowSource = "span extent"
	})
}

// answers reports whether the span is that of a server of a model, which the
// trace shows no engine span of.
func (t *trace) answers(i int32) bool {
	n := &t.nodes[i]
	switch {
	case n.Is(dialect.Gateway):
		return false
	case n.Role == dialect.RoleLLM:
		return n.Kind == ptrace.SpanKindServer && !t.callsOn(i)
	case n.Role == dialect.RoleServer:
		return n.Origin.Engine != "" || isInferencePath(n.Text(dialect.URLPath)) && !t.callsOn(i)
	}
	return false
}

// callsOn reports whether something below the SERVER span leaves its process.
func (t *trace) callsOn(server int32) bool {
	for c := t.nodes[server].child; c != none; c = t.nodes[c].sibling {
		if n := &t.nodes[c]; n.Kind == ptrace.SpanKindClient || n.Kind == ptrace.SpanKindServer || t.callsOn(c) {
			return true
		}
	}
	return false
}
