package alert

import (
	"math"
	"slices"

	"github.com/phaseline/phaseline/internal/histogram"
)

// Constants of the regression test. docs/alerts.md holds the measurements that
// they were chosen by.
const (
	// fireZ is the tail exceedance, in standard deviations of an overdispersed
	// binomial, at which a window is no longer chance: one window in 10,000.
	fireZ = 3.7
	// minBaselineN is the fewest requests of a stratum's past from which its
	// tail can be told.
	minBaselineN = 200
	// MinMatched is the least share of the current requests whose stratum has a past.
	MinMatched = 0.5
	// MinEffective is the fewest independent requests that can fire: with fewer,
	// the tail of a binomial is far from normal and fireZ is no rare event.
	MinEffective = 8
)

// Surprise is the tail exceedance of one window against its baseline: how many
// requests lay above their stratum's past quantile, and how many should have.
type Surprise struct {
	Exceeding float64 `json:"exceeding"`
	Expected  float64 `json:"expected"`
	// Variance of Exceeding if requests were independent, with the uncertainty
	// of the baseline's own tail in it.
	Variance float64 `json:"variance"`
	N        int64   `json:"n"`       // requests compared
	Matched  float64 `json:"matched"` // share of the window's requests that were
}

// Z is the exceedance in standard deviations of independent requests.
func (s Surprise) Z() float64 {
	if s.Variance == 0 {
		return 0
	}
	return (s.Exceeding - s.Expected) / math.Sqrt(s.Variance)
}

// surprise compares a window's tail with the baseline's, kind by kind. Each kind's
// threshold is the upper bound of the bucket of its past quantile, so that its past
// share above it is known exactly.
func surprise(current, baseline kinds) Surprise {
	var s Surprise
	for stratum, now := range current {
		past := baseline[stratum]
		if !past.known {
			continue
		}
		s.N += int64(now.n)
		s.Exceeding += now.above(past.limit)
		s.Expected += now.n * past.share
		s.Variance += now.n * past.share * (1 - past.share) * (1 + now.n/past.n)
	}
	if all := current.n(); all > 0 {
		s.Matched = float64(s.N) / all
	}
	return s
}

// Estimate is a quantile with its 95 % interval and what it rests on.
type Estimate struct {
	NS float64 `json:"ns"` // unknown where N is 0
	// LowNS and HighNS are 0 where too few independent requests make an interval.
	LowNS  float64 `json:"low_ns"`
	HighNS float64 `json:"high_ns"`
	N      float64 `json:"n"`
}

// estimate is the quantile with its interval by order statistics, n/φ
// requests counting as independent (histogram.IntervalRanks).
func (w weighted) estimate(q, phi float64) Estimate {
	e := Estimate{NS: w.quantile(q), N: w.n}
	if low, high, ok := histogram.IntervalRanks(q, int64(math.Round(w.n)), phi); ok {
		e.LowNS, e.HighNS = w.atRank(float64(low)), w.atRank(float64(high))
	}
	return e
}

// Ownership is the change of each part between baseline and current at the
// rule's quantile, and the part that owns the change.
type Ownership struct {
	Change Parts  `json:"change_ns"`
	Owner  string `json:"owner"` // a part, or "shared"
}

const ownerShared = "shared"

// own names the part with at least half of the change.
func own(current, baseline weighted, q float64) Ownership {
	now, _ := current.composition(q)
	then, _ := baseline.composition(q)
	o := Ownership{Owner: ownerShared}
	var sum float64
	for p := range o.Change {
		o.Change[p] = now[p] - then[p]
		sum += o.Change[p]
	}
	for p := range o.Change {
		if sum > 0 && o.Change[p] >= sum/2 {
			o.Owner = Part(p).String()
		}
	}
	return o
}

