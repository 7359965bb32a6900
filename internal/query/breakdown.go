package query

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Breakdown answers with counts, latencies and mean compositions per group.
func (e *Engine) Breakdown(ctx context.Context, b Breakdown) (BreakdownAnswer, error) {
	s, err := e.check(b.Scope, b.GroupBy)
	if err != nil {
		return BreakdownAnswer{}, err
	}
	metrics, err := checkMetrics(b.Metrics)
	if err != nil {
		return BreakdownAnswer{}, err
	}
	quantiles, err := checkQuantiles(b.Quantiles, 0.5, 0.9, 0.95, 0.99)
	if err != nil {
		return BreakdownAnswer{}, err
	}
	limit, err := checkLimit(b.Limit, 100, e.limits.Groups)
	if err != nil {
		return BreakdownAnswer{}, err
	}
	sorted, err := checkOrder(b.Sort, metrics)
	if err != nil {
		return BreakdownAnswer{}, err
	}

	p, read, err := e.answer(ctx, s, e.planned(s, 0), func(p plan) reading { return groupReading(p, metrics) })
	if err != nil {
		return BreakdownAnswer{}, err
	}
	groups := read.groups()
	answer := BreakdownAnswer{Meta: p.meta(read), Groups: make([]BreakdownGroup, 0, min(limit, len(groups)))}
	answer.describe(groups)
	for _, g := range groups {
		answer.Groups = append(answer.Groups, g.breakdown(s, p.covered.length(), metrics, quantiles))
	}
	slices.SortStableFunc(answer.Groups, sorted.compare)
	if len(groups) > limit {
		answer.Omitted = int64(len(groups) - limit)
		answer.Groups = answer.Groups[:limit]
	}
	return answer, nil
}

func checkMetrics(given []Metric) ([]Metric, error) {
	if len(given) == 0 {
		return Metrics, nil
	}
	for i, m := range given {
		if _, err := checkMetric(m, "", Metrics); err != nil {
			return nil, err
		}
		if slices.Contains(given[:i], m) {
			return nil, invalid("metric", "%s is given twice", m)
		}
	}
	return given, nil
}

// order is what groups are sorted by: a metric's last quantile, errors or n.
type order struct {
	by         string
	descending bool
}

func checkOrder(text string, metrics []Metric) (order, error) {
	if text == "" {
		text = "-n"
	}
	by, descending := strings.CutPrefix(text, "-")
	if by != "n" && by != "errors" && !slices.Contains(metrics, Metric(by)) {
		err := invalid("sort", "groups cannot be sorted by %q here; a leading - sorts descending", text)
		err.Allowed = []string{"n", "errors"}
		for _, m := range metrics {
			err.Allowed = append(err.Allowed, string(m))
		}
		return order{}, err
	}
	return order{by, descending}, nil
}

// compare orders two groups; those without a value come last either way.
func (o order) compare(a, b BreakdownGroup) int {
	x, y := o.value(a), o.value(b)
	switch {
	case x == nil || y == nil:
		return cmp.Compare(boolInt(x == nil), boolInt(y == nil))
	case o.descending:
		return cmp.Compare(*y, *x)
	}
	return cmp.Compare(*x, *y)
}

func (o order) value(g BreakdownGroup) *int64 {
	switch o.by {
	case "n":
		return &g.Counts.N
	case "errors":
		return &g.Counts.Errors
	}
	for _, d := range g.Metrics {
		if d.Metric == Metric(o.by) {
			return d.Quantiles[len(d.Quantiles)-1].ValueNS
		}
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (g group) breakdown(s scope, covered time.Duration, metrics []Metric, quantiles []float64) BreakdownGroup {
	c := g.cell
	b := BreakdownGroup{
		Labels:        s.label(g.key),
		Counts:        c.counts,
		Counted:       c.counted,
		RatePerSecond: float64(c.counts.N) / covered.Seconds(),
		ErrorRate:     share(c.counts.Errors, c.counts.N),
		Coverage:      c.coverage(),
		TotalParts:    c.totalParts(),
		TTFTParts:     c.ttftParts(),

		MeanInputTokens:  c.amounts[inputTokens].mean(),
		MeanOutputTokens: c.amounts[outputTokens].mean(),
	}
	for _, m := range metrics {
		b.Metrics = append(b.Metrics, g.distribution(m, quantiles))
	}
	return b
}
