package alert

import (
	"maps"
	"math"
	"slices"
	"time"

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
	// minMatched is the least share of the current requests whose stratum has a past.
	minMatched = 0.5
	// minPastWindows is the fewest judged past windows that φ is estimated from.
	minPastWindows = 72
	// maximumFor is how far back the largest past surprise is looked for.
	maximumFor = 28 * 24 * time.Hour
	// chiSquareMedian is the median of a chi-square variable of one degree of freedom.
	chiSquareMedian = 0.4549
)

// effectiveNeeded is the number of independent requests for which a 95 %
// interval of a quantile exists: the tail must hold about 3.7 of them.
func effectiveNeeded(q float64) float64 { return math.Ceil(3.6 / (1 - q)) }

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

// surprise compares the window's tail with the baseline's, stratum by stratum.
// Each stratum's threshold is the upper bound of the bucket of its past
// quantile, so that its past share above it is known exactly.
func surprise(current, baseline map[Stratum]Distribution, q float64) Surprise {
	var s Surprise
	var all int64
	for stratum, d := range current {
		n := d.N()
		all += n
		past, ok := baseline[stratum]
		pastN := past.N()
		if !ok || pastN < minBaselineN {
			continue
		}
		threshold, share := tail(past, pastN, q)
		var above int64
		for i, c := range d.Counts {
			if i > threshold {
				above += c
			}
		}
		s.N += n
		s.Exceeding += float64(above)
		s.Expected += float64(n) * share
		s.Variance += float64(n) * share * (1 - share) * (1 + float64(n)/float64(pastN))
	}
	if all > 0 {
		s.Matched = float64(s.N) / float64(all)
	}
	return s
}

// tail returns the bucket of quantile q and the share of requests above it.
func tail(d Distribution, n int64, q float64) (threshold int32, share float64) {
	rank := int64(math.Floor(q * float64(n)))
	var seen int64
	for _, i := range slices.Sorted(maps.Keys(d.Counts)) {
		seen += d.Counts[i]
		if seen > rank {
			return i, float64(n-seen) / float64(n)
		}
	}
	return math.MaxInt32, 0
}

// Overdispersion is φ: by how much the tail counts of a group's windows vary
// more than those of independent requests would. It is the median of the
// squared surprises over that of a chi-square variable, so that a few
// incidents in the past do not hide the next one. At least 1.
func Overdispersion(past []Window) (phi float64, windows int) {
	var squares []float64
	for _, w := range past {
		if w.Surprise == nil || w.Incident {
			continue
		}
		z := w.Surprise.Z()
		squares = append(squares, z*z)
	}
	if len(squares) == 0 {
		return math.NaN(), 0
	}
	slices.Sort(squares)
	return math.Max(1, squares[len(squares)/2]/chiSquareMedian), len(squares)
}

// largestPast is the largest surprise of any past window that was no incident.
func largestPast(past []Window, now time.Time) *float64 {
	var largest *float64
	for _, w := range past {
		if w.Surprise == nil || w.Incident || now.Sub(w.Start) > maximumFor {
			continue
		}
		if z := w.Surprise.Z(); largest == nil || z > *largest {
			largest = &z
		}
	}
	return largest
}

// Estimate is a quantile with its 95 % interval and what it rests on.
type Estimate struct {
	NS     float64 `json:"ns"`
	LowNS  float64 `json:"low_ns"`
	HighNS float64 `json:"high_ns"`
	N      float64 `json:"n"`
}

// estimate is the quantile with its interval by order statistics, n/φ
// requests counting as independent.
func (w weighted) estimate(q, phi float64) Estimate {
	spread := 1.96 * math.Sqrt(q*(1-q)*w.n*phi)
	return Estimate{
		NS:     w.quantile(q),
		LowNS:  w.atRank(math.Max(0, q*w.n-spread)),
		HighNS: w.atRank(math.Min(w.n-1, q*w.n+spread)),
		N:      w.n,
	}
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
	LargestPastZ *float64  `json:"largest_past_z"` // nil without a past
	Effective    float64   `json:"n_effective"`    // n / φ
	Needed       float64   `json:"n_needed"`
	Current      Estimate  `json:"current"`
	Baseline     Estimate  `json:"baseline"` // of the past, weighed by the current mix
	Unadjusted   float64   `json:"baseline_unadjusted_ns"`
	Ownership    Ownership `json:"ownership"`

	Burns    []Burn  `json:"burns,omitempty"`    // slo
	Coverage float64 `json:"coverage,omitempty"` // absence: share of requests with a TTFT
	Usual    float64 `json:"usual,omitempty"`    // absence: requests in a usual window
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
	ReasonAboveLimit   Reason = "above_limit"
	ReasonBelowLimit   Reason = "below_limit"
	ReasonNotCertain   Reason = "interval_includes_limit"
)

