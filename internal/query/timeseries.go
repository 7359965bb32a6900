package query

import (
	"context"
	"time"
)

// TimeSeries answers with counts, quantiles and mean parts per step and group.
func (e *Engine) TimeSeries(ctx context.Context, t TimeSeries) (TimeSeriesAnswer, error) {
	s, err := e.check(t.Scope, t.GroupBy)
	if err != nil {
		return TimeSeriesAnswer{}, err
	}
	metric, err := checkMetric(t.Metric, TTFT, Metrics)
	if err != nil {
		return TimeSeriesAnswer{}, err
	}
	quantiles, err := checkQuantiles(t.Quantiles, 0.5, 0.9, 0.95, 0.99)
	if err != nil {
		return TimeSeriesAnswer{}, err
	}
	limit, err := checkLimit(t.Limit, 10, e.limits.Groups)
	if err != nil {
		return TimeSeriesAnswer{}, err
	}
	steps, err := e.steps(s.Range, t.Step)
	if err != nil {
		return TimeSeriesAnswer{}, err
	}
	if most := e.limits.seriesPoints() / int64(len(steps.times())); int64(limit) > most && len(s.groups) > 0 {
		return TimeSeriesAnswer{}, tooLarge("limit", "%d series of %d steps are too many points; at most %d series, or a longer step", limit, len(steps.times()), most)
	}
	steps, p, err := e.planSteps(ctx, s, steps, t.Step == 0)
	if err != nil {
		return TimeSeriesAnswer{}, err
	}
	wanted := reading{grid: steps.grid(), numbers: true, sums: madeOf(metric), histograms: []Metric{metric}}
	// Which groups to show must be known first; a single series shows itself.
	var all []group
	if len(s.groups) > 0 {
		if all, err = e.busiest(ctx, s, p); err != nil {
			return TimeSeriesAnswer{}, err
		}
		if len(all) > limit {
			for _, g := range all[:limit] {
				wanted.keys = append(wanted.keys, g.key)
			}
		}
	}
	read, err := e.readPlan(ctx, s, p, wanted)
	if err != nil {
		return TimeSeriesAnswer{}, err
	}
	if len(s.groups) == 0 {
		all = read.groups()
	}
	answer := TimeSeriesAnswer{Meta: p.meta(read), Metric: metric, StepNS: int64(steps.step), Times: steps.times(), Series: []Series{}}
	answer.describe(all)
	shown := all[:min(limit, len(all))]
	answer.Omitted = int64(len(all) - len(shown))
	for _, g := range shown {
		series := newSeries(s.label(g.key), metric, quantiles, len(answer.Times))
		for i := range answer.Times {
			if c := read.cells[g.key][int64(i)]; c != nil {
				series.set(i, c, metric)
			}
		}
		answer.Series = append(answer.Series, series)
	}
	return answer, nil
}

func newSeries(labels []Label, metric Metric, quantiles []float64, n int) Series {
	s := Series{
		Labels: labels, N: make([]int64, n), Errors: make([]int64, n), Counted: make([]int64, n),
		MeanNS: make([]*int64, n), Quantiles: make([]SeriesQuantile, len(quantiles)),
	}
	for i, q := range quantiles {
		s.Quantiles[i] = SeriesQuantile{Q: q, ValuesNS: make([]*int64, n)}
	}
	for _, p := range partsOf(metric) {
		s.Parts = append(s.Parts, SeriesPart{Part: p, MeanNS: make([]*int64, n)})
	}
	return s
}

// set fills step i.
func (s *Series) set(i int, c *cell, metric Metric) {
	a := c.amount(metric)
	s.N[i], s.Errors[i], s.Counted[i], s.MeanNS[i] = c.counts.N, c.counts.Errors, a.n, a.mean()
	if a.n == 0 {
		return
	}
	for j := range s.Quantiles {
		s.Quantiles[j].ValuesNS[i] = value(s.Quantiles[j].Q, metric, c.histogram(metric), c)
	}
	parts := c.totalParts()
	if metric == TTFT {
		parts = c.ttftParts()
	}
	for j := range parts {
		s.Parts[j].MeanNS[i] = &parts[j].MeanNS
	}
}

// partsOf are the parts that a metric's composition has, in their order.
func partsOf(m Metric) []Part {
	if m == TTFT {
		return []Part{PartNetwork, PartQueue, PartPrefill, PartRest}
	}
	return []Part{PartNetwork, PartQueue, PartPrefill, PartDecode, PartUnattributed}
}

// steps divides a range: the first step begins at a multiple of its width, at
// or before the range.
type steps struct {
	from time.Time
	to   time.Time
	step time.Duration
}

// niceSteps are the widths chosen by default.
var niceSteps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
}

func (e *Engine) steps(r Range, step time.Duration) (steps, error) {
	switch {
	case step < 0:
		return steps{}, invalid("step", "%s is not positive", step)
	case step == 0:
		const points = 120
		step = niceSteps[len(niceSteps)-1]
		for _, nice := range niceSteps {
			// Beyond a day from whole hours, which the hours table answers.
			if r.length()/nice <= points && (r.length() <= 24*time.Hour || nice >= time.Hour) {
				step = nice
				break
			}
		}
	}
	if n := int64(r.length() / step); n > e.limits.Points {
		return steps{}, tooLarge("step", "%s divides the range into %d steps; at most %d, so %s or longer", step, n, e.limits.Points,
			(r.length()/time.Duration(e.limits.Points)).Round(time.Millisecond)+time.Millisecond)
	}
	from := time.Unix(0, r.From.UnixNano()/int64(step)*int64(step)).UTC()
	return steps{from: from, to: r.To, step: step}, nil
}

// planSteps chooses from where steps are read. Where nobody asked for their width
// and a long range has very many requests, it becomes an hour, so that the hours
// table answers.
func (e *Engine) planSteps(ctx context.Context, s scope, by steps, free bool) (steps, plan, error) {
	p, err := e.plan(ctx, s, by.step)
	if err != nil || !free || p.tier == TierHours || p.estimate <= 4*e.limits.ExactRows || s.Range.length() < 12*time.Hour || !s.answeredByHours() {
		return by, p, err
	}
	if by, err = e.steps(s.Range, time.Hour); err != nil {
		return steps{}, plan{}, err
	}
	p, err = e.plan(ctx, s, by.step)
	return by, p, err
}

func (s steps) grid() grid { return grid{s.from.UnixNano(), int64(s.step)} }

// times are the starts of all steps.
func (s steps) times() []time.Time {
	times := []time.Time{}
	for t := s.from; t.Before(s.to); t = t.Add(s.step) {
		times = append(times, t)
	}
	return times
}
