package query

import (
	"context"
	"math"

	"github.com/phaseline/phaseline/internal/histogram"
)

// heatmapRows is about how many buckets a heatmap shows: more cannot be told apart.
const heatmapRows = 64

// Heatmap answers with counts per step and log bucket.
func (e *Engine) Heatmap(ctx context.Context, h Heatmap) (HeatmapAnswer, error) {
	s, err := e.check(h.Scope, nil)
	if err != nil {
		return HeatmapAnswer{}, err
	}
	metric, err := checkMetric(h.Metric, TTFT, Metrics)
	if err != nil {
		return HeatmapAnswer{}, err
	}
	steps, err := e.steps(s.Range, h.Step)
	if err != nil {
		return HeatmapAnswer{}, err
	}
	p, read, err := e.answer(ctx, s, func(ctx context.Context) (p plan, err error) {
		steps, p, err = e.planSteps(ctx, s, steps, h.Step == 0)
		return p, err
	}, func(plan) reading { return reading{grid: steps.grid(), numbers: true, histograms: []Metric{metric}} })
	if err != nil {
		return HeatmapAnswer{}, err
	}

	answer := HeatmapAnswer{Meta: p.meta(read), Metric: metric, StepNS: int64(steps.step), Times: steps.times(), Buckets: []Bucket{}}
	groups := read.groups()
	answer.describe(groups)
	var low, high int32
	ok := false
	if len(groups) > 0 {
		low, high, ok = groups[0].cell.histogram(metric).Extent()
	}
	shift := 0
	for ok && (high>>shift)-(low>>shift) >= heatmapRows {
		shift++
	}
	first := low >> shift
	if ok {
		for i := first; i <= high>>shift; i++ {
			answer.Buckets = append(answer.Buckets, bucketOf(i, shift))
		}
	}
	answer.Counts = make([][]int64, len(answer.Times))
	for i := range answer.Counts {
		answer.Counts[i] = make([]int64, len(answer.Buckets))
		if c := read.cells[key{}][int64(i)]; c != nil {
			for index, n := range c.histogram(metric).All() {
				answer.Counts[i][index>>shift-first] += n
			}
		}
	}
	return answer, nil
}

// bucketOf returns the ends of 1<<shift buckets together, as integers that no
// duration lies between: a rectangle along these bounds holds what they count
// (zeros too, since a lower bound of 0 is none).
func bucketOf(i int32, shift int) Bucket {
	low, _ := histogram.Bounds(i << shift)
	_, high := histogram.Bounds((i+1)<<shift - 1)
	return Bucket{LowNS: int64(math.Floor(low)), HighNS: int64(math.Floor(high))}
}
