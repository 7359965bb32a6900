package phase

import (
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
)

// pair joins what chain left: gateways to their clients, then engines to
// either. Each step takes only what the earlier ones left, and none compares
// the clocks of two services.
func (t *trace) pair() {
	t.pairUnits(t.looseGateways(), false)
	if t.engines {
		t.pairUnits(t.looseEngines(), true)
	}
}

// unit is the spans of one call that look for their caller together.
type unit []int32

// looseGateways are known gateways' LLM spans that have no client's above them.
func (t *trace) looseGateways() []unit {
	var units []unit
	for i := range t.nodes {
		if n := &t.nodes[i]; n.isCall() && n.upstream == none && t.behindServer(int32(i)) {
			units = append(units, unit{int32(i)})
		}
	}
	return units
}

// looseEngines are engine spans that have no call above them. The sequences of
// a call (n > 1) and its two stages share the request id.
func (t *trace) looseEngines() []unit {
	var units []unit
	byID := map[string]int{}
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.Role != dialect.RoleEngine || n.upstream != none {
			continue
		}
		if id := callID(n); id != "" {
			if at, ok := byID[id]; ok {
				units[at] = append(units[at], int32(i))
				continue
			}
			byID[id] = len(units)
		}
		units = append(units, unit{int32(i)})
	}
	return units
}

// behindServer reports whether a gateway's span is on the serving side: a
// library of the same scope may also run within the client.
func (t *trace) behindServer(i int32) bool {
	own := &t.nodes[i]
	if !own.Is(dialect.Gateway) {
		return false
	}
	for j := i; j != none && sameService(&t.nodes[j], own); j = t.nodes[j].parent {
		if n := &t.nodes[j]; n.Kind == ptrace.SpanKindServer {
			return n.Role == dialect.RoleLLM || n.Is(dialect.Gateway) || isInferencePath(n.Text(dialect.URLPath))
		}
	}
	// Without a SERVER span above it, only the gateways that have no library
	// form remain.
	return own.Is(dialect.NeverClient)
}

// pairUnits joins units to calls in the order that the definitions fix.
func (t *trace) pairUnits(units []unit, engines bool) {
	if len(units) == 0 {
		return
	}
	loose := make(map[int32]bool, len(units))
	for _, u := range units {
		for _, i := range u {
			loose[i] = true
		}
	}
	for i := range t.nodes {
		t.nodes[i].taken = false
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.upstream != none && (n.Role == dialect.RoleEngine || !engines && n.isCall()) {
			t.nodes[t.top(int32(i))].taken = true
		}
	}
	var calls []int32
	for i := range t.nodes {
		if n := &t.nodes[i]; n.isCall() && n.upstream == none && !loose[int32(i)] {
			calls = append(calls, int32(i))
		}
	}
	units = t.join(units, t.callByHTTP(calls))
	units = t.join(units, t.callByID(calls, loose))
	units = t.join(units, t.callByParent(calls, units))
	units = t.join(units, t.onlyCall(calls, units))
	if len(units) == 0 {
		return
	}
	alone := true
	for _, call := range calls {
		n := &t.nodes[call]
		n.waiting = n.waiting || engines && !n.taken
		n.unpaired = n.unpaired || !engines && !n.taken
		alone = alone && n.taken
	}
	for _, u := range units {
		for _, i := range u {
			t.nodes[i].waiting = engines && !alone
			t.nodes[i].unpaired = !engines && !alone
		}
	}
}

// join gives each unit the call that find names, and returns those left.
func (t *trace) join(units []unit, find func(unit) int32) []unit {
	left := units[:0]
	for _, u := range units {
		call := find(u)
		if call == none {
			left = append(left, u)
			continue
		}
		for _, i := range u {
			t.nodes[i].upstream = call
		}
		t.nodes[t.top(call)].taken = true
	}
	return left
}

