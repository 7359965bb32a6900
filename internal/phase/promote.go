package phase

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
)

// promote makes an HTTP CLIENT span the request where no LLM span is upstream
// of an engine's span (R4): if it lasts at least as long. Python's HTTP clients
// end their span at the headers; there the engine's span is the request.
func (t *trace) promote() {
	if !t.engines {
		return
	}
	alone := 0 // engine spans without a caller
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.Role != dialect.RoleEngine || n.upstream != none {
			continue
		}
		if caller := t.caller(int32(i)); caller != none {
			t.nodes[caller].promoted = true
			n.upstream, n.waiting = caller, false
		} else {
			alone++
		}
	}
	t.settleUnpaired()
	if alone < 2 {
		return
	}
	// The sequences of one call without a caller are one request, the one
	// that ends last (R6).
	last := map[string]int32{}
	for i := range t.nodes {
		n := &t.nodes[i]
		if id := callID(n); n.Role == dialect.RoleEngine && n.upstream == none && id != "" {
			if j, ok := last[id]; !ok || t.endsAfter(int32(i), j) {
				last[id] = int32(i)
			}
		}
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		if j, ok := last[callID(n)]; ok && n.Role == dialect.RoleEngine && n.upstream == none && j != int32(i) {
			n.upstream = j
		}
	}
}

// settleUnpaired: calls and engine spans that waited for one another are
// unpaired if an engine's span is still without a caller.
func (t *trace) settleUnpaired() {
	left := false
	for i := range t.nodes {
		n := &t.nodes[i]
		left = left || n.Role == dialect.RoleEngine && n.waiting
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		n.unpaired = n.unpaired || left && n.waiting
	}
}

// endsAfter orders the engine spans of one call: the one that decodes, then
// the one that ends last, then the one with the larger id.
func (t *trace) endsAfter(i, j int32) bool {
	a, b := &t.nodes[i], &t.nodes[j]
	if (a.Stage == dialect.StagePrefill) != (b.Stage == dialect.StagePrefill) {
		return b.Stage == dialect.StagePrefill
	}
	if a.End != b.End {
		return a.End > b.End
	}
	return i > j
}

// caller returns the span that called the engine: the HTTP CLIENT span of
// another service above it, beyond the servers and gateways between, or else
// the outermost gateway's HTTP CLIENT span, or its SERVER span.
func (t *trace) caller(engine int32) int32 {
	e := &t.nodes[engine]
	client, server := none, none
	for j := e.parent; j != none; j = t.nodes[j].parent {
		n := &t.nodes[j]
		if n.Role != dialect.RoleHTTP && t.sharesServer(n, e) {
			continue // the engine's own server
		}
		covers := canCall(n) && n.Duration() >= e.Duration()
		if !n.Is(dialect.Gateway) {
			if covers {
				return j
			}
			break
		}
		switch {
		case !covers:
		case n.Role == dialect.RoleHTTP:
			client = j
		default:
			server = j
		}
	}
	if client != none {
		return client
	}
	return server
}

// sharesServer reports whether n is of the process that serves the engine's
// API. The SDKs' default name says nothing about that.
func (t *trace) sharesServer(n, engine *node) bool {
	return n.Origin.Service == engine.Origin.Service &&
		n.Origin.ServiceNamespace == engine.Origin.ServiceNamespace &&
		!strings.HasPrefix(n.Origin.Service, "unknown_service") && n.Origin.Service != ""
}

// canCall reports whether the span can be promoted to a request; this follows
// from that span alone.
func canCall(n *node) bool {
	return n.Role == dialect.RoleHTTP ||
		n.Is(dialect.Gateway) && n.Role == dialect.RoleServer && n.Kind == ptrace.SpanKindServer
}

// inferencePaths are how the routes of model servers' APIs end.
var inferencePaths = [...]string{
	"/chat/completions", "/completions", "/responses", "/messages", "/generate", "/generate_stream",
	"/api/chat", "/api/generate", "/invocations", "/infer", ":generateContent", ":streamGenerateContent",
	"/converse", "/converse-stream", "/invoke", "/invoke-with-response-stream",
}

// isInferencePath reports whether an HTTP path or route is that of a model server's API.
func isInferencePath(path string) bool {
	path = strings.TrimSuffix(path, "/")
	for _, p := range inferencePaths {
		if strings.HasSuffix(path, p) {
			return true
		}
	}
	return false
}
