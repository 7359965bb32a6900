package query

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/phaseline/phaseline/internal/histogram"
)

// group is all that is known of one group of requests.
type group struct {
	key    key
	cell   *cell   // the whole range
	blocks []*cell // histograms by time block, in order
}

// groupReading is what groups are read for: their sums, latencies, and how those
// vary between time blocks.
func groupReading(p plan, metrics []Metric) reading {
	return reading{grid: blocks(p.covered, p.tier), numbers: true, sums: everything, histograms: metrics}
}

// busiest reads all groups over the whole range, without latencies, the busiest
// first.
func (e *Engine) busiest(ctx context.Context, s scope, p plan) ([]group, error) {
	read, err := e.readPlan(ctx, s, p, reading{numbers: true})
	if err != nil {
		return nil, err
	}
	return read.groups(), nil
}

// groups are the groups of the cells, the busiest first.
func (f *found) groups() []group {
	groups := make([]group, 0, len(f.cells))
	var sum histogram.Sum
	for k, blocks := range f.cells {
		g := group{key: k, cell: &cell{}}
		for _, number := range slices.Sorted(maps.Keys(blocks)) {
			g.blocks = append(g.blocks, blocks[number])
			g.cell.add(blocks[number])
		}
		for m := range g.cell.histograms {
			for _, b := range g.blocks {
				sum.Add(&b.histograms[m])
			}
			g.cell.histograms[m] = sum.Take()
		}
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(b.cell.counts.N, a.cell.counts.N), slices.Compare(a.key[:], b.key[:]))
	})
	return groups
}

// distribution sums up a metric of the group.
func (g group) distribution(m Metric, quantiles []float64) Distribution {
	a := g.cell.amount(m)
	d := Distribution{Metric: m, N: a.n, MeanNS: a.mean(), Quantiles: make([]Quantile, len(quantiles))}
	for i, q := range quantiles {
		d.Quantiles[i] = g.quantile(q, m)
	}
	return d
}

// quantile describes a quantile of a metric of the group.
func (g group) quantile(q float64, m Metric) Quantile {
	all := g.cell.histogram(m)
	answer := Quantile{Q: q, ValueNS: value(q, m, all, g.blocks...), Required: histogram.Required(q), TooSmall: true}
	blocks := make([]*histogram.Histogram, len(g.blocks))
	for i, b := range g.blocks {
		blocks[i] = b.histogram(m)
	}
	phi, ok := histogram.Overdispersion(all, blocks, q)
	if !ok {
		return answer
	}
	effective := histogram.Effective(all.N(), phi)
	answer.Overdispersion, answer.Effective = &phi, &effective
	if low, high, ok := all.QuantileInterval(q, phi); ok {
		answer.LowNS, answer.HighNS, answer.TooSmall = &low, &high, false
	}
	return answer
}

func (a amount) mean() *int64 {
	if a.n == 0 {
		return nil
	}
	mean, _ := a.sum.mean(a.n)
	return &mean
}

func share(n, of int64) *float64 {
	if of == 0 {
		return nil
	}
	s := float64(n) / float64(of)
	return &s
}

func (c *cell) coverage() Coverage {
	of := func(m Metric) *float64 { return share(c.amount(m).n, c.counted) }
	return Coverage{TTFT: of(TTFT), TPOT: of(TPOT), Network: of(Network), Queue: of(Queue), Prefill: of(Prefill), Decode: of(Decode)}
}

// describe fills in what an answer says about the requests it rests on.
func (m *Meta) describe(groups []group) {
	all := &cell{}
	for _, g := range groups {
		all.add(g.cell)
	}
	m.describeCell(all)
}

func (m *Meta) describeCell(c *cell) {
	m.N, m.Counted, m.Coverage = c.counts.N, c.counted, c.coverage()
	if m.EstimatedRows == 0 {
		m.EstimatedRows = m.N // the range was too short to need an estimate
	}
}

// totalParts are the mean phases of the counted requests.
func (c *cell) totalParts() []PartMean {
	return partMeans(*c.amount(Total), PartUnattributed, []part{
		{PartNetwork, *c.amount(Network)}, {PartQueue, *c.amount(Queue)},
		{PartPrefill, *c.amount(Prefill)}, {PartDecode, *c.amount(Decode)},
	})
}

// ttftParts are the mean parts of TTFT of the counted requests that have one.
func (c *cell) ttftParts() []PartMean {
	return partMeans(*c.amount(TTFT), PartRest, []part{
		{PartNetwork, c.amounts[ttftNetwork]}, {PartQueue, c.amounts[ttftQueue]}, {PartPrefill, c.amounts[ttftPrefill]},
	})
}

// part is how many requests have a part, and its sum over them.
type part struct {
	name Part
	amount
}

// partMeans divides a whole into known parts and a remainder, exactly.
func partMeans(whole amount, remainder Part, known []part) []PartMean {
	answer := make([]PartMean, 0, len(known)+1)
	if whole.n == 0 {
		return answer
	}
	sums := make([]sum, 0, len(known)+1)
	left := whole.sum
	for _, p := range known {
		sums = append(sums, p.sum)
		left = left.minus(p.sum)
	}
	each, _ := means(append(sums, left), whole.n)
	for i, p := range known {
		answer = append(answer, PartMean{Part: p.name, MeanNS: each[i], Coverage: float64(p.n) / float64(whole.n)})
	}
	return append(answer, PartMean{Part: remainder, MeanNS: each[len(known)], Coverage: 1})
}
