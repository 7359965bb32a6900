package phase

import (
	"github.com/phaseline/phaseline/internal/dialect"
)

// phases splits the request's total by the evidence into p, of which nothing is known.
func (t *trace) phases(i int32, s *served, r *Request, p *phases) {
	n := &t.nodes[i]
	tool := t.toolTime(i)
	if tool != toolOutside {
		r.Flags |= FlagToolTimeInside
	}
	if r.CacheHit {
		// No model ran: the gateway is the server, and there are no phases.
		s.window, s.extent = Unknown, false
		if s.gateway != none {
			s.window, s.windowSpan, s.windowSource, s.extent = Duration(t.nodes[s.gateway].Duration()), s.gateway, "span extent", true
		}
		t.network(i, s, r, p)
		p.queue, p.prefill, p.decode = unknownPart, unknownPart, unknownPart
		return
	}
	if s.engine != none {
		t.enginePhases(s, p)
	}
	if !s.unclear && n.Role != dialect.RoleEngine {
		// One clock domain: the engine's, unless the provider's says that and more (R7).
		if from := t.provider(i, s); from != none {
			q := t.providerPhases(from, s)
			if s.engine == none || q.covers(p) && !p.covers(&q) {
				*p, q = q, *p
			}
			p.flags |= q.flags
			if !p.covers(&q) {
				p.flags |= FlagServerIncomplete
			}
		}
	}
	if !s.unclear {
		t.headerWindow(i, s)
	}
	if s.engine != none && s.prefill != none && r.Vantage == VantageServer {
		// The first worker's time lies outside the span of the second.
		if p.queue.ns.Known() || p.prefill.ns.Known() {
			p.flags |= FlagServerIncomplete
		}
		p.queue, p.prefill = unknownPart, unknownPart
	}
	client := unknownPart
	if n.Role != dialect.RoleEngine {
		client = t.clientDecode(i, tool)
	}
	switch {
	case !p.decode.ns.Known():
		p.decode = client
	case client.ns.Known() && client.ns*10 < p.decode.ns:
		// Far faster than the server made them: something held the stream back.
		r.Flags |= FlagBufferedStream
	}
	t.network(i, s, r, p)
	r.Flags |= p.flags
	if r.Flags&FlagError != 0 && !t.sawToken(i, s, r, p) {
		// What was not answered has no prefill, no decode and no tokens, and the
		// server's time says nothing about the way of an answer.
		p.network, p.prefill, p.decode = unknownPart, unknownPart, unknownPart
		r.InputTokens, r.CachedInputTokens, r.OutputTokens, r.ReasoningTokens = Unknown, Unknown, Unknown, Unknown
	}
	t.fit(r, p)
}

// sawToken reports whether anybody saw a token of the answer.
func (t *trace) sawToken(i int32, s *served, r *Request, p *phases) bool {
	n := &t.nodes[i]
	return r.OutputTokens > 0 || n.Has(dialect.TTFT) || n.Has(dialect.FirstChunkAt) || n.Has(dialect.ServerTTFT) ||
		p.decode.ns > 0 || s.engine != none && t.nodes[s.engine].Has(dialect.ServerTTFT)
}

// network is what of the client's time is not the server's (N). The clocks of
// two hosts are never compared.
func (t *trace) network(i int32, s *served, r *Request, p *phases) {
	if r.Vantage == VantageServer || !s.window.Known() || s.unclear {
		return
	}
	t.skew(i, s, r)
	mine := r.Total - max(s.retry, 0)
	over := s.window - mine
	switch {
	case over <= 0:
		p.network = derived(s.windowSpan, int64(-over), s.windowSource, "total - retry - server window")
	case int64(over) <= dialect.Tolerance(int64(mine)):
		p.network = derived(s.windowSpan, 0, s.windowSource, "server window equals the total")
	default:
		// The client's span closed early, or the pairing is wrong.
		flags := p.flags | FlagServerLongerThanClient
		*p = noPhases
		p.flags = flags
	}
}

// skew remarks that the clocks differ, where the spans show it.
func (t *trace) skew(i int32, s *served, r *Request) {
	if !s.extent || s.windowSpan == i {
		return
	}
	n, w := &t.nodes[i], &t.nodes[s.windowSpan]
	if !sameService(n, w) && (w.Start < n.Start-slack || w.Start > n.End+slack) {
		r.Flags |= FlagClockSkew
	}
}

// fit drops phases that add up to more than the total, derived ones first (X).
func (t *trace) fit(r *Request, p *phases) {
	all := [...]*part{&p.network, &p.decode, &p.prefill, &p.queue}
	for _, provenance := range [...]Provenance{ProvenanceDerived, ProvenanceMeasured} {
		for _, x := range all {
			if p.sum() <= r.Total {
				return
			}
			if x.provenance == provenance && x.ns > 0 {
				*x = unknownPart
				r.Flags |= FlagPhasesExceedTotal
			}
		}
	}
}

