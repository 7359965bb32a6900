package alerting

import (
	"fmt"
	"math"
	"time"

	"github.com/phaseline/phaseline/api"
	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/query"
)

// evaluation shows one judgement with every condition it was decided by.
func evaluation(r alert.Rule, e alert.Evaluation) api.Evaluation {
	v := e.Verdict
	shown := api.Evaluation{
		Rule: e.Rule, Fingerprint: alert.ID(e.Rule, e.Group), Group: group(e.Group), At: e.At, State: api.AlertState(e.State),
		Current: measured(v.Current, &v.Window), Baseline: measured(v.Baseline, v.BaselineRange),
		Parts: []api.PartDifference{}, Owner: api.OwnerNone, Conditions: conditions(r, v), Reason: alert.Explain(r, v),
	}
	switch r.Kind {
	case alert.KindRegression:
		if v.PhiWindows > 0 {
			shown.Overdispersion, shown.Z = &v.Phi, &v.Z
		}
		if v.Current.N > 0 && v.Baseline.N > 0 {
			shown.Parts, shown.Owner = parts(r, v.Ownership)
		}
	case alert.KindThreshold:
		if v.PhiWindows > 0 {
			shown.Overdispersion = &v.Phi
		}
	case alert.KindSLO:
		for _, b := range v.Burns {
			if b.Requests > 0 {
				share := 1 - float64(b.Bad)/float64(b.Requests)
				shown.Current.Share, shown.Current.N = &share, b.Requests
				break
			}
		}
		if r.SLO != nil {
			shown.Baseline.Share = &r.SLO.Target
		}
	case alert.KindAbsence:
		shown.Current.N = v.Surprise.N
		if r.CoverageBelow > 0 {
			shown.Current.Share, shown.Baseline.Share = &v.Coverage, &v.UsualCoverage
		}
		shown.Baseline.N = int64(v.Usual)
	}
	return shown
}

func measured(e alert.Estimate, r *alert.Range) api.Measured {
	m := api.Measured{N: int64(math.Round(e.N))}
	if r != nil && !r.To.IsZero() {
		m.From, m.To = &r.From, &r.To
	}
	ns := func(v float64) *int64 {
		i := int64(math.Round(v))
		return &i
	}
	if m.N > 0 {
		m.ValueNs = ns(e.NS)
		if e.HighNS > 0 {
			m.LowNs, m.HighNs = ns(e.LowNS), ns(e.HighNS)
		}
	}
	return m
}

func parts(r alert.Rule, o alert.Ownership) ([]api.PartDifference, api.Owner) {
	var sum float64
	for _, change := range o.Change {
		sum += change
	}
	shown := []api.PartDifference{}
	for p, change := range o.Change {
		part := alert.Part(p)
		if r.Metric == "ttft" && part == alert.PartDecode {
			continue
		}
		d := api.PartDifference{Part: query.Part(part.String()), Estimate: query.Estimate{NS: int64(math.Round(change))}}
		if r.Metric == "ttft" && part == alert.PartRest {
			d.Part = query.PartRest
		}
		if sum != 0 {
			share := change / sum
			d.Share = &share
		}
		shown = append(shown, d)
	}
	owner := api.Owner(o.Owner)
	switch {
	case sum <= 0:
		owner = api.OwnerNone
	case r.Metric == "ttft" && o.Owner == alert.PartRest.String():
		owner = api.Owner(query.PartRest)
	}
	return shown, owner
}

func conditions(r alert.Rule, v alert.Verdict) []api.Condition {
	list := []api.Condition{}
	add := func(name string, known bool, value, needed float64, holds bool, detail string) {
		c := api.Condition{Name: name, Detail: detail}
		if known {
			c.Holds, c.Value, c.Needed = &holds, &value, &needed
		}
		list = append(list, c)
	}
	judged := v.Surprise.N > 0
	switch r.Kind {
	case alert.KindRegression:
		add("past windows", true, float64(v.PhiWindows), alert.MinPastWindows, v.PhiWindows >= alert.MinPastWindows,
			"judged windows that φ is estimated from")
		add("known kinds of requests", v.Surprise.N > 0 || v.Surprise.Matched > 0, v.Surprise.Matched, alert.MinMatched, v.Surprise.Matched >= alert.MinMatched,
			"share of the requests whose model, prompt size, vantage and TTFT source have a past")
		add("independent requests", judged && v.PhiWindows > 0, v.Effective, alert.MinEffective, v.Effective >= alert.MinEffective,
			fmt.Sprintf("n/φ; an interval, and the answer that nothing changed, need %.0f", v.Needed))
		add("more than chance", judged && v.NeededZ > 0, v.Z, v.NeededZ, v.Z > v.NeededZ,
			fmt.Sprintf("%.0f of %d requests above the past quantile of their kind, %.1f expected", v.Surprise.Exceeding, v.Surprise.N, v.Surprise.Expected))
		if v.LargestPastZ != nil {
			needed := *v.LargestPastZ * v.PastMargin
			add("more than ever before", true, v.Z, needed, v.Z > needed, "the largest of the past windows that were no incident, with a margin")
		}
		for _, s := range v.Spans {
			needed := max(s.NeededZ, s.RecordZ)
			add("over "+time.Duration(s.Length).String(), true, s.Z, needed, s.Surprised,
				fmt.Sprintf("%.0f of %d requests above, %.1f expected, φ %.1f; instead of the three above", s.Surprise.Exceeding, s.Surprise.N, s.Surprise.Expected, s.Phi))
		}
		if v.Baseline.N > 0 {
			change := v.Current.NS - v.Baseline.NS
			add("relative change", true, change/v.Baseline.NS, r.MinRelative, change >= r.MinRelative*v.Baseline.NS, "of the quantile, at the present mix")
			add("absolute change", true, change, float64(r.MinAbsolute), change >= float64(r.MinAbsolute), "of the quantile in nanoseconds, at the present mix")
		}
		if d := v.Drift; d != nil && d.Hours > 0 {
			add("slow drift", true, d.T, d.NeededT, d.Drifted, fmt.Sprintf("the last day (%d hours) against the same days of past weeks; any of this or all of the above", d.Hours))
		}
	case alert.KindThreshold:
		add("independent requests", judged, v.Effective, v.Needed, v.Effective >= v.Needed, "n/φ")
		add("interval above the limit", v.Current.HighNS > 0, v.Current.LowNS, float64(r.Above), v.Condition == alert.ConditionTrue, "lower end of the 95 % interval in nanoseconds")
	case alert.KindSLO:
		for _, b := range v.Burns {
			add(fmt.Sprintf("burn over %s and %s", time.Duration(b.Long), time.Duration(b.Short)), b.Requests > 0, min(b.LongLow, b.ShortRate), b.Factor, b.Burning,
				fmt.Sprintf("%d of %d requests bad; in error budgets, lower end of the long window's interval and short window", b.Bad, b.Requests))
		}
	case alert.KindAbsence:
		if r.CoverageBelow > 0 {
			add("had a TTFT before", true, v.UsualCoverage, r.CoverageBelow, v.UsualCoverage >= r.CoverageBelow, "usual share of streamed requests with a TTFT")
			add("coverage below", v.Surprise.N > 0, v.Coverage, r.CoverageBelow, v.Condition == alert.ConditionTrue, "share of streamed requests with a TTFT")
		} else {
			add("usually busy", true, v.Usual, alert.MinUsual, v.Usual >= alert.MinUsual, "requests in the median past window")
			add("silent", true, float64(v.Surprise.N), 0, v.Surprise.N == 0, "requests in the window")
		}
	}
	return list
}
