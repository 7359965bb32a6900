package query

import (
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"github.com/phaseline/phaseline/internal/histogram"
)

// group is all that is known of one group of requests.
type group struct {
	key    key
	cell   *cell   // the whole range
	blocks []*cell // its time blocks that have requests, in order
	// exact are the quantiles of each metric asked for; nil from the hours table,
	// where the histograms answer.
	exact [][]int64
}

// groups reads every group, the busiest first.
func (e *Engine) groups(ctx context.Context, s scope, p plan, metrics []Metric, quantiles []float64) ([]group, error) {
	var exact map[place][][]int64
	var read cells
	// Both at a time: on a short range each is too small for a second core.
	both, ctx := errgroup.WithContext(ctx)
	if p.tier == TierRequests {
		both.Go(func() (err error) {
			exact, err = e.exactQuantiles(ctx, s, grid{}, metrics, quantiles, nil)
			return err
		})
	}
	both.Go(func() (err error) {
		read, err = e.readPlan(ctx, s, p, blocks(p.covered, p.tier), metrics, nil)
		return err
	})
	if err := both.Wait(); err != nil {
		return nil, err
	}
	groups := make([]group, 0, len(read))
	for k, blocks := range read {
		g := group{key: k, cell: &cell{}, exact: exact[place{key: k}]}
		numbers := make([]int64, 0, len(blocks))
		for number := range blocks {
			numbers = append(numbers, number)
		}
		slices.Sort(numbers)
		for _, number := range numbers {
			g.cell.merge(blocks[number])
			g.blocks = append(g.blocks, blocks[number])
		}
		groups = append(groups, g)
	}
	slices.SortFunc(groups, busiestFirst)
	return groups, nil
}

// place is a group and a time block.
type place struct {
	key   key
	block int64
}

// exactQuantiles reads the quantiles of each metric by group and time block;
// with the zero grid, over the whole range as block 0. A metric that no counted
// request of the place has gives meaningless values.
func (e *Engine) exactQuantiles(ctx context.Context, s scope, g grid, metrics []Metric, quantiles []float64, keys []key) (map[place][][]int64, error) {
	q := &statement{most: e.groupRows(keys)}
	q.add("SELECT ")
	s.labels(q, TierRequests)
	if g.width > 0 {
		g.block(q)
	} else {
		q.add("toInt64(0)")
	}
	q.add(" AS block, ")
	list(q, ", ", metrics, func(m Metric) {
		q.add("quantilesExactIf(")
		list(q, ", ", quantiles, func(level float64) { q.bind("Float64", level) })
		q.add(")(", metricColumns[m], ", ")
		s.counted(q)
		q.add(")")
	})
	s.from(q, s.Range)
	s.only(q, keys)
	s.groupBy(q, "block")

	found := map[place][][]int64{}
	err := e.read(ctx, q, func(rows driver.Rows) error {
		var at place
		values := make([][]int64, len(metrics))
		dest := append(s.scan(&at.key), &at.block)
		for i := range values {
			dest = append(dest, &values[i])
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		found[at] = values
		return nil
	})
	return found, err
}

// distribution sums up a metric of the group, the one of that number among
// those asked for.
func (g group) distribution(number int, m Metric, quantiles []float64) Distribution {
	a := g.cell.amount(m)
	d := Distribution{Metric: m, N: a.n, MeanNS: a.mean(), Quantiles: make([]Quantile, len(quantiles))}
	histograms := make([]*histogram.Histogram, len(g.blocks))
	for i, b := range g.blocks {
		histograms[i] = b.histogram(m)
	}
	for i, q := range quantiles {
		var exact *int64
		if g.exact != nil && a.n > 0 {
			exact = &g.exact[number][i]
		}
		d.Quantiles[i] = quantile(q, g.cell.histogram(m), histograms, exact)
	}
	return d
}

// quantile describes quantile q of a histogram, whose time blocks are given.
// Its value is the exact one where that is known.
func quantile(q float64, all *histogram.Histogram, blocks []*histogram.Histogram, exact *int64) Quantile {
	answer := Quantile{Q: q, ValueNS: exact, Required: histogram.Required(q), TooSmall: true}
	if answer.ValueNS == nil {
		if v, ok := all.Quantile(q); ok {
			answer.ValueNS = &v
		}
	}
	phi, ok := histogram.Overdispersion(blocks, q)
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
		all.merge(g.cell)
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
		{PartNetwork, c.ttftNetwork}, {PartQueue, c.ttftQueue}, {PartPrefill, c.ttftPrefill},
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
