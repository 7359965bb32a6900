package alert

import (
	"net/url"
	"strings"
	"time"
)

// ComparePath is the page that compares the verdict's two windows for the
// rule's requests of a group; empty if there are no two.
func ComparePath(r Rule, group []Label, v Verdict) string {
	if v.BaselineRange == nil || v.Window.To.IsZero() {
		return ""
	}
	past := *v.BaselineRange
	if v.BaselineWeekly {
		// The last of the weeks: a page has one range a side.
		past.From = past.To.Add(-3 * time.Hour)
	}
	q := url.Values{}
	at := func(name string, t time.Time) { q.Set(name, t.UTC().Format(time.RFC3339)) }
	at("a_from", past.From)
	at("a_to", past.To)
	at("b_from", v.Window.From)
	at("b_to", v.Window.To)
	for _, f := range r.Filters {
		q.Add("filter", f)
	}
	for _, l := range group {
		q.Add("filter", l.Name+"="+l.Value)
	}
	if strings.EqualFold(r.Metric, "total") {
		q.Set("metric", "total")
	}
	return "/compare?" + q.Encode()
}
