package alert

import (
	"math"
	"slices"
	"time"
)

// BurnWindow is one pair of windows of a multi-window burn-rate alert: the
// error budget burns Factor times too fast over Long, and still does over Short.
type BurnWindow struct {
	Factor      float64
	Long, Short time.Duration
}

// BurnWindows are the pairs of the SRE Workbook, chapter 5: 2 % of a 30-day
// budget in an hour, 5 % in six hours, 10 % in three days.
var BurnWindows = []BurnWindow{
	{14.4, time.Hour, 5 * time.Minute},
	{6, 6 * time.Hour, 30 * time.Minute},
	{1, 72 * time.Hour, 6 * time.Hour},
}

// Burn is what one pair of windows saw.
type Burn struct {
	Factor   float64  `json:"factor"` // the rate that fires
	Long     Duration `json:"long"`
	Short    Duration `json:"short"`
	LongRate float64  `json:"long_rate"` // observed, in budgets
	// LongLow is the lower end of LongRate's 95 % interval (Wilson): a handful of
	// requests cannot burn a budget.
	LongLow   float64 `json:"long_rate_low"`
	ShortRate float64 `json:"short_rate"`
	Requests  int64   `json:"requests"` // in the long window
	Bad       int64   `json:"bad"`
	Burning   bool    `json:"burning"`
}

// JudgeSLO reports whether any pair of windows ending with current burns the
// budget. past are the group's windows before, in ascending order. Between two of
// them current overlaps the last one and says nothing about the long windows,
// which are up to one window late then; the shortest is current itself.
func JudgeSLO(r Rule, past []Window, current Window) Verdict {
	v := Verdict{Phi: 1, Condition: ConditionFalse, Reason: ReasonBelowLimit}
	now, windows := current.End, past
	if len(past) == 0 || !past[len(past)-1].End.After(current.Start) {
		windows = append(slices.Clip(past), current)
	}
	budget := 1 - r.SLO.Target
	var seen int64
	for _, pair := range BurnWindows {
		requests, bad := missed(windows, now.Add(-pair.Long), now)
		shortRequests, shortBad := missed(windows, now.Add(-pair.Short), now)
		if pair.Short == now.Sub(current.Start) {
			shortRequests, shortBad = current.Requests, current.Requests-current.Good
		}
		seen += requests
		b := Burn{
			Factor: pair.Factor, Long: Duration(pair.Long), Short: Duration(pair.Short),
			LongRate:  ratio(bad, requests) / budget,
			LongLow:   wilsonLow(bad, requests) / budget,
			ShortRate: ratio(shortBad, shortRequests) / budget,
			Requests:  requests, Bad: bad,
		}
		b.Burning = b.LongLow > pair.Factor && b.ShortRate > pair.Factor
		if b.Burning && v.Condition != ConditionTrue {
			v.Condition, v.Reason = ConditionTrue, ReasonAboveLimit
		}
		v.Burns = append(v.Burns, b)
	}
	if seen == 0 {
		v.Condition, v.Reason = ConditionNoData, ReasonNoRequests
	}
	return v
}

// missed counts the requests of [from, to) and those of them that were not good.
func missed(windows []Window, from, to time.Time) (requests, bad int64) {
	for _, w := range windows {
		if !w.Start.Before(from) && w.Start.Before(to) {
			requests += w.Requests
			bad += w.Requests - w.Good
		}
	}
	return requests, bad
}

func ratio(k, n int64) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}

// wilsonLow is the lower end of the 95 % interval of a proportion k/n
// (Wilson 1927).
func wilsonLow(k, n int64) float64 {
	if n == 0 {
		return 0
	}
	const z = 1.96
	total, p := float64(n), float64(k)/float64(n)
	centre := p + z*z/(2*total)
	spread := z * math.Sqrt(p*(1-p)/total+z*z/(4*total*total))
	return math.Max(0, (centre-spread)/(1+z*z/total))
}

// JudgeAbsence reports a group that sends nothing any more, or, with
// coverage_below, one whose requests no longer carry a first-token time.
//
// A group that is usually silent cannot be absent, and one that never said its
// TTFT has not lost it.
func JudgeAbsence(r Rule, current Window, usual Usual) Verdict {
	v := Verdict{Phi: 1, Usual: usual.Requests, UsualCoverage: usual.Coverage}
	v.Coverage = ratio(current.WithTTFT, current.Streamed)
	v.Surprise.N = current.Requests
	switch {
	case r.CoverageBelow > 0 && current.Requests == 0:
		v.Condition, v.Reason = ConditionNoData, ReasonNoRequests
	case r.CoverageBelow > 0 && current.Streamed < minCoverageRequests:
		v.Condition, v.Reason = ConditionInsufficient, ReasonFewRequests
	case r.CoverageBelow > 0 && v.Coverage < r.CoverageBelow && usual.Coverage < r.CoverageBelow:
		v.Condition, v.Reason = ConditionFalse, ReasonNeverCovered
	case r.CoverageBelow > 0 && v.Coverage < r.CoverageBelow:
		v.Condition, v.Reason = ConditionTrue, ReasonBelowLimit
	case r.CoverageBelow > 0:
		v.Condition, v.Reason = ConditionFalse, ReasonAboveLimit
	case current.Requests > 0:
		v.Condition, v.Reason = ConditionFalse, ReasonAboveLimit
	case usual.Requests < MinUsual:
		v.Condition, v.Reason = ConditionInsufficient, ReasonFewRequests
	default:
		v.Condition, v.Reason = ConditionTrue, ReasonNoRequests
	}
	return v
}

// Usual is what a group's windows held in the median of its past.
type Usual struct {
	Requests float64
	Coverage float64 // share of streamed requests with a TTFT
}

// usual is taken over the windows of the 7 days before now; windows without
// requests are not in past and count as empty.
func usual(past []Window, window time.Duration, now time.Time) Usual {
	const memory = 7 * 24 * time.Hour
	var requests, coverage []float64
	var first time.Time
	for _, w := range past {
		if now.Sub(w.Start) > memory || w.End.After(now) {
			continue
		}
		if first.IsZero() {
			first = w.Start
		}
		requests = append(requests, float64(w.Requests))
		if w.Streamed > 0 {
			coverage = append(coverage, ratio(w.WithTTFT, w.Streamed))
		}
	}
	if first.IsZero() {
		return Usual{}
	}
	for silent := int(now.Sub(first)/window) - len(requests); silent > 0; silent-- {
		requests = append(requests, 0)
	}
	return Usual{Requests: median(requests), Coverage: median(coverage)}
}

// median of the values, 0 of none; it sorts them.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

const (
	// minCoverageRequests is the fewest requests whose coverage is judged.
	minCoverageRequests = 30
	// MinUsual requests a window: if they come at random, one window in 20,000
	// is empty by chance (e^-10).
	MinUsual = 10
)
