package query

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

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
	if !s.Range.hasWholeHour() {
		return exact, nil
	}
	whole := s.Range.wholeHours()
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
	horizon
	n, dropped int64 // requests that the hours stand for, and how many of those ended before the oldest
	states     map[int64]uint64
}

// planned is plan, to be made later.
func (e *Engine) planned(s scope, step time.Duration) func(context.Context) (plan, error) {
	return func(ctx context.Context) (plan, error) { return e.plan(ctx, s, step) }
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
	held := hoursHeld{states: map[int64]uint64{}}
	numbers := map[int64]int64{}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) { held.horizon, err = e.horizon(ctx, whole.From); return err })
	both.Go(func() error {
		q := (&statement{}).add("SELECT toInt64(toUnixTimestamp(hour)), sum(requests), sum(", hourState, ")")
		checkable.fromHours(q, whole)
		q.add(" GROUP BY hour")
		return e.read(ctx, q, func(rows driver.Rows) error {
			var hour int64
			var n, state uint64
			err := rows.Scan(&hour, &n, &state)
			held.states[hour], numbers[hour] = state, int64(n)
			return err
		})
	})
	if err := both.Wait(); err != nil {
		return hoursHeld{}, err
	}
	for hour, n := range numbers {
		held.n += n
		if hour < held.oldest.Truncate(time.Hour).Unix() {
			held.dropped += n
		}
	}
	return held, nil
}

// horizon is how far both tables reach.
type horizon struct {
	through time.Time // every request written until then is in its hour
	oldest  time.Time // end of the oldest request that is still stored; latest if there is none
}

// rememberedHorizon is when it was asked for.
type rememberedHorizon struct {
	mu sync.Mutex
	horizon
	asked time.Time
}

// A horizon is good for a while: until then a few hours that are closed by now are
// read from requests. Not so for ranges that begin within two days of the oldest
// request, of which a day may just have been dropped.
const (
	horizonGood = 10 * time.Second
	horizonNear = 48 * time.Hour
)

// horizon asks how far the tables reach, for a range from a time on.
func (e *Engine) horizon(ctx context.Context, from time.Time) (horizon, error) {
	e.known.mu.Lock()
	h, asked := e.known.horizon, e.known.asked
	e.known.mu.Unlock()
	if time.Since(asked) < horizonGood && from.After(h.oldest.Add(horizonNear)) {
		return h, nil
	}
	asked = time.Now()
	q := (&statement{}).add("SELECT toDateTime64((SELECT max(through) FROM progress WHERE loop = 'rollup'), 3, 'UTC'), ")
	// From the parts' own statistics: no row is read.
	q.add("toDateTime64(if(count() = 0, ").bind("DateTime64(9, 'UTC')", latest).add(", min(end)), 9, 'UTC') FROM requests")
	err := e.read(ctx, q, func(rows driver.Rows) error { return rows.Scan(&h.through, &h.oldest) })
	if err != nil {
		return horizon{}, err
	}
	h.through, h.oldest = h.through.UTC(), h.oldest.UTC()
	e.known.mu.Lock()
	e.known.horizon, e.known.asked = h, asked
	e.known.mu.Unlock()
	return h, nil
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

// wholeHours are the hours of which the range has all; it may be none.
func (r Range) wholeHours() Range { return Range{ceilHour(r.From), r.To.Truncate(time.Hour)} }

func (r Range) hasWholeHour() bool {
	whole := r.wholeHours()
	return whole.From.Before(whole.To)
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
