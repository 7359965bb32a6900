package phase

import (
	"cmp"
	"slices"
	"strings"

	"github.com/phaseline/phaseline/internal/dialect"
)

// correlate finds out which spans are requests and which are evidence for them.
func (t *trace) correlate() {
	t.ascend()
	t.unwrap()
	t.unwrapSiblings()
	t.chain()
	t.pair()
	t.promote()
	t.own()
}

// separate takes each span on its own.
func (t *trace) separate() {
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.isCall() || n.Role == dialect.RoleEngine {
			n.root = int32(i)
		}
		n.modelled = true // which wrappers have model spans is not known
	}
}

// ascend tells every span the LLM and engine spans above it.
func (t *trace) ascend() {
	for k := range t.nodes {
		i := t.nodes[k].order
		n := &t.nodes[i]
		if n.Role == dialect.RoleEngine {
			n.engine = i
		}
		if n.parent == none {
			continue
		}
		p := &t.nodes[n.parent]
		if p.Role == dialect.RoleTool {
			continue // what a tool calls is not what the model's call consists of
		}
		if n.engine == none && p.engine != none && n.Role != dialect.RoleLLM {
			n.engine = p.engine
		}
		above := p.outer
		if p.Role == dialect.RoleLLM {
			above = n.parent
		}
		if sameProcess(p, n) {
			n.outer, n.cross = above, p.cross
		} else if above != none {
			n.cross = above
		} else {
			n.cross = p.cross
		}
	}
}

// unwrap drops LLM spans that have LLM spans inside them: a framework's span
// around the SDK's is the same call, one around several is orchestration (R2).
func (t *trace) unwrap() {
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.Role != dialect.RoleLLM {
			continue
		}
		if n.outer != none {
			t.wrap(n.outer, int32(i))
		}
		for j, c := n.parent, n; j != none && !t.nodes[j].modelled && sameProcess(&t.nodes[j], c); j = t.nodes[j].parent {
			c = &t.nodes[j]
			c.modelled = true
		}
	}
}

func (t *trace) wrap(outer, inner int32) {
	o := &t.nodes[outer]
	o.dropped = true
	o.inners++
	o.inner = inner
	if o.inners > 1 {
		o.inner = none
	}
}

// unwrapSiblings does the same where the wrapping span was never made the
// active one (LangChain JS): spans of one process, different scopes and the
// same model, one of which lies within exactly one other.
func (t *trace) unwrapSiblings() {
	var fewCalls [16]int32 // most traces have no more
	calls, mixed := fewCalls[:0], false
	for i := range t.nodes {
		if n := &t.nodes[i]; n.isCall() {
			mixed = mixed || len(calls) >= len(fewCalls) || slices.ContainsFunc(calls, func(c int32) bool {
				return t.nodes[c].Origin.Scope != n.Origin.Scope && sameService(&t.nodes[c], n)
			})
			calls = append(calls, int32(i))
		}
	}
	if !mixed {
		return
	}
	// By start, with the latest end so far, so that each search ends where no
	// earlier span is long enough.
	slices.SortFunc(calls, func(a, b int32) int { return cmp.Compare(t.nodes[a].Start, t.nodes[b].Start) })
	var fewEnds [len(fewCalls)]int64
	ends, latest := fewEnds[:0], int64(0)
	for _, i := range calls {
		latest = max(latest, t.nodes[i].End)
		ends = append(ends, latest)
	}
	type fit struct{ inner, outer int32 }
	var fits []fit
	for k, i := range calls {
		n, around, several := &t.nodes[i], none, false
		for k < len(calls)-1 && t.nodes[calls[k+1]].Start-slack <= n.Start {
			k++
		}
		for ; k >= 0 && ends[k] >= n.End-slack && !several; k-- {
			if o := calls[k]; t.lieWithin(i, o) {
				several = around != none
				around = o
			}
		}
		if around != none && !several {
			fits = append(fits, fit{i, around})
		}
	}
	for _, f := range fits {
		t.wrap(f.outer, f.inner)
		t.nodes[f.inner].outer = f.outer
	}
}

