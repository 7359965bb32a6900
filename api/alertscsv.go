package api

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// groupText writes a group in one cell, as service=chat model=m.
func groupText(g Group) string {
	pairs := make([]string, 0, len(g))
	for _, name := range slices.Sorted(maps.Keys(g)) {
		pairs = append(pairs, name+"="+g[name])
	}
	return text(strings.Join(pairs, " "))
}

func optionalMoment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return moment(*t)
}

var evaluationHeader = []string{"value_ns", "low_ns", "high_ns", "share", "n", "baseline_ns", "baseline_low_ns", "baseline_high_ns", "baseline_share", "baseline_n",
	"overdispersion", "z", "owner", "reason"}

// evaluationCells are what an evaluation says, under evaluationHeader.
func evaluationCells(e Evaluation) []string {
	var cells []string
	for _, m := range []Measured{e.Current, e.Baseline} {
		cells = append(cells, integer(m.ValueNs), integer(m.LowNs), integer(m.HighNs), number(m.Share), integer(&m.N))
	}
	return append(cells, number(e.Overdispersion), number(e.Z), string(e.Owner), text(e.Reason))
}

func alertsTable(a AlertList) *table {
	t := &table{header: append([]string{"rule", "kind", "severity", "fingerprint", "group", "state", "since", "began", "began_version"}, evaluationHeader...)}
	for _, x := range a.Alerts {
		t.add(append([]string{x.Rule, string(x.Kind), string(x.Severity), x.Fingerprint, groupText(x.Group), string(x.State), moment(x.Since),
			optionalMoment(x.Began), text(x.BeganVersion)}, evaluationCells(x.Last)...)...)
	}
	return t
}

func historyTable(a AlertHistory) *table {
	t := &table{header: append([]string{"at", "rule", "fingerprint", "group", "from", "to", "notified"}, evaluationHeader...)}
	for _, x := range a.Rows {
		var notified []string
		for _, d := range x.Notified {
			word := d.Target
			if !d.Ok {
				word += " (failed)"
			}
			notified = append(notified, word)
		}
		t.add(append([]string{moment(x.At), x.Rule, x.Fingerprint, groupText(x.Group), string(x.From), string(x.To), text(strings.Join(notified, ", "))},
			evaluationCells(x.Evaluation)...)...)
	}
	return t
}

func evaluationsTable(a EvaluationList) *table {
	t := &table{header: append([]string{"at", "rule", "fingerprint", "group", "state"}, evaluationHeader...)}
	for _, x := range a.Rows {
		t.add(append([]string{moment(x.At), x.Rule, x.Fingerprint, groupText(x.Group), string(x.State)}, evaluationCells(x)...)...)
	}
	return t
}

func rulesTable(a RuleList) *table {
	t := &table{header: []string{"name", "kind", "metric", "quantile", "severity", "source", "read_only", "problem", "states"}}
	for _, x := range a.Rules {
		var states []string
		for _, state := range slices.Sorted(maps.Keys(x.States)) {
			states = append(states, state+"="+strconv.Itoa(x.States[state]))
		}
		r := x.Rule
		quantile := ""
		if r.Quantile != 0 {
			quantile = number(&r.Quantile)
		}
		t.add(r.Name, string(r.Kind), r.Metric, quantile, r.Severity, text(x.Source), strconv.FormatBool(x.ReadOnly), text(x.Problem), strings.Join(states, " "))
	}
	return t
}
