package phase

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sync"

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
	d := decomposers.Get().(*decomposer)
	defer d.recycle()
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
	nodes   []node
}

// decomposers are kept for their room, which one trace after the other needs.
var decomposers = sync.Pool{New: func() any { return new(decomposer) }}

func (d *decomposer) recycle() {
	clear(d.nodes)
	*d = decomposer{nodes: d.nodes[:0]}
	decomposers.Put(d)
}

func (d *decomposer) run(spans []dialect.Facts, relate func(*trace)) {
	d.take(spans)
	for nodes := d.nodes; len(nodes) > 0; {
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
		return cmp.Or(cmp.Compare(a.Start, b.Start), compareIDs(a.SpanID, b.SpanID), bytes.Compare(a.TraceID[:], b.TraceID[:]))
	})
}

// take makes a node of each span, sorted by trace and span id.
func (d *decomposer) take(spans []dialect.Facts) {
	var few [16]*dialect.Facts // most traces need no more
	sorted := few[:0]
	for i := range spans {
		sorted = append(sorted, &spans[i])
	}
	slices.SortFunc(sorted, func(a, b *dialect.Facts) int {
		if a.TraceID != b.TraceID {
			return bytes.Compare(a.TraceID[:], b.TraceID[:])
		}
		return compareIDs(a.SpanID, b.SpanID)
	})
	d.nodes = slices.Grow(d.nodes[:0], len(sorted))
	for _, f := range sorted {
		if last := len(d.nodes) - 1; last >= 0 && d.nodes[last].SpanID == f.SpanID && d.nodes[last].TraceID == f.TraceID {
			if f.Hash() > d.nodes[last].Hash() {
				d.nodes[last].Facts = f
			}
			continue
		}
		d.nodes = append(d.nodes, node{Facts: f})
	}
}

// compareIDs orders span ids as bytes.Compare does.
func compareIDs(a, b [8]byte) int {
	return cmp.Compare(binary.BigEndian.Uint64(a[:]), binary.BigEndian.Uint64(b[:]))
}
