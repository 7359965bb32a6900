package phase

import (
	"encoding/hex"

	"github.com/phaseline/phaseline/internal/dialect"
)

// Explanation says what the numbers of one request rest on.
type Explanation struct {
	TraceID string          `json:"trace_id"`
	SpanID  string          `json:"span_id"`
	Facts   []ExplainedFact `json:"facts"`
	// Refused are the values that were not believed.
	Refused []RefusedValue `json:"refused,omitempty"`
}

// RefusedValue says which value of which span a flag tells of.
type RefusedValue struct {
	Flag        string `json:"flag"`
	SpanID      string `json:"span_id"`
	SpanService string `json:"span_service,omitempty"`
	Dialect     string `json:"dialect,omitempty"`
	// Attribute is the attribute or event that it was read from; none where the
	// span's own times are at fault.
	Attribute string `json:"attribute,omitempty"`
}

// ExplainedFact is one number of a request and where it comes from.
type ExplainedFact struct {
	// Fact is the field's name in the row's JSON.
	Fact string `json:"fact"`
	// Value is in nanoseconds, or a count.
	Value      int64  `json:"value"`
	Provenance string `json:"provenance,omitempty"`
	// SpanID and SpanService are where the value was read.
	SpanID      string `json:"span_id,omitempty"`
	SpanService string `json:"span_service,omitempty"`
	Dialect     string `json:"dialect,omitempty"`
	// Attribute is the attribute, event or extent it was read from.
	Attribute string `json:"attribute,omitempty"`
	// Rule says how it was used.
	Rule string `json:"rule"`
}

// Explain says for every request what its numbers rest on, in the order that
// Decompose returns them.
func Explain(spans []dialect.Facts) []Explanation {
	d := decomposer{explain: &explainer{byRequest: map[[24]byte]Explanation{}}}
	d.run(spans, (*trace).correlate)
	explanations := make([]Explanation, len(d.result.Requests))
	for i := range d.result.Requests {
		explanations[i] = d.explain.byRequest[requestKey(&d.result.Requests[i])]
	}
	return explanations
}

type explainer struct{ byRequest map[[24]byte]Explanation }

func requestKey(r *Request) (key [24]byte) {
	copy(key[:], r.TraceID[:])
	copy(key[16:], r.SpanID[:])
	return key
}

// row records one request's explanation.
func (x *explainer) row(t *trace, i int32, s *served, p *phases, r *Request) {
	e := Explanation{TraceID: hex.EncodeToString(r.TraceID[:]), SpanID: hex.EncodeToString(r.SpanID[:])}
	add := func(fact string, value Duration, provenance Provenance, span int32, attribute, rule string) {
		f := ExplainedFact{Fact: fact, Value: int64(value), Attribute: attribute, Rule: rule}
		if provenance != ProvenanceUnknown {
			f.Provenance = provenance.String()
		}
		if span != none {
			n := &t.nodes[span]
			f.SpanID, f.SpanService, f.Dialect = hex.EncodeToString(n.SpanID[:]), n.Origin.Service, n.Dialect()
		}
		e.Facts = append(e.Facts, f)
	}
	add("total_ns", r.Total, ProvenanceMeasured, i, "span extent", "the request's span: "+t.anchorRule(i))
	for _, named := range [...]struct {
		fact string
		part part
	}{{"network_ns", p.network}, {"queue_ns", p.queue}, {"prefill_ns", p.prefill}, {"decode_ns", p.decode}} {
		if named.part.ns.Known() {
			add(named.fact, named.part.ns, named.part.provenance, named.part.span, named.part.source, named.part.rule)
		}
	}
	add("unattributed_ns", r.Unattributed, ProvenanceUnknown, none, "", "total - known phases")
	if r.TTFT.Known() {
		from := i
		if t.nodes[i].Role == dialect.RoleEngine {
			from = s.engine
		}
		add("ttft_ns", r.TTFT, r.Provenance.TTFT, from, r.TTFTSource, "at the "+r.Vantage.String())
	}
	if r.FirstAnswer.Known() {
		add("first_answer_ns", r.FirstAnswer, ProvenanceMeasured, i, t.nodes[i].Source(dialect.FirstAnswer), "first token that is not reasoning")
	}
	if r.ServerTTFT.Known() {
		from := s.engine
		if from == none {
			from = i
		}
		if s.last != none && !t.nodes[from].Has(dialect.ServerTTFT) {
			from = s.last
		}
		add("server_ttft_ns", r.ServerTTFT, ProvenanceMeasured, from, t.nodes[from].Source(dialect.ServerTTFT), "at the server")
	}
	if s.window.Known() {
		add("server_ns", s.window, ProvenanceMeasured, s.windowSpan, s.windowSource, "server window")
	}
	if s.retry.Known() {
		add("retry_ns", s.retry, ProvenanceMeasured, s.again, "span start", "last attempt's start - first attempt's")
	}
	if r.Connect.Known() {
		add("connect_ns", r.Connect, ProvenanceMeasured, s.dialled, t.nodes[s.dialled].Source(dialect.Connect), "part of network")
	}
	for _, tokens := range [...]struct {
		fact   string
		value  int64
		number dialect.Number
	}{{"input_tokens", r.InputTokens, dialect.InputTokens}, {"cached_input_tokens", r.CachedInputTokens, dialect.CachedTokens},
		{"output_tokens", r.OutputTokens, dialect.OutputTokens}, {"reasoning_tokens", r.ReasoningTokens, dialect.ReasoningTokens}} {
		if tokens.value < 0 {
			continue
		}
		from, rule := i, "the request's own span"
		if !t.nodes[i].Has(tokens.number) {
			from, rule = t.otherSource(i, tokens.number), "taken over from a wrapping or serving span"
		}
		attribute := ""
		if from != none {
			attribute = t.nodes[from].Source(tokens.number)
		}
		add(tokens.fact, Duration(tokens.value), ProvenanceUnknown, from, attribute, rule)
	}
	e.Refused = t.refused(i)
	x.byRequest[requestKey(r)] = e
}

// refused lists what was not believed of the spans whose refusals the row bears.
func (t *trace) refused(request int32) []RefusedValue {
	var all []RefusedValue
	look := func(_ int32, n *node) {
		for _, r := range refusals {
			if n.Refused&r.refusal != 0 {
				all = append(all, RefusedValue{Flag: r.flag.Names()[0], SpanID: hex.EncodeToString(n.SpanID[:]),
					SpanService: n.Origin.Service, Dialect: n.Dialect(), Attribute: n.RefusedSource(r.refusal)})
			}
		}
	}
	look(request, &t.nodes[request])
	t.evidence(request, func(i int32, n *node) {
		if flagsRequest(n) {
			look(i, n)
		}
	})
	return all
}

// anchorRule says why the span is the request.
func (t *trace) anchorRule(i int32) string {
	n := &t.nodes[i]
	switch {
	case n.promoted:
		return "HTTP or gateway span that covers the engine's"
	case n.Role == dialect.RoleEngine:
		return "engine span with no caller's span that covers it"
	case n.outer != none:
		return "innermost LLM span of its process"
	}
	return "most upstream LLM span"
}

// otherSource finds the span that a count was taken over from.
func (t *trace) otherSource(i int32, fact dialect.Number) int32 {
	for o := t.nodes[i].outer; o != none; o = t.nodes[o].outer {
		if t.nodes[o].Has(fact) {
			return o
		}
	}
	found := none
	t.evidence(i, func(j int32, n *node) {
		if found == none && n.Has(fact) {
			found = j
		}
	})
	return found
}
