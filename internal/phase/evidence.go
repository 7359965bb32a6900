package phase

import (
	"github.com/phaseline/phaseline/internal/dialect"
)

// part is one phase's duration and what it rests on.
type part struct {
	ns         Duration
	provenance Provenance
	// span and source say where it was read, rule why.
	span         int32
	source, rule string
}

var unknownPart = part{ns: Unknown, span: none}

func measured(i int32, ns int64, source, rule string) part {
	return part{Duration(ns), ProvenanceMeasured, i, source, rule}
}

func derived(i int32, ns int64, source, rule string) part {
	return part{Duration(max(ns, 0)), ProvenanceDerived, i, source, rule}
}

// phases are the parts of one request's total.
type phases struct {
	network, queue, prefill, decode part
	flags                           Flags
	tokens                          int64 // output tokens that decode made, Unknown if not the row's
}

// noPhases is what is known without evidence.
var noPhases = phases{network: unknownPart, queue: unknownPart, prefill: unknownPart, decode: unknownPart, tokens: Unknown}

// enginePhases reads queue, prefill and decode from the engine's request span
// and the part spans below it: one clock domain (R7).
func (t *trace) enginePhases(s *served, p *phases) {
	n := &t.nodes[s.engine]
	t.workerPhases(s.engine, p)
	if s.several || s.prefill != none {
		p.tokens = n.Number(dialect.OutputTokens)
	}
	if s.prefill != none {
		t.joinStages(s, p)
	}
	t.remarkIncomplete(n, p)
}

// workerPhases reads the phases that one engine span tells.
func (t *trace) workerPhases(e int32, p *phases) {
	p.queue = t.enginePart(e, dialect.Queue)
	p.prefill = t.enginePart(e, dialect.Prefill)
	p.decode = t.enginePart(e, dialect.Decode)
	if p.queue.ns == Unknown && t.parts {
		p.queue = t.queueByEvents(e)
	}
	if t.nodes[e].Is(dialect.ArrivalClock) {
		t.byArrival(e, p)
	}
}

// remarkIncomplete: another engine span of the call tells a phase that the one
// that counts for it does not.
func (t *trace) remarkIncomplete(engine *node, p *phases) {
	look := func(_ int32, n *node) {
		if n.Role == dialect.RoleEngine && (n.Has(dialect.Queue) && !p.queue.ns.Known() ||
			n.Has(dialect.Prefill) && !p.prefill.ns.Known() || n.Has(dialect.Decode) && !p.decode.ns.Known()) {
			p.flags |= FlagServerIncomplete
		}
	}
	look(engine.root, &t.nodes[engine.root])
	t.evidence(engine.root, look)
}

// enginePart reads one phase: the part span's extent or the attribute,
// whichever the engine's dialect prefers.
func (t *trace) enginePart(engine int32, fact dialect.Number) part {
	e := &t.nodes[engine]
	own := unknownPart
	if e.Has(fact) {
		own = measured(engine, e.Number(fact), e.Source(fact), "the engine's own value")
	}
	if !t.parts {
		return own
	}
	if parts := t.partSpans(engine, fact); parts.ns.Known() && (e.Is(dialect.PartsFirst) || !own.ns.Known()) {
		return parts
	}
	return own
}

// partSpans reads one phase from the part spans below the engine's span. Every
// worker thread has its own; the first one's count. A preempted request waits
// and decodes more than once: queue and prefill are the first ones, decode
// lasts until the end of the last.
func (t *trace) partSpans(engine int32, fact dialect.Number) part {
	first := t.firstPart(engine, fact, nil)
	if first == none {
		return unknownPart
	}
	f := &t.nodes[first]
	ns, source := f.Number(fact), f.Source(fact)
	switch fact {
	case dialect.Queue:
		if prefill, decode, apart := t.workersApart(engine); apart {
			return t.sumQueues(t.firstPart(engine, fact, prefill), t.firstPart(engine, fact, decode))
		}
	case dialect.Decode:
		if ns != f.Duration() {
			break
		}
		end := f.End
		t.eachPart(engine, func(_ int32, n *node) {
			if n.Has(fact) && n.ParentID == f.ParentID {
				end = max(end, n.End)
			}
		})
		ns = end - f.Start
	}
	return measured(first, ns, source, "the engine's span of the phase")
}

// firstPart returns the part span that tells the fact and starts first, of the
// process of the given one if that is not nil; none without one.
func (t *trace) firstPart(engine int32, fact dialect.Number, of *node) int32 {
	first := none
	t.eachPart(engine, func(i int32, n *node) {
		if n.Has(fact) && (first == none || t.startsAfter(first, i)) && (of == nil || oneClock(n, of)) {
			first = i
		}
	})
	return first
}

