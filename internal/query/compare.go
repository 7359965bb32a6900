package query

import (
	"cmp"
	"context"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/phaseline/phaseline/internal/histogram"
)

// Compare answers with both sides, the difference of their means and of their
// compositions at each quantile, who owns it, and what of it is only a changed
// mix of work.
func (e *Engine) Compare(ctx context.Context, c Compare) (CompareAnswer, error) {
	metric, err := checkMetric(c.Metric, TTFT, []Metric{TTFT, Total})
	if err != nil {
		return CompareAnswer{}, err
	}
	quantiles, err := checkQuantiles(c.Quantiles, 0.5, 0.9, 0.95, 0.99)
	if err != nil {
		return CompareAnswer{}, err
	}
	w := wholes[metric]
	var a, b *side
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) { a, err = e.side(ctx, c.A, w, quantiles); return err })
	both.Go(func() (err error) { b, err = e.side(ctx, c.B, w, quantiles); return err })
	if err := both.Wait(); err != nil {
		return CompareAnswer{}, err
	}
	answer := CompareAnswer{Metric: metric, A: a.answer, B: b.answer, Quantiles: []QuantileDifference{}}
	if x, y := a.mean(), b.mean(); len(x.parts) > 0 && len(y.parts) > 0 {
		found := difference(x, y)
		answer.Mean = &found
	}
	for i, q := range quantiles {
		x, y := a.answer.Composition.Compositions[i], b.answer.Composition.Compositions[i]
		d := QuantileDifference{Q: q}
		if x.ValueNS != nil && y.ValueNS != nil {
			ns := *y.ValueNS - *x.ValueNS
			d.ValueNS = &ns
		}
		if !x.WindowTooSmall && !y.WindowTooSmall && x.MeanNS != nil && y.MeanNS != nil {
			found := difference(a.around(x), b.around(y))
			d.Difference = &found
		}
		answer.Quantiles = append(answer.Quantiles, d)
	}
	answer.Mix = mix(a, b)
	return answer, nil
}

// side is one of the two sets of requests, by time block and by stratum.
type side struct {
	answer Side
	whole  slice             // all its requests that have the metric
	blocks map[int64][]slice // time blocks that have requests
	only   bool              // compositions are over the complete ones
	strata map[stratum]slice
}

type stratum struct {
	model string
	input int8
}

func (e *Engine) side(ctx context.Context, given Scope, w whole, quantiles []float64) (*side, error) {
	s, err := e.check(given, nil)
	if err != nil {
		return nil, err
	}
	p, read, err := e.answer(ctx, s, e.planned(s, 0), func(p plan) reading {
		r := groupReading(p, Metrics)
		r.whole, r.slicings = w, []slicing{{grid: r.grid}, {strata: true}}
		return r
	})
	if err != nil {
		return nil, err
	}
	groups := read.groups()
	if len(groups) == 0 {
		groups = []group{{cell: &cell{}}}
	}
	g := groups[0]
	x := &side{blocks: map[int64][]slice{}, strata: map[stratum]slice{}}
	x.answer = Side{Meta: p.meta(read), Counts: g.cell.counts, Composition: compositions(s, w, read, groups, quantiles)[0]}
	x.answer.describe(groups)
	x.only = x.answer.Composition.CompleteOnly
	for _, m := range Metrics {
		x.answer.Metrics = append(x.answer.Metrics, g.distribution(m, quantiles))
	}
	for _, b := range read.slices[0] {
		x.whole.merge(b)
		x.blocks[b.block] = append(x.blocks[b.block], b)
	}
	x.answer.MeanParts = x.whole.means(w)
	x.answer.Blocks = len(x.blocks)
	for _, b := range read.slices[1] {
		at := stratum{b.key[0], b.input}
		merged := x.strata[at]
		merged.merge(b)
		x.strata[at] = merged
	}
	return x, nil
}

// level is a mean, its parts, and how far each may be off.
type level struct {
	parts []PartMean
	// errors are the variances of the parts and, last, of the whole, by a
	// jackknife over time blocks; nil if those are too few.
	errors  []float64
	degrees float64 // of freedom
}

// mean is the level of all requests of the side.
func (x *side) mean() level {
	return x.level(x.answer.MeanParts, false, func(p population) fractions { return p.around(0, p.size) })
}

// around is the level of the requests around a quantile.
func (x *side) around(c QuantileComposition) level {
	return x.level(c.Parts, x.only, func(p population) fractions { return p.around(windowRanks(c.Q, p.size)) })
}

// all merges the time blocks.
func (x *side) all(onlyComplete bool) population {
	var read []slice
	for _, b := range x.blocks {
		read = append(read, b...)
	}
	return populationOf(read, onlyComplete)
}

