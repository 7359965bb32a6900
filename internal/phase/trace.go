package phase

import (
	"sort"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
)

// none stands for no node.
const none = int32(-1)

// node is a span in its trace. Links are indices into trace.nodes.
type node struct {
	*dialect.Facts

	parent, child, sibling int32 // parent, first child, next child of the parent
	order                  int32 // nodes[i].order is the i-th node, parents before children

	outer  int32 // the LLM span around this one in the same process
	cross  int32 // the LLM span above this one in another process
	engine int32 // the engine's request span at or above this one
	inner  int32 // of an LLM span: the LLM span inside it, if it is the only one
	inners int32 // how many are inside

	upstream int32 // the span that this one is evidence for
	root     int32 // the end of the upstream chain, once rows are made
	owned    int32 // of a request: first span that is evidence for it
	next     int32 // next span owned by the same request

	row      rowKind // what becomes of it
	dropped  bool    // an LLM span that wraps others
	promoted bool    // an HTTP or gateway span that became the request
	unpaired bool    // pairing failed while there was something to pair with
	waiting  bool    // so far, until callers by HTTP are found
	modelled bool    // an LLM span is somewhere below in the same process
	taken    bool    // while pairing: a call that has what is being paired
}

// trace is the spans of one trace, sorted by span id.
type trace struct {
	nodes   []node
	out     *decomposer
	version uint64
	engines bool // at least one engine request span is there
	parts   bool // at least one part of such a span is there
	dials   bool // at least one span of a connection
	// orphans are the spans without a parent here by the parent's id, once asked for.
	orphans map[[8]byte][]int32
}

// index links parents and children and orders parents before children.
// Hostile parent pointers may form cycles; each is cut at its smallest span id.
func (t *trace) index() {
	for i := range t.nodes {
		n := &t.nodes[i]
		n.parent, n.child, n.sibling = none, none, none
		n.outer, n.cross, n.engine, n.inner = none, none, none, none
		n.upstream, n.root, n.owned, n.next = none, none, none, none
		t.engines = t.engines || n.Role == dialect.RoleEngine
		t.parts = t.parts || n.Role == dialect.RolePart
		t.dials = t.dials || n.Role == dialect.RoleConnect
	}
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := &t.nodes[i]
		p := t.find(n.ParentID)
		if p == none || p == int32(i) {
			continue
		}
		n.parent = p
		n.sibling, t.nodes[p].child = t.nodes[p].child, int32(i)
	}
	placed := int32(0)
	// root is used as a mark here: it is set for good later.
	place := func(i int32) {
		t.nodes[placed].order = i
		t.nodes[i].root = i
		placed++
	}
	walk := func(from int32) {
		place(from)
		for head := placed - 1; head < placed; head++ {
			for c := t.nodes[t.nodes[head].order].child; c != none; c = t.nodes[c].sibling {
				if t.nodes[c].root == none {
					place(c)
				}
			}
		}
	}
	for i := range t.nodes {
		if t.nodes[i].parent == none {
			walk(int32(i))
		}
	}
	for i := range t.nodes {
		if t.nodes[i].root == none { // in a cycle, or below one
			t.unlink(int32(i))
			walk(int32(i))
		}
	}
	for i := range t.nodes {
		t.nodes[i].root = none
	}
}

// unlink takes the node out of its parent's children.
func (t *trace) unlink(i int32) {
	n := &t.nodes[i]
	link := &t.nodes[n.parent].child
	for *link != i {
		link = &t.nodes[*link].sibling
	}
	*link = n.sibling
	n.parent, n.sibling = none, none
}

// eachSibling visits the spans with i's parent, which need not be in the trace.
func (t *trace) eachSibling(i int32, visit func(int32, *node)) {
	n := &t.nodes[i]
	if n.parent != none {
		for c := t.nodes[n.parent].child; c != none; c = t.nodes[c].sibling {
			visit(c, &t.nodes[c])
		}
		return
	}
	if t.orphans == nil {
		t.orphans = map[[8]byte][]int32{}
		for j := range t.nodes {
			if o := &t.nodes[j]; o.parent == none {
				t.orphans[o.ParentID] = append(t.orphans[o.ParentID], int32(j))
			}
		}
	}
	for _, j := range t.orphans[n.ParentID] {
		visit(j, &t.nodes[j])
	}
}

// find returns the span with the id, or none.
func (t *trace) find(id [8]byte) int32 {
	if id == ([8]byte{}) {
		return none
	}
	i := sort.Search(len(t.nodes), func(i int) bool { return compareIDs(t.nodes[i].SpanID, id) >= 0 })
	if i == len(t.nodes) || t.nodes[i].SpanID != id {
		return none
	}
	return int32(i)
}

// sameService compares service identities. An engine is always a service of
// its own, since unknown_service, the SDKs' default name, collides.
func sameService(a, b *node) bool {
	return a.Origin.Service == b.Origin.Service &&
		a.Origin.ServiceNamespace == b.Origin.ServiceNamespace &&
		a.engineName() == b.engineName()
}

func (n *node) engineName() string {
	if n.Role == dialect.RoleEngine || n.Role == dialect.RolePart {
		if n.Origin.Engine != "" {
			return n.Origin.Engine
		}
		return n.Dialect()
	}
	return ""
}

// sameProcess reports whether n runs where its parent p does: one service, and
// no SERVER span between, which starts another side of a wire.
func sameProcess(p, n *node) bool {
	return n.Kind != ptrace.SpanKindServer && n.Kind != ptrace.SpanKindConsumer &&
		sameService(p, n) &&
		(p.Origin.Instance == n.Origin.Instance || p.Origin.Instance == "" || n.Origin.Instance == "")
}

// isCall reports whether n is an LLM span that stands for one call.
func (n *node) isCall() bool { return n.Role == dialect.RoleLLM && !n.dropped }

// slack is how far two spans of one process may seem to be apart: JavaScript
// span starts are whole milliseconds.
const slack = 1e6

// within reports whether a's extent lies in b's. Only for spans of one process.
func within(a, b *node) bool {
	return a.Start >= b.Start-slack && a.End <= b.End+slack
}

// overlap is how long two spans of one process ran at the same time.
func overlap(a, b *node) int64 { return min(a.End, b.End) - max(a.Start, b.Start) }
