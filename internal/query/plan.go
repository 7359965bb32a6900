package query

import (
	"context"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/phaseline/phaseline/internal/histogram"
)

// plan says from which table which part of a range is read.
type plan struct {
	tier     Tier
	estimate int64
	// covered is the range that the answer is of: the question's, unless its
	// beginning lies within an hour of which there are no requests any more.
	covered Range
	// hours is read from the hours table, edges from requests. Together they are
	// the covered range, without overlap.
	hours Range
	edges []Range
}

func (p plan) meta() Meta {
	m := Meta{Range: p.covered, Tier: p.tier, EstimatedRows: p.estimate}
	if p.tier == TierHours {
		m.ErrorBound = histogram.ErrorBound
	}
	return m
}

// exactly is the plan that reads a range from requests alone.
func exactly(r Range) plan { return plan{tier: TierRequests, covered: r, edges: []Range{r}} }

// plan chooses the tier by how many requests the hours table would stand for,
// and by what requests still has. With a step, only one of whole hours can be
// read from hours.
func (e *Engine) plan(ctx context.Context, s scope, step time.Duration) (plan, error) {
	exact := exactly(s.Range)
	whole := Range{From: ceilHour(s.Range.From), To: s.Range.To.Truncate(time.Hour)}
	if !whole.From.Before(whole.To) {
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
	oldest, err := e.oldest(ctx)
	if err != nil {
		return plan{}, err
	}
	n, dropped, err := e.inHours(ctx, s, whole, oldest)
	if err != nil {
		return plan{}, err
	}
	exact.estimate = n
	switch answered := s.answeredByHours(); {
	case dropped == 0 && (!answered || step%time.Hour != 0 || n <= e.limits.ExactRows):
		return exact, nil
	case !answered:
		return plan{}, tooLarge("from", "requests before %s are kept by the hour only, and hours cannot be grouped or filtered so; start there, or ask by %s",
			oldest.Format(time.RFC3339), hourDimensions())
	case step%time.Hour != 0:
		return plan{}, tooLarge("step", "requests before %s are kept by the hour only; start there, or take steps of whole hours", oldest.Format(time.RFC3339))
	}
	p := plan{tier: TierHours, estimate: n, covered: s.Range, hours: whole}
	if s.Range.From.Before(oldest.Truncate(time.Hour)) {
		p.covered.From = whole.From
	}
	for _, edge := range []Range{{p.covered.From, whole.From}, {whole.To, s.Range.To}} {
		if edge.From.Before(edge.To) {
			p.edges = append(p.edges, edge)
		}
	}
	return p, nil
}

// oldest returns the end of the oldest request that is still stored; a time
// after all if there is none. It is read from the parts' own statistics.
func (e *Engine) oldest(ctx context.Context) (time.Time, error) {
	var n uint64
	var oldest time.Time
	q := (&statement{}).add("SELECT count(), min(end) FROM requests")
	err := e.read(ctx, q, func(rows driver.Rows) error { return rows.Scan(&n, &oldest) })
	if n == 0 {
		oldest = latest
	}
	return oldest.UTC(), err
}

// inHours counts the requests that whole hours stand for, and how many of them
// ended before the oldest that is still stored. Conditions that the hours table
// cannot check are left out.
func (e *Engine) inHours(ctx context.Context, s scope, whole Range, oldest time.Time) (n, dropped int64, err error) {
	checkable := s
	checkable.conditions = nil
	for _, c := range s.conditions {
		if c.hours != "" {
			checkable.conditions = append(checkable.conditions, c)
		}
	}
	q := (&statement{}).add("SELECT sum(requests), sumIf(requests, hour < ").bind("DateTime('UTC')", oldest.Truncate(time.Hour)).add(")")
	checkable.fromHours(q, whole)
	var all, before uint64
	err = e.read(ctx, q, func(rows driver.Rows) error { return rows.Scan(&all, &before) })
	return int64(all), int64(before), err
}

func hourDimensions() string {
	var names []string
	for _, d := range dimensions {
		if d.hours != "" {
			names = append(names, d.name)
		}
	}
	return strings.Join(names, ", ")
}

// answeredByHours says whether the hours table has every dimension asked for.
func (s scope) answeredByHours() bool {
	for _, c := range s.conditions {
		if c.hours == "" {
			return false
		}
	}
	for _, g := range s.groups {
		if g.hours == "" {
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

// maxBlocks is the most time blocks a range is divided into for its variation.
const maxBlocks = 48

// blocks divides a range into time blocks to measure overdispersion by: 12, or
// more where 5 minutes (in the hours tier, an hour) are shorter.
func blocks(r Range, tier Tier) grid {
	if tier == TierHours {
		origin := r.From.Truncate(time.Hour)
		hours := int64(ceilHour(r.To).Sub(origin) / time.Hour)
		width := (hours + maxBlocks - 1) / maxBlocks
		return grid{origin.UnixNano(), width * int64(time.Hour)}
	}
	length := int64(r.length())
	n := min(max(length/int64(5*time.Minute), 12), maxBlocks)
	return grid{r.From.UnixNano(), (length + n - 1) / n}
}