// JudgeRegression compares a window with the group's past.
//
// baseline holds the windows to compare with (see [BaselineRanges]), incidents
// left out; past holds the judged windows before current, from which φ and the
// largest past surprise are taken.
func JudgeRegression(r Rule, current Window, baseline, past []Window) Verdict {
	v := Verdict{}
	decide := func(c Condition, reason Reason) Verdict {
		v.Condition, v.Reason = c, reason
		return v
	}
	if current.N() == 0 {
		return decide(ConditionNoData, ReasonNoRequests)
	}
	before := merge(baseline)
	v.Surprise = surprise(current.Strata, before, r.Quantile)
	v.Z = v.Surprise.Z()
	if v.Surprise.N == 0 {
		if len(before) == 0 {
			return decide(ConditionInsufficient, ReasonNoBaseline)
		}
		return decide(ConditionInsufficient, ReasonNewMix)
	}

	// Only strata with a past take part, on both sides.
	weights := map[Stratum]float64{}
	matched := map[Stratum]Distribution{}
	everything := map[Stratum]float64{}
	for s, past := range before {
		everything[s] = float64(past.N())
		if d, ok := current.Strata[s]; ok && past.N() >= minBaselineN {
			weights[s] = float64(d.N())
			matched[s] = d
		}
	}
	now, then := standardise(matched, weights), standardise(before, weights)
	v.Unadjusted = standardise(before, everything).quantile(r.Quantile)
	v.Ownership = own(now, then, r.Quantile)

	v.Phi, v.PhiWindows = Overdispersion(past)
	if v.PhiWindows < minPastWindows {
		v.Phi = math.Max(1, v.Phi)
		if math.IsNaN(v.Phi) {
			v.Phi = 1
		}
		v.Current, v.Baseline = now.estimate(r.Quantile, v.Phi), then.estimate(r.Quantile, v.Phi)
		return decide(ConditionInsufficient, ReasonNoBaseline)
	}
	v.NeededZ = fireZ * math.Sqrt(v.Phi)
	v.LargestPastZ = largestPast(past, current.Start)
	v.Effective = float64(v.Surprise.N) / v.Phi
	v.Needed = effectiveNeeded(r.Quantile)
	v.Current = now.estimate(r.Quantile, v.Phi)
	v.Baseline = then.estimate(r.Quantile, v.Phi)
	change := v.Current.NS - v.Baseline.NS

	switch {
	case v.Surprise.Matched < minMatched:
		return decide(ConditionInsufficient, ReasonNewMix)
	case v.Effective < v.Needed:
		return decide(ConditionInsufficient, ReasonFewRequests)
	case v.Z <= v.NeededZ:
		return decide(ConditionFalse, ReasonWithinChance)
	case v.LargestPastZ != nil && v.Z <= *v.LargestPastZ:
		return decide(ConditionFalse, ReasonSeenBefore)
	case change < float64(r.MinAbsolute) || change < r.MinRelative*v.Baseline.NS:
		return decide(ConditionFalse, ReasonSmallEffect)
	}
	return decide(ConditionTrue, ReasonFires)
}

// Range is the half-open interval [From, To) of request ends.
type Range struct{ From, To time.Time }

// BaselineRanges is what a window starting at start is compared with, given
// that the group's data reaches back to oldest: the same hour of the week, with
// an hour to either side, of up to four weeks; with less than a week of data the
// trailing 24 hours; with less than that nothing. The ranges depend only on the
// hour of start, so that a baseline is read once an hour.
func BaselineRanges(r Rule, oldest, start time.Time) []Range {
	const (
		day  = 24 * time.Hour
		week = 7 * day
	)
	if oldest.Before(r.Baseline.Since) {
		oldest = r.Baseline.Since
	}
	hour := start.UTC().Truncate(time.Hour)
	var ranges []Range
	for weeks := range 4 {
		begin := hour.Add(-time.Duration(weeks+1) * week)
		if begin.Add(-time.Hour).Before(oldest) {
			break
		}
		ranges = append(ranges, Range{begin.Add(-time.Hour), begin.Add(2 * time.Hour)})
	}
	if len(ranges) == 0 && !hour.Add(-day).Before(oldest) {
		ranges = []Range{{hour.Add(-day), hour}}
	}
	return ranges
}

// JudgeThreshold compares a quantile of the window with a fixed limit. It is
// true only if the whole 95 % interval lies above.
func JudgeThreshold(r Rule, current Window, past []Window) Verdict {
	v := Verdict{Phi: 1}
	if current.N() == 0 {
		v.Condition, v.Reason = ConditionNoData, ReasonNoRequests
		return v
	}
	if phi, n := Overdispersion(past); n >= minPastWindows {
		v.Phi, v.PhiWindows = phi, n
	}
	weights := map[Stratum]float64{}
	for s, d := range current.Strata {
		weights[s] = float64(d.N())
	}
	now := standardise(current.Strata, weights)
	v.Effective, v.Needed = now.n/v.Phi, effectiveNeeded(r.Quantile)
	v.Current = now.estimate(r.Quantile, v.Phi)
	limit := float64(r.Above)
	switch {
	case v.Effective < v.Needed:
		v.Condition, v.Reason = ConditionInsufficient, ReasonFewRequests
	case v.Current.NS <= limit:
		v.Condition, v.Reason = ConditionFalse, ReasonBelowLimit
	case v.Current.LowNS <= limit*(1-histogram.ErrorBound):
		v.Condition, v.Reason = ConditionFalse, ReasonNotCertain
	default:
		v.Condition, v.Reason = ConditionTrue, ReasonAboveLimit
	}
	return v
}
