package phase

import (
	"strconv"
	"strings"

	"github.com/phaseline/phaseline/internal/dialect"
)

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
		if n.Role == dialect.RoleHTTP && t.isAttempt(i, request) && (s.last == none || t.isLater(i, s.last)) {
			s.last = i
		}
	})
	t.connect(request, s)
	if s.last == none {
		return
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
		s.retry, s.again = Duration(t.nodes[s.last].Start-t.nodes[first].Start), s.last
	}
}

// connect adds up the last attempt's DNS, TCP and TLS, of which a span may
// stand for all three. Without a span of the attempt they are on the request's.
func (t *trace) connect(request int32, s *served) {
	attempt := s.last
	if attempt == none {
		attempt = request
	}
	if c := t.nodes[attempt].Number(dialect.Connect); c >= 0 {
		s.connect, s.dialled = Duration(c), attempt
		return
	}
	if !t.dials {
		return
	}
	t.evidence(request, func(i int32, n *node) {
		if n.Role == dialect.RoleConnect && n.Has(dialect.Connect) && t.nodes[n.parent].Role != dialect.RoleConnect && t.isBelow(i, attempt) && sameService(n, &t.nodes[attempt]) {
			s.connect = max(s.connect, 0) + Duration(n.Number(dialect.Connect))
			s.dialled = i
		}
	})
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

// isLater prefers calls of a model's API to others, such as fetching a token.
func (t *trace) isLater(i, j int32) bool {
	if a, b := isInferencePath(t.nodes[i].Text(dialect.URLPath)), isInferencePath(t.nodes[j].Text(dialect.URLPath)); a != b {
		return a
	}
	return t.startsAfter(i, j)
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

// isEarlier reports whether the span i belongs to an attempt of the request
// before the last.
func (t *trace) isEarlier(i, request int32, s *served) bool {
	if !s.retry.Known() || t.isBelow(i, s.last) {
		return false
	}
	for j := i; j != none && j != request; j = t.nodes[j].parent {
		if t.nodes[j].Role == dialect.RoleHTTP && t.isAttempt(j, request) {
			return true
		}
	}
	return false
}

// lastAttempt reduces the engine spans of a request to those of its last
// attempt, to which the server window belongs.
func (t *trace) lastAttempt(engines []int32, request int32, s *served) []int32 {
	if s.retry.Known() {
		kept, earlier := engines[:0], false
		for _, e := range engines {
			if t.isBelow(e, s.last) {
				kept = append(kept, e)
			}
			earlier = earlier || t.isEarlier(e, request, s)
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
	for _, e := range engines {
		if a := t.attemptOf(e); a != last && !t.isRetriedBy(a, last) {
			return t.lastByEngine(engines, s)
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

// isRetriedBy reports whether the gateway's attempt i was made again as last:
// both are HTTP spans for one target, or i is a call that failed.
func (t *trace) isRetriedBy(i, last int32) bool {
	n, l := &t.nodes[i], &t.nodes[last]
	if n.Role != l.Role || n.ParentID != l.ParentID || !sameService(n, l) || !t.startsAfter(last, i) {
		return false
	}
	return n.Role == dialect.RoleHTTP && sameTarget(n, l) || n.isCall() && n.Status == dialect.StatusError
}

// gatewayRetry: a gateway's attempts before the one that the engine's span is
// of are retries like the caller's own.
func (t *trace) gatewayRetry(engine, request int32, s *served) {
	last := t.attemptOf(engine)
	if s.retry.Known() || last == none || sameService(&t.nodes[last], &t.nodes[request]) {
		return
	}
	first := last
	t.evidence(request, func(i int32, _ *node) {
		if t.isRetriedBy(i, last) && t.startsAfter(first, i) {
			first = i
		}
	})
	if first == last {
		return
	}
	s.retry, s.again, s.retries = Duration(t.nodes[last].Start-t.nodes[first].Start), last, true
	if s.gateway != none && t.isRetriedBy(s.gateway, last) {
		s.gateway = last // the longest of its spans was an attempt that failed
	}
	s.behind = s.gateway != last
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
	id := callID(a)
	return id != "" && id == callID(b)
}

// callID is the engine's request id without the number that vLLM puts before it
// for each sequence, 0_chatcmpl-abc, or appends for each prompt of a batch at
// its completions API, cmpl-abc-0.
func callID(n *node) string {
	id := n.Text(dialect.RequestID)
	if i := strings.IndexByte(id, '_'); i > 0 && (strings.HasPrefix(id[i+1:], "chatcmpl-") || strings.HasPrefix(id[i+1:], "cmpl-")) {
		if _, err := strconv.ParseUint(id[:i], 10, 16); err == nil {
			id = id[i+1:]
		}
	}
	if i := strings.LastIndexByte(id, '-'); i > len("cmpl-") && strings.HasPrefix(id, "cmpl-") {
		if _, err := strconv.ParseUint(id[i+1:], 10, 16); err == nil {
			return id[:i]
		}
	}
	return id
}

func (t *trace) isBelow(i, above int32) bool {
	for ; i != none; i = t.nodes[i].parent {
		if i == above {
			return true
		}
	}
	return false
}

// attemptOf returns the span that the engine span was called by: an HTTP CLIENT
// span, or a gateway's call.
func (t *trace) attemptOf(engine int32) int32 {
	for j := t.nodes[engine].parent; j != none; j = t.nodes[j].parent {
		if n := &t.nodes[j]; n.Role == dialect.RoleHTTP || n.isCall() && n.upstream != none {
			return j
		}
	}
	return none
}
