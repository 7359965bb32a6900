package phase

import (
	"bytes"
	"slices"

	"github.com/phaseline/phaseline/internal/dialect"
)

// Result is what a set of spans decomposes into.
type Result struct {
	// Requests are ordered by start, then span id.
	Requests []Request
	// Tombstones are for the spans that could anchor a request and do not.
	Tombstones []Tombstone
	// AbortedWithoutSpan counts wrapper spans whose model span never came: an
	// aborted call of the Vercel AI SDK 5 or 6 leaves nothing else.
	AbortedWithoutSpan int
}

// Decompose finds the requests in spans, which may be of several traces. It
// depends on the set of spans only: not on their order, nor on how often each
// is there. Of two spans with one id the one with the larger hash counts.
func Decompose(spans []dialect.Facts) Result {
	var d decomposer
	d.run(spans, (*trace).correlate)
	return d.result
}

// DecomposeUncorrelated takes every span on its own, for traces of more spans
// than can be correlated. Its rows are flagged.
func DecomposeUncorrelated(spans []dialect.Facts) Result {
	var d decomposer
	d.run(spans, (*trace).separate)
	for i := range d.result.Requests {
		d.result.Requests[i].Flags |= FlagUncorrelated
	}
	return d.result
}

type decomposer struct {
	result  Result
	explain *explainer
	trace   trace // the one at hand
}

func (d *decomposer) run(spans []dialect.Facts, relate func(*trace)) {
	nodes := distinct(spans)
	for len(nodes) > 0 {
		n := 1
		for n < len(nodes) && nodes[n].TraceID == nodes[0].TraceID {
			n++
		}
		t := &d.trace
		*t = trace{nodes: nodes[:n:n], out: d, version: uint64(n)*1000 + Revision}
		t.index()
		relate(t)
		t.rows()
		nodes = nodes[n:]
	}
	slices.SortFunc(d.result.Requests, func(a, b Request) int {
		switch {
		case a.Start != b.Start:
			if a.Start < b.Start {
				return -1
			}
			return 1
		case a.SpanID != b.SpanID:
			return bytes.Compare(a.SpanID[:], b.SpanID[:])
		}
		return bytes.Compare(a.TraceID[:], b.TraceID[:])
	})
}

// distinct makes a node of each span, sorted by trace and span id.
func distinct(spans []dialect.Facts) []node {
	var few [16]*dialect.Facts // most traces need no more
	sorted := few[:0]
	for i := range spans {
		sorted = append(sorted, &spans[i])
	}
	slices.SortFunc(sorted, func(a, b *dialect.Facts) int {
		if c := bytes.Compare(a.TraceID[:], b.TraceID[:]); c != 0 {
			return c
		}
		return bytes.Compare(a.SpanID[:], b.SpanID[:])
	})
	nodes := make([]node, len(sorted))
	kept := nodes[:0]
	for _, f := range sorted {
		if last := len(kept) - 1; last >= 0 && kept[last].TraceID == f.TraceID && kept[last].SpanID == f.SpanID {
			if f.Hash() > kept[last].Hash() {
				kept[last].Facts = f
			}
			continue
		}
		kept = kept[:len(kept)+1]
		kept[len(kept)-1].Facts = f
	}
	return kept
}