// Verdict is one evaluation of a regression, with everything it was decided by:
// it answers both why an alert fired and why it did not.
type Verdict struct {
	Condition Condition `json:"condition"`
	// Reason names the first gate that was not passed, or that all were.
	Reason Reason `json:"reason"`

	Surprise     Surprise  `json:"surprise"`
	Z            float64   `json:"z"`
	Phi          float64   `json:"phi"`
	PhiWindows   int       `json:"phi_windows"`
	NeededZ      float64   `json:"needed_z"`       // fireZ · √φ
	LargestPastZ *float64  `json:"largest_past_z"` // scaled to φ of this window; nil without a past
	PastMargin   float64   `json:"past_margin"`    // factor on LargestPastZ
	Effective    float64   `json:"n_effective"`    // n / φ
	Needed       float64   `json:"n_needed"`
	Current      Estimate  `json:"current"`
	Baseline     Estimate  `json:"baseline"` // of the past, weighed by the current mix
	Unadjusted   float64   `json:"baseline_unadjusted_ns"`
	Ownership    Ownership `json:"ownership"`
	Spans        []Span    `json:"spans,omitempty"` // the window together with those before it

	// Window and BaselineRange are the request ends that were compared.
	Window        Range  `json:"window"`
	BaselineRange *Range `json:"baseline_range,omitempty"`
	// BaselineWeekly says that the range stands for the same hour of several weeks.
	BaselineWeekly bool `json:"baseline_weekly,omitempty"`

	Drift *Drift `json:"drift,omitempty"` // regression: the day against the same days of past weeks

	Burns         []Burn  `json:"burns,omitempty"`          // slo
	Coverage      float64 `json:"coverage,omitempty"`       // absence: share of streamed requests with a TTFT
	UsualCoverage float64 `json:"usual_coverage,omitempty"` // the same in the past
	Usual         float64 `json:"usual,omitempty"`          // absence: requests in a usual window
}

// Reason is why an evaluation came out as it did.
type Reason string

const (
	ReasonFires        Reason = "all_gates_passed"
	ReasonNoRequests   Reason = "no_requests"
	ReasonNoBaseline   Reason = "no_baseline"      // not enough past
	ReasonNewMix       Reason = "mix_has_no_past"  // most current requests are of strata never seen
	ReasonFewRequests  Reason = "too_few_requests" // n/φ too small
	ReasonWithinChance Reason = "within_chance"    // z below fireZ·√φ
	ReasonSeenBefore   Reason = "not_larger_than_past"
	ReasonSmallEffect  Reason = "effect_too_small"
	ReasonMixShift     Reason = "mix_shift" // slower, but not for requests of the same kinds
	ReasonAboveLimit   Reason = "above_limit"
	ReasonBelowLimit   Reason = "below_limit"
	ReasonNotCertain   Reason = "interval_includes_limit"
	ReasonNeverCovered Reason = "never_covered" // it has no TTFT now and had none before
	ReasonDrift        Reason = "slow_drift"
	ReasonFailed       Reason = "evaluation_failed"
)