// workersApart finds the part spans of prefill and decode, and reports whether
// they are of different workers.
func (t *trace) workersApart(engine int32) (prefill, decode *node, apart bool) {
	p, d := t.firstPart(engine, dialect.Prefill, nil), t.firstPart(engine, dialect.Decode, nil)
	if p == none || d == none {
		return nil, nil, false
	}
	prefill, decode = &t.nodes[p], &t.nodes[d]
	return prefill, decode, !oneClock(prefill, decode)
}

// sumQueues: a request that is prefilled and decoded by different workers waits
// at both.
func (t *trace) sumQueues(first, second int32) part {
	if first == none || second == none {
		return unknownPart
	}
	a, b := &t.nodes[first], &t.nodes[second]
	return derived(first, a.Number(dialect.Queue)+b.Number(dialect.Queue), a.Source(dialect.Queue), "sum of both workers' queues")
}

// eachPart visits the part spans of the engine's request span.
func (t *trace) eachPart(engine int32, visit func(int32, *node)) {
	root := t.nodes[engine].root
	if root == none {
		return
	}
	t.evidence(root, func(i int32, n *node) {
		if n.Role == dialect.RolePart && n.engine == engine {
			visit(i, n)
		}
	})
}

// queueByEvents: Triton stamps the start of queueing and of computing on spans
// below its request span, on one steady clock.
func (t *trace) queueByEvents(engine int32) part {
	queued, computed := none, none
	clear := true
	t.eachPart(engine, func(i int32, n *node) {
		if n.Has(dialect.QueueStartAt) {
			clear = clear && queued == none
			queued = i
		}
		if n.Has(dialect.ComputeStartAt) {
			clear = clear && computed == none
			computed = i
		}
	})
	if queued == none || computed == none || !clear {
		return unknownPart // an ensemble queues once for each of its models
	}
	ns := t.nodes[computed].Number(dialect.ComputeStartAt) - t.nodes[queued].Number(dialect.QueueStartAt)
	if ns < 0 || ns > t.nodes[engine].Duration() {
		return unknownPart
	}
	return measured(queued, ns, t.nodes[queued].Source(dialect.QueueStartAt)+" to "+t.nodes[computed].Source(dialect.ComputeStartAt), "two events of one clock")
}

// byArrival: vLLM V0 and TensorRT-LLM count from arrival on one clock, so that
// prefill = TTFT - queue and decode = e2e - TTFT. On vLLM V1 the same would
// mix two clocks and add frontend time.
func (t *trace) byArrival(e int32, p *phases) {
	n := &t.nodes[e]
	ttft, total, queue := n.Number(dialect.ServerTTFT), n.Number(dialect.EngineTotal), n.Number(dialect.Queue)
	if ttft < 0 {
		return
	}
	if queue >= 0 && !p.prefill.ns.Known() {
		if queue <= ttft {
			p.prefill = derived(e, ttft-queue, n.Source(dialect.ServerTTFT), "server TTFT - queue")
		} else {
			p.flags |= FlagSourcesDisagree
		}
	}
	if total >= 0 && !p.decode.ns.Known() {
		if ttft <= total {
			p.decode = derived(e, total-ttft, n.Source(dialect.EngineTotal), "server total - server TTFT")
		} else {
			p.flags |= FlagSourcesDisagree
		}
	}
}

// joinStages: with prefill and decode on different workers the request waits
// at both; prefill is the first worker's, decode the second's.
func (t *trace) joinStages(s *served, p *phases) {
	first := noPhases
	t.workerPhases(s.prefill, &first)
	p.flags |= first.flags
	if first.queue.ns.Known() && p.queue.ns.Known() {
		p.queue = derived(s.prefill, int64(first.queue.ns+p.queue.ns), first.queue.source, "sum of both workers' queues")
	} else {
		p.queue = unknownPart
	}
	p.prefill = first.prefill
}

// provider returns the span that tells what a provider's answer said about its
// own time, which somebody copied to the request's span, one below it, or the
// gateway's; none without one.
func (t *trace) provider(request int32, s *served) int32 {
	from := none
	consider := func(i int32, n *node) {
		if from == none && (hasPhases(n) || n.Has(dialect.ServerTotal)) && n.Origin.Engine == "" {
			from = i
		}
	}
	consider(request, &t.nodes[request])
	t.evidence(request, func(i int32, n *node) {
		if n.Role == dialect.RoleHTTP && i != s.last {
			return
		}
		consider(i, n)
	})
	return from
}

