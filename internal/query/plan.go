package query

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/phaseline/phaseline/internal/histogram"
)

// plan says from which table which part of a range is read.
type plan struct {
	tier     Tier
	estimate int64
	// hours is read from the hours table, edges from requests. Together they are
	// the range, without overlap.
	hours Range
	edges []Range
}

func (p plan) meta(s scope) Meta {
	m := Meta{Range: s.Range, Tier: p.tier, EstimatedRows: p.estimate}
	if p.tier == TierHours {
		m.ErrorBound = histogram.ErrorBound
	}
	return m
}

// plan chooses the tier by how many requests the hours table would stand for.
// With a step, only one of whole hours can be read from hours.
func (e *Engine) plan(ctx context.Context, s scope, step time.Duration) (plan, error) {
	exact := plan{tier: TierRequests, edges: []Range{s.Range}}
	whole := Range{From: ceilHour(s.Range.From), To: s.Range.To.Truncate(time.Hour)}
	if step%time.Hour != 0 || !s.answeredByHours() || !whole.From.Before(whole.To) {
		return exact, nil
	}
	through, err := e.rolledUp(ctx)
	if err != nil {
		return plan{}, err
	}
	if closed := through.Truncate(time.Hour); closed.Before(whole.To) {
		whole.To = closed
	}
	if !whole.From.Before(whole.To) {
		return exact, nil
	}
	q := (&statement{}).add("SELECT sum(requests)")
	s.fromHours(q, whole)
	var n uint64
	if err := e.read(ctx, q, func(rows driver.Rows) error { return rows.Scan(&n) }); err != nil {
		return plan{}, err
	}
	exact.estimate = int64(n)
	if exact.estimate <= e.limits.ExactRows {
		return exact, nil
	}
	p := plan{tier: TierHours, estimate: exact.estimate, hours: whole}
	for _, edge := range []Range{{s.Range.From, whole.From}, {whole.To, s.Range.To}} {
		if edge.From.Before(edge.To) {
			p.edges = append(p.edges, edge)
		}
	}
	return p, nil
}

// answeredByHours says whether the hours table has every dimension asked for.
func (s scope) answeredByHours() bool {
	for _, c := range s.conditions {
		if !c.inHours() {
			return false
		}
	}
	for _, g := range s.groups {
		if !g.inHours() {
			return false
		}
	}
	return true
}

// rolledUp returns up to when every request that was written is in its hour, so
// that the hours before it are closed; the zero time if nothing was rolled up yet.
func (e *Engine) rolledUp(ctx context.Context) (time.Time, error) {
	through := time.Time{}
	q := (&statement{}).add("SELECT max(through) FROM progress WHERE loop = 'rollup' HAVING count() > 0")
	err := e.read(ctx, q, func(rows driver.Rows) error { return rows.Scan(&through) })
	return through.UTC(), err
}

func ceilHour(t time.Time) time.Time { return t.Add(time.Hour - 1).Truncate(time.Hour) }

// readPlan fills cells from wherever the plan says.
func (e *Engine) readPlan(ctx context.Context, s scope, p plan, g grid, metrics []Metric, keys []key) (cells, error) {
	read := cells{}
	if p.tier == TierHours {
		if err := e.readHours(ctx, read, s, g, metrics, keys, p.hours); err != nil {
			return nil, err
		}
	}
	if len(p.edges) > 0 {
		if err := e.readRequests(ctx, read, s, g, metrics, keys, p.edges...); err != nil {
			return nil, err
		}
	}
	if len(read) > e.limits.Groups {
		return nil, e.tooManyGroups()
	}
	return read, nil
}

func (e *Engine) tooManyGroups() *Error {
	return tooLarge("group_by", "there are more than %d groups; filter, or group by fewer dimensions", e.limits.Groups)
}

// blocks divides a range into time blocks to measure overdispersion by: 12, or
// more where 5 minutes (in the hours tier, an hour) are shorter.
func blocks(r Range, tier Tier) grid {
	const most = 48
	if tier == TierHours {
		origin := r.From.Truncate(time.Hour)
		hours := int64(ceilHour(r.To).Sub(origin) / time.Hour)
		width := (hours + most - 1) / most
		return grid{origin.UnixNano(), width * int64(time.Hour)}
	}
	length := int64(r.length())
	n := min(max(length/int64(5*time.Minute), 12), most)
	return grid{r.From.UnixNano(), (length + n - 1) / n}
}