// level estimates anew without each time block in turn. Neighbouring requests
// waited in the same queue, so blocks and not requests are what is independent.
func (x *side) level(parts []PartMean, onlyComplete bool, estimate func(population) fractions) level {
	l := level{parts: parts}
	if len(x.blocks) < histogram.MinBlocks {
		return l
	}
	all := x.all(onlyComplete)
	var samples [][]float64
	for _, b := range x.blocks {
		left := all.without(populationOf(b, onlyComplete))
		if left.size == 0 {
			return l
		}
		samples = append(samples, estimate(left).means(len(parts)-1))
	}
	n := float64(len(samples))
	l.degrees = n - 1
	for i := range samples[0] {
		values := make([]float64, len(samples))
		for j, s := range samples {
			values[j] = s[i]
		}
		l.errors = append(l.errors, (n-1)*(n-1)/n*stat.Variance(values, nil))
	}
	return l
}

// difference is B - A with its parts.
func difference(a, b level) Difference {
	var d Difference
	var before int64
	for i := range b.parts {
		p := PartDifference{Part: b.parts[i].Part, Estimate: estimate(b.parts[i].MeanNS-a.parts[i].MeanNS, a, b, i)}
		d.Parts = append(d.Parts, p)
		before += a.parts[i].MeanNS
		d.NS += p.NS
	}
	d.Estimate = estimate(d.NS, a, b, len(b.parts))
	for i := range d.Parts {
		if d.NS != 0 {
			share := float64(d.Parts[i].NS) / float64(d.NS)
			d.Parts[i].Share = &share
		}
	}
	if before > 0 {
		relative := float64(d.NS) / float64(before)
		d.Relative = &relative
		if d.LowNS != nil {
			bound := float64(max(-*d.LowNS, *d.HighNS)) / float64(before)
			d.RelativeBound = &bound
		}
	}
	d.Owner = d.owner()
	return d
}

// estimate gives a difference its interval: Welch's, of number i of the errors.
func estimate(ns int64, a, b level, i int) Estimate {
	e := Estimate{NS: ns}
	if a.errors == nil || b.errors == nil {
		return e
	}
	half := 0.0
	if sum := a.errors[i] + b.errors[i]; sum > 0 {
		degrees := sum * sum / (a.errors[i]*a.errors[i]/a.degrees + b.errors[i]*b.errors[i]/b.degrees)
		half = math.Sqrt(sum) * distuv.StudentsT{Sigma: 1, Nu: degrees}.Quantile(0.975)
	}
	low, high := int64(math.Floor(float64(ns)-half)), int64(math.Ceil(float64(ns)+half))
	e.LowNS, e.HighNS = &low, &high
	return e
}

// excludesZero says that the difference is real, with 95 % confidence.
func (e Estimate) excludesZero() bool {
	return e.LowNS != nil && (*e.LowNS > 0 || *e.HighNS < 0)
}

func (d Difference) owner() string {
	if !d.excludesZero() {
		return OwnerNone
	}
	owner, most := OwnerShared, 0.5
	for _, p := range d.Parts {
		if p.excludesZero() && *p.Share >= most {
			owner, most = string(p.Part), *p.Share
		}
	}
	return owner
}

// strataShown is how many strata an answer lists.
const strataShown = 20

// mix compares like with like: both sides at B's mix of models and uncached
// input tokens. What is left of the difference is the shift of the mix.
func mix(a, b *side) Mix {
	m := Mix{Strata: []Stratum{}}
	if a.whole.whole.n == 0 || b.whole.whole.n == 0 {
		return m
	}
	all := map[stratum]bool{}
	for s := range a.strata {
		all[s] = true
	}
	for s := range b.strata {
		all[s] = true
	}
	var common int64
	var weighted float64
	weight := map[Stratum]float64{}
	for s := range all {
		x, y := a.strata[s].whole, b.strata[s].whole
		row := Stratum{
			Model: s.model, InputBucket: inputBucketName(s.input),
			AShare: float64(x.n) / float64(a.whole.whole.n), BShare: float64(y.n) / float64(b.whole.whole.n),
			AMeanNS: x.mean(), BMeanNS: y.mean(),
		}
		if x.n > 0 && y.n > 0 {
			common += y.n
			weighted += float64(y.n) * (y.sum.float()/float64(y.n) - x.sum.float()/float64(x.n))
		}
		m.Strata = append(m.Strata, row)
		weight[row] = math.Abs(row.BShare*float64(orZero(row.BMeanNS)) - row.AShare*float64(orZero(row.AMeanNS)))
	}
	slices.SortFunc(m.Strata, func(x, y Stratum) int {
		return cmp.Or(cmp.Compare(weight[y], weight[x]), cmp.Compare(x.Model, y.Model), cmp.Compare(x.InputBucket, y.InputBucket))
	})
	m.Strata = m.Strata[:min(len(m.Strata), strataShown)]
	m.Compared = share(common, b.whole.whole.n)
	if common > 0 {
		within := int64(math.Round(weighted / float64(common)))
		shift := *b.whole.whole.mean() - *a.whole.whole.mean() - within
		m.WithinNS, m.ShiftNS = &within, &shift
	}
	return m
}

func inputBucketName(number int8) string {
	if number < 0 {
		return ""
	}
	return inputBucketNames[number]
}