// JudgeRegression compares a window with the group's past. before is what the
// judged windows before it lead to expect; spans judges it together with them.
func JudgeRegression(r Rule, current Window, baseline Reference, before Record, spans func(Surprise) []Span) Verdict {
	v := Verdict{Phi: 1, Window: Range{current.Start, current.End}}
	decide := func(c Condition, reason Reason) Verdict {
		v.Condition, v.Reason = c, reason
		return v
	}
	if current.N() == 0 {
		return decide(ConditionNoData, ReasonNoRequests)
	}
	v.BaselineRange, v.BaselineWeekly = baseline.Range, baseline.Weekly
	present := prepareLike(baseline.kinds, current.Strata, r.Quantile)
	v.Surprise = surprise(present, baseline.kinds)
	v.Z = v.Surprise.Z()
	if v.Surprise.N == 0 {
		if len(baseline.kinds) == 0 {
			return decide(ConditionInsufficient, ReasonNoBaseline)
		}
		return decide(ConditionInsufficient, ReasonNewMix)
	}

	now, then := matchedMix(present, baseline.kinds)
	v.Unadjusted = baseline.quantile
	v.Ownership = own(now, then, r.Quantile)

	v.Phi, v.PhiWindows = before.Phi(v.Surprise.N), before.Windows
	v.Effective, v.Needed = float64(v.Surprise.N)/v.Phi, float64(histogram.Required(r.Quantile))
	v.NeededZ = fireZ * math.Sqrt(v.Phi)
	var record float64 // to be beaten
	if before.Compared > 0 {
		scaled := before.Largest * math.Sqrt(v.Phi)
		v.LargestPastZ, v.PastMargin = &scaled, pastMargin(before.Compared)
		record = v.PastMargin * scaled
	}
	v.Current, v.Baseline = now.estimate(r.Quantile, v.Phi), then.estimate(r.Quantile, v.Phi)

	v.Spans = spans(v.Surprise)
	together := slices.ContainsFunc(v.Spans, func(s Span) bool { return s.Surprised })
	switch {
	case v.PhiWindows < MinPastWindows:
		return decide(ConditionInsufficient, ReasonNoBaseline)
	case v.Surprise.Matched < MinMatched:
		return decide(ConditionInsufficient, ReasonNewMix)
	case together && r.matters(v.Baseline.NS, v.Current.NS):
		return decide(ConditionTrue, ReasonFires)
	case v.Effective < MinEffective:
		return decide(ConditionInsufficient, ReasonFewRequests)
	case v.Z > v.NeededZ && v.Z > record && r.matters(v.Baseline.NS, v.Current.NS):
		return decide(ConditionTrue, ReasonFires)
	case v.Effective < v.Needed:
		// A large change shows in a small sample; that there is none does not.
		return decide(ConditionInsufficient, ReasonFewRequests)
	case v.Z <= v.NeededZ && v.Current.LowNS > v.Unadjusted && r.matters(v.Unadjusted, v.Current.NS) && !r.matters(v.Baseline.NS, v.Current.NS):
		return decide(ConditionFalse, ReasonMixShift)
	case v.Z <= v.NeededZ:
		return decide(ConditionFalse, ReasonWithinChance)
	case v.Z <= record:
		return decide(ConditionFalse, ReasonSeenBefore)
	}
	return decide(ConditionFalse, ReasonSmallEffect)
}

// matters says whether a change of the quantile passes both effect gates.
func (r Rule) matters(before, now float64) bool {
	return now-before >= float64(r.MinAbsolute) && now-before >= r.MinRelative*before
}

// JudgeThreshold compares a quantile of the window with a fixed limit. It is
// true only if the whole 95 % interval lies above.
func JudgeThreshold(r Rule, current Window, before Record) Verdict {
	v := Verdict{Phi: 1, Window: Range{current.Start, current.End}}
	if current.N() == 0 {
		v.Condition, v.Reason = ConditionNoData, ReasonNoRequests
		return v
	}
	present := prepare(current.Strata, r.Quantile)
	now := present.standardise(present.own())
	v.Surprise.N = current.N()
	if before.Windows >= MinPastWindows {
		v.Phi, v.PhiWindows = before.Phi(v.Surprise.N), before.Windows
	}
	v.Effective, v.Needed = now.n/v.Phi, float64(histogram.Required(r.Quantile))
	v.Current = now.estimate(r.Quantile, v.Phi)
	limit := float64(r.Above)
	switch {
	case v.Effective < v.Needed:
		v.Condition, v.Reason = ConditionInsufficient, ReasonFewRequests
	case v.Current.NS <= limit:
		v.Condition, v.Reason = ConditionFalse, ReasonBelowLimit
	case v.Current.LowNS <= limit*(1+histogram.ErrorBound):
		v.Condition, v.Reason = ConditionFalse, ReasonNotCertain
	default:
		v.Condition, v.Reason = ConditionTrue, ReasonAboveLimit
	}
	return v
}
