package query

import (
	"context"
	"maps"
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
	// states tell the rows of each of the hours that has any, by its start in Unix
	// seconds, from others.
	states map[int64]uint64
}

// meta is what the plan says of an answer. What was read is given if the answer
// has durations.
func (p plan) meta(read *found) Meta {
	m := Meta{Range: p.covered, Tier: p.tier, EstimatedRows: p.estimate}
	if p.tier == TierHours || read != nil && !read.exact {
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
	in, err := e.inHours(ctx, s, whole)
	if err != nil {
		return plan{}, err
	}
	if closed := in.through.Truncate(time.Hour); closed.Before(whole.To) {
		whole.To = closed
	}
	if !whole.From.Before(whole.To) {
		return exact, nil
	}
	exact.estimate = in.n
	switch answered := s.answeredByHours(); {
	case in.dropped == 0 && (!answered || step%time.Hour != 0 || in.n <= e.limits.ExactRows):
		return exact, nil
	case !answered:
		return plan{}, tooLarge("from", "requests before %s are kept by the hour only, and hours cannot be grouped or filtered so; start there, or ask by %s",
			in.oldest.Format(time.RFC3339), hourDimensions())
	case step%time.Hour != 0:
		return plan{}, tooLarge("step", "requests before %s are kept by the hour only; start there, or take steps of whole hours", in.oldest.Format(time.RFC3339))
	}
	p := plan{tier: TierHours, estimate: in.n, covered: s.Range, hours: whole, states: in.states}
	maps.DeleteFunc(p.states, func(hour int64, _ uint64) bool { return hour >= whole.To.Unix() })
	if s.Range.From.Before(in.oldest.Truncate(time.Hour)) {
		p.covered.From = whole.From
	}
	for _, edge := range []Range{{p.covered.From, whole.From}, {whole.To, s.Range.To}} {
		if edge.From.Before(edge.To) {
			p.edges = append(p.edges, edge)
		}
	}
	return p, nil
}

// hoursHeld is what the hours table could answer of some whole hours.
type hoursHeld struct {
	through    time.Time // every request written until then is in its hour
	oldest     time.Time // end of the oldest request that is still stored; latest if there is none
	n, dropped int64     // requests that the hours stand for, and how many of those ended before the oldest
	states     map[int64]uint64
}

// inHours says what the hours table could answer of whole hours. Conditions that
// it cannot check are left out.
func (e *Engine) inHours(ctx context.Context, s scope, whole Range) (hoursHeld, error) {
	checkable := s
	checkable.conditions = nil
	for _, c := range s.conditions {
		if c.hours != "" {
			checkable.conditions = append(checkable.conditions, c)
		}
	}
	q := (&statement{}).add("WITH (SELECT max(through) FROM progress WHERE loop = 'rollup') AS rolled_up, ")
	// From the parts' own statistics: no row is read.
	q.add("(SELECT if(count() = 0, ").bind("DateTime64(9, 'UTC')", latest).add(", min(end)) FROM requests) AS oldest ")
	q.add("SELECT toDateTime64(rolled_up, 3, 'UTC'), toDateTime64(oldest, 9, 'UTC'), toInt64(toUnixTimestamp(hour)), sum(requests), sum(", hourState, ")")
	checkable.fromHours(q, whole)
	q.add(" GROUP BY hour")
	held := hoursHeld{states: map[int64]uint64{}}
	err := e.read(ctx, q, func(rows driver.Rows) error {
		var hour int64
		var n, state uint64
		if err := rows.Scan(&held.through, &held.oldest, &hour, &n, &state); err != nil {
			return err
		}
		held.states[hour] = state
		held.n += int64(n)
		if hour < held.oldest.Truncate(time.Hour).Unix() {
			held.dropped += int64(n)
		}
		return nil
	})
	held.through, held.oldest = held.through.UTC(), held.oldest.UTC()
	return held, err
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

func ceilHour(t time.Time) time.Time { return t.Add(time.Hour - 1).Truncate(time.Hour) }

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
