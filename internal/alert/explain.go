package alert

import "fmt"

// Explain says in one sentence why the rule fired, or did not.
func Explain(r Rule, v Verdict) string {
	switch v.Reason {
	case ReasonFires:
		return fmt.Sprintf("%s went from %s to %s (%s).", quantityText(r), Nanoseconds(v.Baseline.NS), Nanoseconds(v.Current.NS), v.Ownership)
	case ReasonDrift:
		return fmt.Sprintf("%s of the last day is %s, of the same days of past weeks %s: it drifted slowly.", quantityText(r), Nanoseconds(v.Current.NS), Nanoseconds(v.Baseline.NS))
	case ReasonNoRequests:
		return fmt.Sprintf("No requests in the window of %s.", r.Window)
	case ReasonNoBaseline:
		return fmt.Sprintf("Not enough past yet: %d of %d judged windows.", v.PhiWindows, MinPastWindows)
	case ReasonNewMix:
		return fmt.Sprintf("Only %.0f %% of the requests are of kinds that have a past.", 100*v.Surprise.Matched)
	case ReasonFewRequests:
		if r.Kind == KindAbsence {
			return "Too few requests to tell."
		}
		return fmt.Sprintf("Too few independent requests: %d at φ %.1f are worth %.0f, %.0f are needed.", v.Surprise.N, v.Phi, v.Effective, v.Needed)
	case ReasonWithinChance:
		return fmt.Sprintf("Within chance: z %.1f, %.1f needed at φ %.1f.", v.Z, v.NeededZ, v.Phi)
	case ReasonSeenBefore:
		return fmt.Sprintf("More than chance (z %.1f), but not clearly more than the largest of the past (%.1f).", v.Z, *v.LargestPastZ)
	case ReasonSmallEffect:
		return fmt.Sprintf("Certain but small: %s from %s to %s.", quantileText(r.Quantile), Nanoseconds(v.Baseline.NS), Nanoseconds(v.Current.NS))
	case ReasonMixShift:
		return fmt.Sprintf("A shift of the mix, not a regression: %s went from %s to %s, but for requests of these kinds %s is usual.",
			quantileText(r.Quantile), Nanoseconds(v.Unadjusted), Nanoseconds(v.Current.NS), Nanoseconds(v.Baseline.NS))
	case ReasonNotCertain:
		return fmt.Sprintf("%s is above the limit, but its interval includes it.", Nanoseconds(v.Current.NS))
	case ReasonNeverCovered:
		return "Its requests carry no TTFT, and never did."
	case ReasonFailed:
		return "The evaluation failed; the rule says why."
	}
	above := "within"
	if v.Condition == ConditionTrue {
		above = "outside"
	}
	switch r.Kind {
	case KindThreshold:
		return fmt.Sprintf("%s is %s, %s the limit of %s.", quantityText(r), Nanoseconds(v.Current.NS), above, r.Above)
	case KindAbsence:
		if r.CoverageBelow > 0 {
			return fmt.Sprintf("%.0f %% of streamed requests carry a TTFT; the limit is %.0f %%.", 100*v.Coverage, 100*r.CoverageBelow)
		}
		return fmt.Sprintf("%d requests in the window; %.0f are usual.", v.Surprise.N, v.Usual)
	case KindSLO:
		for _, b := range v.Burns {
			if b.Burning {
				return fmt.Sprintf("The error budget burns %.1f times too fast over %s.", b.LongRate, b.Long)
			}
		}
		return "The error budget does not burn too fast."
	}
	return "Not evaluated yet."
}
