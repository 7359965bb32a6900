package query

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// windowRequired is the smallest number of requests a composition rests on.
const windowRequired = 30

// Composition answers with what the requests around each quantile are made of.
func (e *Engine) Composition(ctx context.Context, c Composition) (CompositionAnswer, error) {
	s, err := e.check(c.Scope, c.GroupBy)
	if err != nil {
		return CompositionAnswer{}, err
	}
	metric, err := checkMetric(c.Metric, TTFT, []Metric{TTFT, Total})
	if err != nil {
		return CompositionAnswer{}, err
	}
	quantiles, err := checkQuantiles(c.Quantiles, 0.5, 0.9, 0.99)
	if err != nil {
		return CompositionAnswer{}, err
	}
	limit, err := checkLimit(c.Limit, 10, e.limits.Groups)
	if err != nil {
		return CompositionAnswer{}, err
	}
	p, read, err := e.answer(ctx, s, e.planned(s, 0), func(p plan) reading {
		r := groupReading(p, []Metric{metric})
		r.whole, r.slicings = wholes[metric], []slicing{{}}
		return r
	})
	if err != nil {
		return CompositionAnswer{}, err
	}
	groups := read.groups()
	answer := CompositionAnswer{Meta: p.meta(read), Metric: metric}
	answer.describe(groups)
	if len(groups) > limit {
		answer.Omitted = int64(len(groups) - limit)
		groups = groups[:limit]
	}
	answer.Groups = compositions(s, wholes[metric], read, groups, quantiles)
	return answer, nil
}

// compositions takes groups apart, by the first slices that were read.
func compositions(s scope, w whole, read *found, groups []group, quantiles []float64) []CompositionGroup {
	byKey := map[key][]slice{}
	for _, x := range read.slices[0] {
		byKey[x.key] = append(byKey[x.key], x)
	}
	answer := make([]CompositionGroup, len(groups))
	for i, g := range groups {
		e := weigh(byKey[g.key])
		requests := populationOf(byKey[g.key], e.completeOnly)
		answer[i] = CompositionGroup{Labels: s.label(g.key), N: e.n, Complete: e.complete, CompleteOnly: e.completeOnly}
		for _, q := range quantiles {
			from, to := windowRanks(q, requests.size)
			c := QuantileComposition{Quantile: g.quantile(q, w.metric), Parts: []PartMean{}, WindowRequired: windowRequired,
				Window: to - from, FromRank: from, ToRank: to, WindowTooSmall: to-from < windowRequired}
			switch {
			case c.WindowTooSmall:
			case read.exact:
				x := requests.window(g.blocks, e.completeOnly, from, to)
				c.Parts, c.MeanNS = x.means(w), x.whole.mean()
			default:
				c.Parts, c.MeanNS = requests.around(from, to).rounded(w)
			}
			answer[i].Compositions = append(answer[i].Compositions, c)
		}
		answer[i].Finding = finding(w, answer[i].Compositions)
	}
	return answer
}

// windowRanks returns the ranks [from, to) around quantile q of n sorted
// values: q ± (1-q)/4, at most ± 5 %, widened until 30 requests lie in it, at
// most to q ± (1-q).
func windowRanks(q float64, n int64) (from, to int64) {
	ranks := func(width float64) (int64, int64) {
		const rounding = 1e-9 // (0.9 + 0.1) · n is n
		low := int64(math.Floor((q-width)*float64(n) + rounding))
		high := int64(math.Ceil((q+width)*float64(n) - rounding))
		return max(low, 0), min(high, n)
	}
	width := min((1-q)/4, 0.05)
	for from, to = ranks(width); to-from < windowRequired && width < 1-q; from, to = ranks(width) {
		width = min(width+0.5/float64(max(n, 1)), 1-q)
	}
	return from, to
}

// window adds up the requests of the ranks [from, to) by their whole. Only those
// in the slices around them need sorting.
func (p population) window(cells []*cell, completeOnly bool, from, to int64) slice {
	var near []split
	var low, high int16
	below, first := int64(0), int64(0) // requests in lower slices, and in those below the window
	for _, s := range p.slices {
		if below <= from {
			low, first = s.bucket, below
		}
		if below < to {
			high = s.bucket
		}
		below += s.whole.n
	}
	for _, c := range cells {
		for _, x := range c.splits {
			if bucket := coarse(x.whole); low <= bucket && bucket <= high && (x.complete || !completeOnly) {
				near = append(near, x)
			}
		}
	}
	slices.SortFunc(near, split.compare)
	var sum slice
	for _, x := range near[from-first : to-first] {
		sum.add(x)
	}
	return sum
}

// rounded are the mean parts, rounded so that they add up to the mean.
func (f fractions) rounded(w whole) ([]PartMean, *int64) {
	mean := int64(math.Round(f.whole / f.n))
	left := mean
	answer := make([]PartMean, 0, len(w.known)+1)
	for i, name := range w.parts {
		ns := min(int64(math.Round(f.parts[i].sum/f.n)), left)
		left -= ns
		answer = append(answer, PartMean{Part: name, MeanNS: ns, Coverage: f.parts[i].n / f.n})
	}
	return append(answer, PartMean{Part: w.remainder, MeanNS: left, Coverage: 1}), &mean
}

// finding says in one sentence which part grows most from the first to the last
// quantile. It is empty if there are no two to compare.
func finding(w whole, compositions []QuantileComposition) string {
	var first, last *QuantileComposition
	for i := range compositions {
		if c := &compositions[i]; !c.WindowTooSmall && c.MeanNS != nil && *c.MeanNS > 0 {
			if first == nil {
				first = c
			}
			last = c
		}
	}
	if first == last {
		return ""
	}
	shareOf := func(c *QuantileComposition, i int) float64 { return float64(c.Parts[i].MeanNS) / float64(*c.MeanNS) }
	grown := 0
	for i := range last.Parts {
		if shareOf(last, i)-shareOf(first, i) > shareOf(last, grown)-shareOf(first, grown) {
			grown = i
		}
	}
	const noticeable = 0.05
	if shareOf(last, grown)-shareOf(first, grown) < noticeable {
		return fmt.Sprintf("requests around p%g are made of the same parts as those around p%g, only longer", 100*last.Q, 100*first.Q)
	}
	where := map[Part]string{
		PartNetwork: "on the network", PartQueue: "in the queue", PartPrefill: "in prefill", PartDecode: "in decode",
		PartUnattributed: "where the evidence cannot split it", PartRest: "where the evidence cannot split it",
	}[last.Parts[grown].Part]
	return fmt.Sprintf("requests around p%g spend %.0f %% of their time %s (p%g: %.0f %%)",
		100*last.Q, 100*shareOf(last, grown), where, 100*first.Q, 100*shareOf(first, grown))
}
