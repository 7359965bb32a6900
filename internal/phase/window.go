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
	retry   Duration
	again   int32 // the last attempt's span, if retry is known
	behind  bool  // the retries were the gateway's, not the caller's
	retries bool  // more than one attempt was made
	unclear bool  // several attempts reached a server and the last is not known
	limited bool  // an attempt was rate limited
	connect Duration
	dialled int32 // the span that connect was read from
	last    int32 // the last HTTP attempt, none without one
	outputs int64 // output tokens of all sequences
	several bool  // more than one sequence
}

// serve gathers the servers' evidence for the request.
func (t *trace) serve(request int32) served {
	s := served{engine: none, prefill: none, window: Unknown, windowSpan: none, gateway: none,
		retry: Unknown, again: none, connect: Unknown, last: none, outputs: Unknown}
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
	t.earlierServers(request, &s)
	return s
}

// earlierServers looks for attempts that no HTTP CLIENT span tells of, but the
// server's own SERVER spans do: when the last one began is not known then.
func (t *trace) earlierServers(request int32, s *served) {
	if s.windowSpan == none || !s.extent || s.retry.Known() {
		return
	}
	last := s.windowSpan
	t.evidence(request, func(i int32, n *node) {
		l := &t.nodes[last]
		if n.Role != dialect.RoleServer || n.Is(dialect.Gateway) || !t.isServerOf(n, l) || overlap(n, l) > 0 ||
			!isInferencePath(n.Text(dialect.URLPath)) || t.isBelow(i, s.windowSpan) {
			return
		}
		s.retries, s.unclear = true, true
		if t.startsAfter(i, last) {
			last = i
		}
	})
	if last != s.windowSpan {
		// What the engine tells, if it does, is of an earlier attempt.
		s.engine, s.prefill = none, none
		s.window, s.windowSpan = Duration(t.nodes[last].Duration()), last
	}
}

// findGateway finds the longest span of a gateway between the request and the
// engine, in the last attempt.
func (t *trace) findGateway(request int32, s *served) {
	r := &t.nodes[request]
	t.evidence(request, func(i int32, n *node) {
		if sameService(n, r) && n.Kind != ptrace.SpanKindServer || t.isEarlier(i, request, s) {
			return
		}
		served := n.Role == dialect.RoleLLM || n.Role == dialect.RoleServer
		if served && n.Is(dialect.Gateway) || n.isCall() && !t.answers(i) {
			t.takeGateway(i, s)
		}
	})
	if s.gateway == none {
		return
	}
	// The gateway's SERVER span may be its HTTP framework's.
	g := s.gateway
	t.evidence(request, func(i int32, n *node) {
		if n.Role == dialect.RoleServer && sameService(n, &t.nodes[g]) && !t.isEarlier(i, request, s) {
			t.takeGateway(i, s)
		}
	})
}

func (t *trace) takeGateway(i int32, s *served) {
	if s.gateway == none || t.nodes[i].Duration() > t.nodes[s.gateway].Duration() {
		s.gateway = i
	}
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
	return prefill != none && decode != none
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
	beside, several := none, false
	t.eachSibling(engine, func(j int32, n *node) {
		if n.Role == dialect.RoleServer && t.isServerOf(n, e) && overlap(n, e) > 0 {
			several = several || beside != none
			if beside == none || t.closerAround(e, n, &t.nodes[beside]) {
				beside = j
			}
		}
	})
	if beside != none && (!several || within(e, &t.nodes[beside])) {
		t.takeWindow(beside, s)
	}
}

// closerAround reports whether a, rather than b, is the SERVER span of the
// engine's span among those of calls that ran at the same time.
func (t *trace) closerAround(engine, a, b *node) bool {
	if p, q := within(engine, a), within(engine, b); p != q {
		return p
	}
	return a.Duration() < b.Duration()
}

func (t *trace) isServerOf(n, engine *node) bool {
	return n.Origin.Service == engine.Origin.Service &&
		n.Origin.ServiceNamespace == engine.Origin.ServiceNamespace &&
		(n.Origin.Instance == engine.Origin.Instance || n.Origin.Instance == "" || engine.Origin.Instance == "")
}

// disaggregatedWindow: where the two stages follow one another, on two hosts,
// their window is the sum of their lengths; nothing is said about the time
// between. Where the decoding worker waits for the other one, its window is both.
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
	t.takeWindow(s.prefill, s)
	t.serversAround(s.prefill, s)
	first := s.window
	s.window = Unknown
	t.takeWindow(s.engine, s)
	t.serversAround(s.engine, s)
	if t.isBelow(s.prefill, s.engine) || t.stagesTogether(s) {
		s.windowSource = "span extent"
		return
	}
	s.window += first
	s.windowSource = "span extents of both stages"
}

// stagesTogether reports whether the decoding worker's span lasts from the
// request's arrival at both: it has room for what both did.
func (t *trace) stagesTogether(s *served) bool {
	prefill, decode := t.enginePart(s.prefill, dialect.Prefill), t.enginePart(s.engine, dialect.Decode)
	return t.nodes[s.engine].Is(dialect.StagesTogether) && max(prefill.ns, 0)+max(decode.ns, 0) <= s.window
}

// plainWindow: no engine span, but a SERVER span of an engine's process, or one
// that answers a model's API and calls nobody else. Gateways are not the engine.
func (t *trace) plainWindow(request int32, s *served) {
	t.evidence(request, func(i int32, n *node) {
		if sameService(n, &t.nodes[request]) || !t.answers(i) || s.gateway != none && !t.behindGateway(i, s) {
			return
		}
		if s.last != none && s.retries && !t.isBelow(i, s.last) {
			return // an earlier attempt
		}
		t.takeWindow(i, s)
		s.windowSource = "span extent"
	})
}

// behindGateway reports whether the SERVER span can be of the server that the
// gateway called, rather than of a proxy before it: the gateway's lasts longer.
func (t *trace) behindGateway(i int32, s *served) bool {
	n, g := &t.nodes[i], &t.nodes[s.gateway]
	return !sameService(n, g) && n.Duration() < g.Duration()
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