// lieWithin reports whether the LLM span i can be the inner one of o.
func (t *trace) lieWithin(i, o int32) bool {
	a, b := &t.nodes[i], &t.nodes[o]
	if i == o || !within(a, b) || a.Origin.Scope == b.Origin.Scope || !sameService(a, b) {
		return false
	}
	if a.Duration() != b.Duration() {
		if a.Duration() > b.Duration() {
			return false // equal to 1 ms, but the longer one
		}
	} else if i < o {
		return false
	}
	if !sameModel(a.Text(dialect.Model), b.Text(dialect.Model)) &&
		!sameModel(a.Text(dialect.ResponseModel), b.Text(dialect.Model)) &&
		!sameModel(a.Text(dialect.Model), b.Text(dialect.ResponseModel)) {
		return false
	}
	return !t.isBelow(i, o) // what lies below and is not inside was called by a tool
}

// sameModel compares model names, of which one may carry a date: gpt-4o and gpt-4o-2024-08-06.
func sameModel(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	rest, ok := strings.CutPrefix(b, a)
	return ok && (rest == "" || len(rest) > 1 && rest[0] == '-' && rest[1] >= '0' && rest[1] <= '9')
}

// innermost follows wrappers to the call that they stand for, or none if they
// stand for several.
func (t *trace) innermost(i int32) int32 {
	for i != none && t.nodes[i].dropped {
		i = t.nodes[i].inner
	}
	return i
}

// chain makes LLM spans of other services, gateways, evidence for the most
// upstream call: the nearest ancestor that is a candidate (R3, step a).
func (t *trace) chain() {
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.Role == dialect.RoleEngine || n.isCall() {
			if up := t.innermost(n.cross); up != int32(i) {
				n.upstream = up
			}
			if n.Role == dialect.RoleEngine && n.parent != none {
				// An engine behind another server of the model, such as a platform.
				if e := t.nodes[n.parent].engine; e != none && n.upstream == t.nodes[e].upstream {
					n.upstream = e
				}
			}
		}
	}
}

// ancestors follows upstream links to the request at their end. Links follow
// parents or join spans that had no link, so they form no cycle.
func (t *trace) top(i int32) int32 {
	for range t.nodes {
		if t.nodes[i].upstream == none {
			break
		}
		i = t.nodes[i].upstream
	}
	return i
}

// own gives every span the request that it is evidence for.
func (t *trace) own() {
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.isCall() || n.Role == dialect.RoleEngine || n.promoted {
			n.root = t.top(int32(i))
		}
	}
	for k := range t.nodes {
		n := &t.nodes[t.nodes[k].order]
		switch {
		case n.root != none:
		case n.Role == dialect.RoleLLM:
			// A wrapper belongs to the call that it stands for, if it is one.
			if call := t.innermost(t.nodes[k].order); call != none {
				n.root = t.nodes[call].root
			}
		case n.parent != none && t.nodes[n.parent].Role != dialect.RoleTool:
			n.root = t.nodes[n.parent].root
		}
	}
	t.ownDetails()
	// Lists are built backwards, so that they run in the order of span ids.
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := &t.nodes[i]
		if n.root != none && n.root != int32(i) {
			r := &t.nodes[n.root]
			n.next, r.owned = r.owned, int32(i)
		}
	}
}

// ownDetails: LiteLLM may put the span of raw provider fields beside the call
// that it repeats, with the same extent.
func (t *trace) ownDetails() {
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.Role != dialect.RoleDetail || n.root != none || n.parent == none {
			continue
		}
		call, calls := none, 0
		for c := t.nodes[n.parent].child; c != none; c = t.nodes[c].sibling {
			if s := &t.nodes[c]; s.isCall() && sameService(s, n) && within(n, s) {
				call = c
				calls++
			}
		}
		if calls == 1 {
			n.root = t.nodes[call].root
		}
	}
}

// evidence calls visit for every span owned by the request.
func (t *trace) evidence(request int32, visit func(i int32, n *node)) {
	for i := t.nodes[request].owned; i != none; i = t.nodes[i].next {
		visit(i, &t.nodes[i])
	}
}
