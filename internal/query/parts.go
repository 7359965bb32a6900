package query

import (
	"cmp"
	"slices"

	"github.com/phaseline/phaseline/internal/histogram"
)

// whole is a duration that is made of parts.
type whole struct {
	metric    Metric
	measure   measure   // the metric's
	parts     []Part    // those with evidence of their own
	known     []measure // their columns
	remainder Part      // what is left
	// hours are the arrays of the hours table: metric's sum, then n and sum of each part.
	hours []fragment
	array fragment
}

var wholes = map[Metric]whole{
	TTFT: {
		metric: TTFT, measure: metricIndex[TTFT], remainder: PartRest,
		parts: []Part{PartNetwork, PartQueue, PartPrefill},
		known: []measure{ttftNetwork, ttftQueue, ttftPrefill},
		array: "ttft_parts",
		hours: []fragment{"ttft_sum_ns", "network_n", "network_sum_ns", "queue_n", "queue_sum_ns", "prefill_n", "prefill_sum_ns"},
	},
	Total: {
		metric: Total, measure: metricIndex[Total], remainder: PartUnattributed,
		parts: []Part{PartNetwork, PartQueue, PartPrefill, PartDecode},
		known: []measure{metricIndex[Network], metricIndex[Queue], metricIndex[Prefill], metricIndex[Decode]},
		array: "total_parts",
		hours: []fragment{"total_sum_ns", "network_n", "network_sum_ns", "queue_n", "queue_sum_ns", "prefill_n", "prefill_sum_ns", "decode_n", "decode_sum_ns"},
	},
}

// split is the whole of one request, and its parts.
type split struct {
	whole    int64
	parts    [4]int64 // as whole.known; -1 unknown
	complete bool     // every part is known; nothing before a server is observed
}

func splitOf(x *request, w whole) split {
	s := split{whole: x.values[w.measure], parts: [4]int64{-1, -1, -1, -1}, complete: true}
	for i, m := range w.known {
		s.parts[i] = x.values[m]
		if s.parts[i] < 0 && (w.parts[i] != PartNetwork || !x.server) {
			s.complete = false
		}
	}
	return s
}

// compare orders by the whole. Requests that also have the same parts are
// interchangeable.
func (s split) compare(o split) int {
	return cmp.Or(cmp.Compare(s.whole, o.whole), slices.Compare(s.parts[:], o.parts[:]))
}

// slice is a set of requests with the sums of their parts.
type slice struct {
	place
	whole amount
	parts [4]amount // as whole.known
}

// place is what tells slices apart.
type place struct {
	key      key   // of the group, or the stratum's model
	block    int64 // of the grid
	bucket   int16 // coarse, of the whole
	input    int8  // number of the input bucket
	complete bool
}

// slicing says by what slices are told apart beside bucket and completeness: by
// group and time block, or by stratum, which is model and input bucket.
type slicing struct {
	grid   grid
	strata bool
}

func (s slicing) place(x *request, whole split) place {
	p := place{bucket: coarse(whole.whole), complete: whole.complete}
	if s.strata {
		p.key[0], p.input = x.model, x.input
	} else {
		p.key, p.block = x.key, s.grid.block(x.end)
	}
	return p
}

// coarse is the number of the slice that a duration belongs to.
func coarse(ns int64) int16 { return int16(histogram.Coarse(histogram.Index(ns))) }

// add counts a request.
func (s *slice) add(x split) {
	s.whole.add(x.whole)
	for i, ns := range x.parts {
		if ns >= 0 {
			s.parts[i].add(ns)
		}
	}
}

func (s *slice) merge(o slice) {
	s.whole.merge(o.whole)
	for i := range s.parts {
		s.parts[i].merge(o.parts[i])
	}
}

// remove takes back what was merged.
func (s *slice) remove(o slice) {
	s.whole.remove(o.whole)
	for i := range s.parts {
		s.parts[i].remove(o.parts[i])
	}
}

// means are the mean parts of the slice, which add up to its mean.
func (s slice) means(w whole) []PartMean {
	known := make([]part, len(w.parts))
	for i, name := range w.parts {
		known[i] = part{name, s.parts[i]}
	}
	return partMeans(s.whole, w.remainder, known)
}

// evidence says how many requests there are, and over which of them a
// composition is taken.
type evidence struct {
	n, complete  int64
	completeOnly bool
}

// weigh applies the rule of the definition: those with complete evidence if
// they are at least half and at least 30, otherwise all.
func weigh(all []slice) evidence {
	var e evidence
	for _, s := range all {
		e.n += s.whole.n
		if s.complete {
			e.complete += s.whole.n
		}
	}
	e.completeOnly = e.complete < e.n && e.complete >= windowRequired && 2*e.complete >= e.n
	return e
}

// population is the requests that a composition is taken over: one slice for
// each bucket of the whole, ascending.
type population struct {
	slices []slice
	size   int64
}

func populationOf(all []slice, completeOnly bool) population {
	p := population{}
	byBucket := map[int16]*slice{}
	for _, s := range all {
		if completeOnly && !s.complete {
			continue
		}
		if byBucket[s.bucket] == nil {
			byBucket[s.bucket] = &slice{place: place{bucket: s.bucket}}
		}
		byBucket[s.bucket].merge(s)
		p.size += s.whole.n
	}
	for _, s := range byBucket {
		p.slices = append(p.slices, *s)
	}
	slices.SortFunc(p.slices, func(a, b slice) int { return cmp.Compare(a.bucket, b.bucket) })
	return p
}

// without returns the population less the requests of a part of it.
func (p population) without(o population) population {
	left := population{slices: slices.Clone(p.slices), size: p.size - o.size}
	at := 0
	for _, s := range o.slices {
		for left.slices[at].bucket != s.bucket {
			at++
		}
		left.slices[at].remove(s)
	}
	return left
}

// around returns the sums over ranks [from, to), a slice on the edge counting
// with the share of its requests that lies inside.
func (p population) around(from, to int64) fractions {
	var sum fractions
	var below int64
	for _, s := range p.slices {
		inside := min(to, below+s.whole.n) - max(from, below)
		if inside > 0 {
			sum.add(s, float64(inside)/float64(s.whole.n))
		}
		below += s.whole.n
	}
	return sum
}

// fractions are sums that contain fractions of slices.
type fractions struct {
	n, whole float64
	parts    [4]struct{ n, sum float64 }
}

func (f *fractions) add(s slice, share float64) {
	f.n += share * float64(s.whole.n)
	f.whole += share * s.whole.sum.float()
	for i, p := range s.parts {
		f.parts[i].n += share * float64(p.n)
		f.parts[i].sum += share * p.sum.float()
	}
}

// means are the known parts, the remainder, and last the whole, by request.
func (f fractions) means(known int) []float64 {
	left := f.whole
	means := make([]float64, 0, known+2)
	for _, p := range f.parts[:known] {
		means = append(means, p.sum/f.n)
		left -= p.sum
	}
	return append(means, left/f.n, f.whole/f.n)
}