// providerPhases reads the phases that the provider's span tells.
func (t *trace) providerPhases(from int32, s *served) phases {
	p := noPhases
	n := &t.nodes[from]
	const rule = "the provider's own value"
	if n.Has(dialect.Queue) {
		p.queue = measured(from, n.Number(dialect.Queue), n.Source(dialect.Queue), rule)
	}
	if n.Has(dialect.Prefill) {
		p.prefill = measured(from, n.Number(dialect.Prefill), n.Source(dialect.Prefill), rule)
	}
	if n.Has(dialect.Decode) {
		p.decode = measured(from, n.Number(dialect.Decode), n.Source(dialect.Decode), rule)
	}
	if s.engine != none || s.window.Known() {
		return p
	}
	switch {
	case n.Has(dialect.ServerTotal):
		s.window, s.windowSpan, s.windowSource = Duration(n.Number(dialect.ServerTotal)), from, n.Source(dialect.ServerTotal)
	case p.queue.ns.Known() && p.prefill.ns.Known() && p.decode.ns.Known():
		// An upper bound for network: the provider's edge is in it.
		s.window, s.windowSpan, s.windowSource = p.queue.ns+p.prefill.ns+p.decode.ns, from, p.queue.source
	}
	return p
}

// headerWindow takes the processing time of a response header for the server
// window: the whole time only if the call is known not to have been streamed.
func (t *trace) headerWindow(request int32, s *served) {
	if streamed, known := t.nodes[request].Streaming(); !known || streamed || s.window.Known() {
		return
	}
	take := func(i int32, n *node) {
		if n.Has(dialect.HeaderTotal) && !s.window.Known() {
			s.window, s.windowSpan, s.windowSource = Duration(n.Number(dialect.HeaderTotal)), i, n.Source(dialect.HeaderTotal)
		}
	}
	take(request, &t.nodes[request])
	if s.last != none {
		take(s.last, &t.nodes[s.last])
	}
	t.evidence(request, func(i int32, n *node) {
		if n.Role != dialect.RoleHTTP {
			take(i, n)
		}
	})
}

// clientDecode reads decode from the caller's side, where the server says nothing.
func (t *trace) clientDecode(request int32, tool toolTime) part {
	n := &t.nodes[request]
	if streamed, known := n.Streaming(); known && !streamed {
		return unknownPart
	}
	if n.Has(dialect.LastChunkAt) {
		ns := n.Number(dialect.LastChunkAt) - n.Number(dialect.FirstChunkAt)
		return measured(request, ns, n.Source(dialect.LastChunkAt), "last chunk - first chunk")
	}
	ttft := n.Number(dialect.TTFT)
	if ttft < 0 {
		return unknownPart
	}
	if n.Has(dialect.FinishAt) && tool != toolBeside {
		if at := n.Number(dialect.FinishAt); at >= ttft {
			return derived(request, at-ttft, n.Source(dialect.FinishAt), "finish - TTFT")
		}
		return unknownPart
	}
	if n.Has(dialect.ModelDuration) {
		if whole := n.Number(dialect.ModelDuration); whole >= ttft {
			return derived(request, whole-ttft, n.Source(dialect.ModelDuration), "model duration - TTFT")
		}
		return unknownPart
	}
	if tool != toolOutside || n.Is(dialect.EndNotLastToken|dialect.EndsAtHeaders) {
		return unknownPart
	}
	return derived(request, n.Duration()-ttft, n.Source(dialect.TTFT), "total - TTFT")
}

// toolTime says whether a tool of the client ran within a request's span.
type toolTime uint8

const (
	toolOutside toolTime = iota
	// toolBelow: the tool's span is a child, the span's own durations are without it.
	toolBelow
	// toolBeside: the tool's span is a sibling, in all of the span's durations.
	toolBeside
)

func (t *trace) toolTime(request int32) toolTime {
	r, found := &t.nodes[request], toolOutside
	runs := func(n *node) bool {
		return n.Role == dialect.RoleTool && sameService(n, r) && overlap(n, r) > 1e6
	}
	t.eachChild(request, func(n *node) {
		if runs(n) {
			found = toolBelow
		}
	})
	if r.Is(dialect.ToolsBeside) && r.parent != none {
		t.eachChild(r.parent, func(n *node) {
			if runs(n) {
				found = toolBeside
			}
		})
	}
	return found
}

func (t *trace) eachChild(i int32, visit func(*node)) {
	for c := t.nodes[i].child; c != none; c = t.nodes[c].sibling {
		visit(&t.nodes[c])
	}
}