// covers reports whether every phase that a server has told to q is known to p.
func (p *phases) covers(q *phases) bool {
	return (p.queue.ns.Known() || !q.queue.ns.Known()) &&
		(p.prefill.ns.Known() || !q.prefill.ns.Known()) &&
		(p.decode.ns.Known() || !q.decode.ns.Known())
}

// sum adds up the known phases.
func (p *phases) sum() Duration {
	return max(p.network.ns, 0) + max(p.queue.ns, 0) + max(p.prefill.ns, 0) + max(p.decode.ns, 0)
}

// fill writes the phases and what goes with them into the row.
func (t *trace) fill(i int32, s *served, p *phases, r *Request) {
	n := &t.nodes[i]
	r.Network, r.Queue, r.Prefill, r.Decode = p.network.ns, p.queue.ns, p.prefill.ns, p.decode.ns
	r.Provenance = Provenances{Network: p.network.provenance, Queue: p.queue.provenance, Prefill: p.prefill.provenance, Decode: p.decode.provenance}
	r.Unattributed = r.Total - p.sum()
	r.Server, r.Retry = s.window, s.retry
	if r.Vantage != VantageServer {
		r.Connect = s.connect
		t.hops(s, r)
	}
	t.ttft(i, s, r)
	if r.OutputTokens > 1 && r.Decode.Known() {
		tokens := r.OutputTokens
		if p.tokens != Unknown || s.several || n.Number(dialect.Choices) > 1 ||
			s.engine != none && t.nodes[s.engine].Number(dialect.Choices) > 1 {
			tokens = p.tokens // decode is one sequence's, the row's count all of them
		}
		if tokens > 1 {
			r.TPOT = r.Decode / Duration(tokens-1)
		}
	}
	if t.out.explain != nil {
		t.out.explain.row(t, i, s, p, r)
	}
}

// hops splits the network time at the gateway.
func (t *trace) hops(s *served, r *Request) {
	if s.gateway == none || r.CacheHit || !r.Network.Known() {
		return
	}
	g := Duration(t.nodes[s.gateway].Duration())
	first := r.Total - g
	if !s.behind {
		first -= max(r.Retry, 0)
	}
	if first < 0 || first > r.Network {
		return
	}
	r.Hops = []Hop{{"client_to_gateway", first}, {"gateway_and_upstream", r.Network - first}}
}

// ttft fills in the time to first token and its parts.
func (t *trace) ttft(i int32, s *served, r *Request) {
	n := &t.nodes[i]
	server := unknownPart
	if s.engine != none && s.prefill == none {
		if e := &t.nodes[s.engine]; e.Has(dialect.ServerTTFT) {
			server = measured(s.engine, e.Number(dialect.ServerTTFT), e.Source(dialect.ServerTTFT), "")
		}
	}
	if n.Role == dialect.RoleEngine {
		if server.ns.Known() {
			r.TTFT, r.TTFTSource, r.TTFTKind = server.ns, server.source, TTFTKindFirstToken
			r.Provenance.TTFT = ProvenanceMeasured
		}
	} else if !r.CacheHit {
		if n.Has(dialect.TTFT) {
			r.TTFT, r.TTFTSource = Duration(n.Number(dialect.TTFT)), n.Source(dialect.TTFT)
			r.TTFTKind = TTFTKind(n.TTFTKind)
			r.Provenance.TTFT = ProvenanceMeasured
		}
		r.ServerTTFT = server.ns
		for _, j := range [...]int32{i, s.last} {
			if r.ServerTTFT == Unknown && j != none && !s.unclear {
				r.ServerTTFT = Duration(t.nodes[j].Number(dialect.ServerTTFT))
			}
		}
	}
	if n.Has(dialect.FirstAnswer) && !r.CacheHit {
		r.FirstAnswer = Duration(n.Number(dialect.FirstAnswer))
	}
	r.splitTTFT()
}

// splitTTFT splits TTFT into parts that add up to it. Only a part of the
// network time lies before the first token.
func (r *Request) splitTTFT() {
	if !r.TTFT.Known() {
		return
	}
	if max(r.Queue, 0)+max(r.Prefill, 0) > r.TTFT {
		r.Flags |= FlagTTFTPartsExceed
		return
	}
	if r.Network.Known() && r.ServerTTFT.Known() {
		if before := r.TTFT - r.ServerTTFT; before >= 0 {
			r.TTFTNetwork = min(r.Network, before)
		} else {
			r.Flags |= FlagTTFTBeforeServer
		}
	}
	rest := r.TTFT - max(r.TTFTNetwork, 0) - max(r.Queue, 0) - max(r.Prefill, 0)
	if rest < 0 {
		r.TTFTNetwork = Unknown
		r.Flags |= FlagTTFTPartsExceed
		return
	}
	r.TTFTQueue, r.TTFTPrefill, r.TTFTRest = r.Queue, r.Prefill, rest
}
