package query

import (
	"context"
	"fmt"
	"math"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/phaseline/phaseline/internal/histogram"
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
	p, err := e.plan(ctx, s, 0)
	if err != nil {
		return CompositionAnswer{}, err
	}
	groups, err := e.groups(ctx, s, p, []Metric{metric}, quantiles)
	if err != nil {
		return CompositionAnswer{}, err
	}
	answer := CompositionAnswer{Meta: p.meta(), Metric: metric}
	answer.describe(groups)
	if len(groups) > limit {
		answer.Omitted = int64(len(groups) - limit)
		groups = groups[:limit]
	}
	answer.Groups, err = e.compositions(ctx, s, p, wholes[metric], groups, quantiles)
	return answer, err
}

// compositions takes groups apart, whose metric 0 is the whole.
func (e *Engine) compositions(ctx context.Context, s scope, p plan, w whole, groups []group, quantiles []float64) ([]CompositionGroup, error) {
	keys := make([]key, len(groups))
	for i, g := range groups {
		keys[i] = g.key
	}
	read, err := e.readSlices(ctx, s, p, w, finer{}, keys)
	if err != nil {
		return nil, err
	}
	byKey := map[key][]slice{}
	for _, x := range read {
		byKey[x.key] = append(byKey[x.key], x)
	}

	answer := make([]CompositionGroup, len(groups))
	populations := make([]population, len(groups))
	var windows []window
	for i, g := range groups {
		e := weigh(byKey[g.key])
		populations[i] = populationOf(byKey[g.key], e.completeOnly)
		answer[i] = CompositionGroup{Labels: s.label(g.key), N: e.n, Complete: e.complete, CompleteOnly: e.completeOnly}
		described := g.distribution(0, w.metric, quantiles)
		for j, q := range quantiles {
			from, to := windowRanks(q, populations[i].size)
			c := QuantileComposition{Quantile: described.Quantiles[j], Parts: []PartMean{}, WindowRequired: windowRequired,
				Window: to - from, FromRank: from, ToRank: to, WindowTooSmall: to-from < windowRequired}
			answer[i].Compositions = append(answer[i].Compositions, c)
			if !c.WindowTooSmall {
				x := populations[i].window(from, to)
				x.key, x.completeOnly, x.place = g.key, e.completeOnly, [2]int{i, j}
				windows = append(windows, x)
			}
		}
	}

	if p.tier == TierRequests {
		err = e.readWindows(ctx, s, w, windows)
	}
	for _, x := range windows {
		c := &answer[x.place[0]].Compositions[x.place[1]]
		if p.tier == TierRequests {
			c.Parts, c.MeanNS = x.exact.means(w), x.exact.whole.mean()
		} else {
			c.Parts, c.MeanNS = populations[x.place[0]].around(x.from, x.to).rounded(w)
		}
	}
	for i := range answer {
		answer[i].Finding = finding(w, answer[i].Compositions)
	}
	return answer, err
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

// window is one window of ranks to be read exactly.
type window struct {
	key          key
	from, to     int64
	low, high    int64 // ns: its requests have low < whole <= high
	below        int64 // requests of the population at or below low
	completeOnly bool
	place        [2]int
	exact        slice
}

// window bounds the ranks by durations, so that only the requests near them
// need sorting.
func (p population) window(from, to int64) window {
	x := window{from: from, to: to}
	var below int64
	for _, s := range p.slices {
		const fine = 1 << (histogram.Scale - histogram.CoarseScale)
		if below <= from {
			low, _ := histogram.Bounds(int32(s.bucket) * fine)
			x.low, x.below = int64(math.Floor(low)), below
			if s.bucket < 0 {
				x.low = -1
			}
		}
		if below < to {
			_, high := histogram.Bounds(int32(s.bucket)*fine + fine - 1)
			x.high = int64(math.Floor(high))
		}
		below += s.whole.n
	}
	return x
}

// readWindows reads the exact sums over each window's ranks; requests that take
// equally long are in order of their ids.
func (e *Engine) readWindows(ctx context.Context, s scope, w whole, windows []window) error {
	if len(windows) == 0 {
		return nil
	}
	var keys [][]string
	var lows, highs, belows, froms, tos []int64
	var completes []bool
	for _, x := range windows {
		keys = append(keys, x.key[:len(s.groups)])
		lows, highs, belows = append(lows, x.low), append(highs, x.high), append(belows, x.below)
		froms, tos = append(froms, x.from), append(tos, x.to)
		completes = append(completes, x.completeOnly)
	}
	q := &statement{}
	q.add("SELECT number, count(), toUInt64(sum(whole))")
	for i := range w.known {
		q.add(", countIf(isNotNull(", partNames[i], ")), toUInt64(ifNull(sum(", partNames[i], "), 0))")
	}
	q.add(" FROM (SELECT number, whole, first, past")
	for i := range w.known {
		q.add(", ", partNames[i])
	}
	q.add(", below + toInt64(row_number() OVER (PARTITION BY number ORDER BY whole, trace_id, span_id)) - 1 AS rank FROM (SELECT ")
	s.labels(q, TierRequests)
	q.add("[")
	list(q, ", ", groupNames[:len(s.groups)], func(f fragment) { q.add(f) })
	q.add("]::Array(String) AS label, assumeNotNull(", w.column, ") AS whole, (", w.complete, ") AS complete, trace_id, span_id")
	for i, c := range w.columns {
		q.add(", ", c, " AS ", partNames[i])
	}
	s.from(q, s.Range)
	q.add(" AND ")
	s.counted(q)
	q.add(" AND isNotNull(", w.column, ")) AS r INNER JOIN (SELECT w.1 AS label, w.2 AS low, w.3 AS high, w.4 AS below, w.5 AS first, w.6 AS past, w.7 AS only, w.8 AS number FROM (SELECT arrayJoin(arrayZip(")
	q.bind("Array(Array(String))", keys).add(", ").bind("Array(Int64)", lows).add(", ").bind("Array(Int64)", highs).add(", ")
	q.bind("Array(Int64)", belows).add(", ").bind("Array(Int64)", froms).add(", ").bind("Array(Int64)", tos).add(", ")
	q.bind("Array(Bool)", completes).add(", range(").bind("UInt64", len(windows)).add("))) AS w)) AS windows USING (label) ")
	q.add("WHERE whole > low AND whole <= high AND (complete OR NOT only)) WHERE rank >= first AND rank < past GROUP BY number")
	return e.read(ctx, q, func(rows driver.Rows) error {
		var number, n, sum uint64
		parts := make([]struct{ n, sum uint64 }, len(w.known))
		dest := []any{&number, &n, &sum}
		for i := range parts {
			dest = append(dest, &parts[i].n, &parts[i].sum)
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		x := &windows[number].exact
		x.whole.n = int64(n)
		x.whole.sum.add(sum)
		for i, p := range parts {
			x.parts[i].n = int64(p.n)
			x.parts[i].sum.add(p.sum)
		}
		return nil
	})
}

// rounded are the mean parts, rounded so that they add up to the mean.
func (f fractions) rounded(w whole) ([]PartMean, *int64) {
	mean := int64(math.Round(f.whole / f.n))
	left := mean
	answer := make([]PartMean, 0, len(w.known)+1)
	for i, name := range w.known {
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
