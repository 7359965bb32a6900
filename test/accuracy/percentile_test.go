package accuracy

import (
	"fmt"
	"slices"

	"github.com/phaseline/phaseline/internal/histogram"
	"github.com/phaseline/phaseline/internal/phase"
	"github.com/phaseline/phaseline/internal/simulate"
)

// bucketError is the half width of a histogram bucket relative to its value.
const bucketError = 0.0054

// percentile compares one quantile of a combination: from exact values, from
// log buckets, and what the requests around it are made of.
type percentile struct {
	q                   float64
	n                   int
	truth, exact        int64 // of the total, nanoseconds
	bucketed            int64
	composition, actual [4]float64 // mean network, queue, prefill, decode around it
	swapped             int        // requests that only one of the two windows holds
	window              int
}

var quantiles = []float64{0.5, 0.9, 0.95, 0.99}

// percentiles are over requests that succeeded and whose evidence is complete;
// nil if they are too few to speak of.
func (y *tally) percentiles() []percentile {
	var rows []pair
	for _, p := range y.rows {
		if p.answer.Outcome == phase.OutcomeOK && complete(p.expect) {
			rows = append(rows, p)
		}
	}
	if len(rows) < 400 {
		return nil
	}
	var h histogram.Histogram
	for _, p := range rows {
		h.Observe(int64(p.answer.Total))
	}
	byTruth := slices.Clone(rows)
	slices.SortStableFunc(byTruth, func(a, b pair) int { return int(a.expect.Total - b.expect.Total) })
	byAnswer := slices.Clone(rows)
	slices.SortStableFunc(byAnswer, func(a, b pair) int { return int(a.answer.Total - b.answer.Total) })

	var out []percentile
	for _, q := range quantiles {
		rank := int(histogram.Rank(q, int64(len(rows))))
		p := percentile{q: q, n: len(rows), truth: byTruth[rank].expect.Total, exact: int64(byAnswer[rank].answer.Total)}
		p.bucketed, _ = h.Quantile(q)
		half := (1 - q) / 4
		if q == 0.5 {
			half = 0.05
		}
		lo := max(0, int((q-half)*float64(len(rows))))
		hi := min(len(rows), int((q+half)*float64(len(rows)))+1)
		p.window = hi - lo
		members := map[[16]byte]bool{}
		for _, r := range byTruth[lo:hi] {
			members[r.answer.TraceID] = true
			for i, e := range []simulate.Expected{r.expect.Network, r.expect.Queue, r.expect.Prefill, r.expect.Decode} {
				p.actual[i] += float64(e.NS) / float64(p.window)
			}
		}
		for _, r := range byAnswer[lo:hi] {
			if !members[r.answer.TraceID] {
				p.swapped++
			}
			for i, d := range []phase.Duration{r.answer.Network, r.answer.Queue, r.answer.Prefill, r.answer.Decode} {
				p.composition[i] += float64(max(d, 0)) / float64(p.window)
			}
		}
		out = append(out, p)
	}
	return out
}

// complete reports whether the surviving evidence carries every phase.
func complete(e simulate.Expectation) bool {
	for _, x := range []simulate.Expected{e.Network, e.Queue, e.Prefill, e.Decode} {
		if x.Want != simulate.Present {
			return false
		}
	}
	return true
}

// check says how the percentile misses its bound, or nothing.
func (p *percentile) check() error {
	if d := distance(p.exact, p.truth); d > tolerance {
		return fmt.Errorf("p%g of the total is %d, truly %d", p.q*100, p.exact, p.truth)
	}
	if d := distance(p.bucketed, p.truth); float64(d) > bucketError*float64(p.truth)+float64(tolerance) {
		return fmt.Errorf("p%g of the total from buckets is %d, truly %d: more than %.2f %% apart", p.q*100, p.bucketed, p.truth, bucketError*100)
	}
	// Two requests of nearly the same total may change places at the window's edge.
	slack := float64(tolerance) + float64(p.swapped)/float64(p.window)*float64(p.truth)
	for i := range p.actual {
		if d := p.composition[i] - p.actual[i]; max(d, -d) > slack {
			return fmt.Errorf("%s around p%g is %.0f, truly %.0f", part(i), p.q*100, p.composition[i], p.actual[i])
		}
	}
	return nil
}