// callByHTTP: an ancestor of the unit is an HTTP attempt that lies within
// exactly one call of its own process. Within one process there is one clock,
// and JavaScript frameworks do not make their span the HTTP span's parent.
func (t *trace) callByHTTP(calls []int32) func(unit) int32 {
	known := map[int32]int32{}
	return func(u unit) int32 {
		for j := t.nodes[u[0]].parent; j != none; j = t.nodes[j].parent {
			h := &t.nodes[j]
			if h.Role != dialect.RoleHTTP || h.outer != none {
				continue
			}
			call, ok := known[j]
			if !ok {
				call = t.onlyCallAround(h, calls)
				known[j] = call
			}
			if call != none {
				return call
			}
		}
		return none
	}
}

// onlyCallAround returns the call of h's process that h lies within, if it is the only one.
func (t *trace) onlyCallAround(h *node, calls []int32) int32 {
	found := none
	for _, call := range calls {
		if n := &t.nodes[call]; within(h, n) && sameService(n, h) {
			if found != none {
				return none
			}
			found = call
		}
	}
	return found
}

// callByID: the engine's request id, or the gateway's response id, is the
// response id that exactly one call's chain has seen.
func (t *trace) callByID(calls []int32, loose map[int32]bool) func(unit) int32 {
	byID := map[string]int32{}
	for i := range t.nodes {
		n := &t.nodes[i]
		id := n.Text(dialect.ResponseID)
		if !n.isCall() || id == "" || loose[int32(i)] {
			continue
		}
		if other, ok := byID[id]; ok && (other == none || t.top(other) != t.top(int32(i))) {
			byID[id] = none
		} else {
			byID[id] = int32(i)
		}
	}
	return func(u unit) int32 {
		n := &t.nodes[u[0]]
		id := n.Text(dialect.RequestID)
		if id == "" {
			id = n.Text(dialect.ResponseID)
		}
		call, ok := byID[id]
		if !ok {
			call, ok = byID[callID(n)]
		}
		if !ok || call == none || t.nodes[t.top(call)].taken {
			return none
		}
		return call
	}
}

// callByParent: a parent, which need not be in the trace, with exactly one
// call and exactly one unit below it.
func (t *trace) callByParent(calls []int32, units []unit) func(unit) int32 {
	type below struct {
		call         int32
		calls, units int
	}
	parents := map[[8]byte]*below{}
	at := func(id [8]byte) *below {
		b := parents[id]
		if b == nil {
			b = &below{call: none}
			parents[id] = b
		}
		return b
	}
	for _, call := range calls {
		if !t.nodes[call].taken {
			b := at(t.outermost(call).ParentID)
			b.call = call
			b.calls++
		}
	}
	for _, u := range units {
		at(t.nodes[u[0]].ParentID).units++
	}
	return func(u unit) int32 {
		id := t.nodes[u[0]].ParentID
		if b := parents[id]; id != ([8]byte{}) && b.calls == 1 && b.units == 1 {
			return b.call
		}
		return none
	}
}

// onlyCall: exactly one call and one unit are left in the trace.
func (t *trace) onlyCall(calls []int32, units []unit) func(unit) int32 {
	only, waiting := none, 0
	for _, call := range calls {
		if !t.nodes[call].taken {
			only = call
			waiting++
		}
	}
	alone := waiting == 1 && len(units) == 1
	return func(u unit) int32 {
		if !alone || t.contradicted(only, u[0]) {
			return none
		}
		return only
	}
}

// contradicted reports whether the engine was called by an HTTP span of the
// call's own process at another time.
func (t *trace) contradicted(call, engine int32) bool {
	for j := t.nodes[engine].parent; j != none; j = t.nodes[j].parent {
		h := &t.nodes[j]
		if h.Role == dialect.RoleHTTP && sameService(h, &t.nodes[call]) && !within(h, &t.nodes[call]) {
			return true
		}
	}
	return false
}

// outermost returns the span that wraps the call alone, or the call itself.
func (t *trace) outermost(i int32) *node {
	for o := t.nodes[i].outer; o != none && t.nodes[o].inners == 1; o = t.nodes[i].outer {
		i = o
	}
	return &t.nodes[i]
}
