package client

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/phaseline/phaseline/internal/query"
)

func header(labels []query.Label) []string {
	names := make([]string, len(labels))
	for i, l := range labels {
		names[i] = clean(l.Dimension)
	}
	return names
}

func cells(labels []query.Label) []string {
	values := make([]string, len(labels))
	for i, l := range labels {
		values[i] = value(l.Value)
	}
	return values
}

// nothing says what to do when there are no requests.
func nothing(w io.Writer, m query.Meta) bool {
	if m.N > 0 {
		return false
	}
	fmt.Fprintf(w, "no requests ended from %s to %s; ask for another range with --from and --to, or for fewer filters\n",
		m.Range.From.Format(time.RFC3339), m.Range.To.Format(time.RFC3339))
	return true
}

// Breakdown writes a line for each group.
func Breakdown(w io.Writer, a query.BreakdownAnswer) {
	if nothing(w, a.Meta) {
		return
	}
	t := table{left: len(a.Groups[0].Labels)}
	head := append(header(a.Groups[0].Labels), "requests", "per s", "errors")
	for _, m := range a.Groups[0].Metrics {
		for _, q := range m.Quantiles {
			head = append(head, fmt.Sprintf("%s %s", m.Metric, quantileName(q.Q)))
		}
	}
	t.add(append(head, "mean total")...)
	var longest int64
	for _, g := range a.Groups {
		longest = max(longest, total(g.TotalParts))
	}
	for _, g := range a.Groups {
		row := append(cells(g.Labels), count(g.Counts.N), significant(g.RatePerSecond), percent(g.ErrorRate))
		for _, m := range g.Metrics {
			for _, q := range m.Quantiles {
				row = append(row, brief(q))
			}
		}
		t.add(append(row, bar(g.TotalParts, longest))...)
	}
	t.write(w)
	if a.Omitted > 0 {
		fmt.Fprintf(w, "%s more groups; --limit shows more\n", count(a.Omitted))
	}
	fmt.Fprintf(w, "\n%s; (in brackets: too few requests for an interval)\n", legend(query.Total))
	meta(w, a.Meta)
}

func total(parts []query.PartMean) int64 {
	var sum int64
	for _, p := range parts {
		sum += p.MeanNS
	}
	return sum
}

// Composition draws what the requests around each quantile are made of.
func Composition(w io.Writer, a query.CompositionAnswer) {
	if nothing(w, a.Meta) {
		return
	}
	var longest int64
	for _, g := range a.Groups {
		for _, c := range g.Compositions {
			longest = max(longest, total(c.Parts))
		}
	}
	for _, g := range a.Groups {
		if len(g.Labels) > 0 {
			fmt.Fprintln(w, strings.Join(cells(g.Labels), " · "))
		}
		t := table{left: 2}
		for _, c := range g.Compositions {
			drawn := bar(c.Parts, longest)
			if c.WindowTooSmall {
				drawn = fmt.Sprintf("n too small (%d of %d)", c.Window, c.WindowRequired)
			}
			t.add(quantileName(c.Q), interval(c.Quantile), drawn)
		}
		t.write(w)
		if g.Finding != "" {
			fmt.Fprintln(w, g.Finding)
		}
		basis := "over all"
		if g.CompleteOnly {
			basis = "over those with complete evidence"
		}
		fmt.Fprintf(w, "%s requests with %s, %s of them with complete evidence; bars are %s\n\n", count(g.N), a.Metric, count(g.Complete), basis)
	}
	fmt.Fprintln(w, legend(a.Metric))
	meta(w, a.Meta)
}

// TimeSeries writes a line for each step with a bar as long as the last quantile.
func TimeSeries(w io.Writer, a query.TimeSeriesAnswer) {
	if nothing(w, a.Meta) {
		return
	}
	var longest int64
	for _, s := range a.Series {
		for _, ns := range s.Quantiles[len(s.Quantiles)-1].ValuesNS {
			if ns != nil {
				longest = max(longest, *ns)
			}
		}
	}
	for _, s := range a.Series {
		if len(s.Labels) > 0 {
			fmt.Fprintln(w, strings.Join(cells(s.Labels), " · "))
		}
		t := table{left: 1}
		head := []string{"time (UTC)", "requests", "errors"}
		for _, q := range s.Quantiles {
			head = append(head, string(a.Metric)+" "+quantileName(q.Q))
		}
		t.add(append(head, "")...)
		for i, at := range a.Times {
			row := []string{at.UTC().Format("01-02 15:04:05"), count(s.N[i]), count(s.Errors[i])}
			for _, q := range s.Quantiles {
				row = append(row, duration(q.ValuesNS[i]))
			}
			last := s.Quantiles[len(s.Quantiles)-1].ValuesNS[i]
			drawn := ""
			if last != nil && longest > 0 {
				drawn = strings.Repeat("█", int(*last*barWidth/longest))
			}
			t.add(append(row, drawn)...)
		}
		t.write(w)
		fmt.Fprintln(w)
	}
	if a.Omitted > 0 {
		fmt.Fprintf(w, "%s more groups; --limit shows more\n", count(a.Omitted))
	}
	meta(w, a.Meta)
}

// Heatmap draws counts as shades: time to the right, the metric upwards.
func Heatmap(w io.Writer, a query.HeatmapAnswer) {
	if nothing(w, a.Meta) {
		return
	}
	shades := []rune(" ░▒▓█")
	var most int64
	for _, column := range a.Counts {
		for _, n := range column {
			most = max(most, n)
		}
	}
	t := table{}
	for j := len(a.Buckets) - 1; j >= 0; j-- {
		var line strings.Builder
		for i := range a.Times {
			shade := 0
			if n := a.Counts[i][j]; n > 0 {
				shade = 1 + int(n*int64(len(shades)-2)/most)
			}
			line.WriteRune(shades[shade])
		}
		t.add(duration(&a.Buckets[j].HighNS), line.String())
	}
	t.write(w)
	fmt.Fprintf(w, "\n%s; a column is %s, the darkest cell %s requests\n", a.Metric, time.Duration(a.StepNS), count(most))
	meta(w, a.Meta)
}

// Compare writes both sides, the difference part by part, and who owns it.
func Compare(w io.Writer, a query.CompareAnswer) {
	t := table{left: 1}
	t.add("", "A", "B", "B - A")
	t.add("requests", count(a.A.Counts.N), count(a.B.Counts.N), "")
	for i, q := range a.Quantiles {
		t.add(fmt.Sprintf("%s %s", a.Metric, quantileName(q.Q)),
			interval(a.A.Composition.Compositions[i].Quantile), interval(a.B.Composition.Compositions[i].Quantile), duration(q.ValueNS))
	}
	t.write(w)
	difference := func(name string, d *query.Difference) {
		fmt.Fprintf(w, "\n%s: ", name)
		if d == nil {
			fmt.Fprintln(w, "n too small on one side")
			return
		}
		fmt.Fprintln(w, owner(*d))
		t := table{left: 1}
		for _, p := range d.Parts {
			t.add("  "+string(p.Part), estimate(p.Estimate), percent(p.Share))
		}
		t.write(w)
	}
	difference("mean "+string(a.Metric), a.Mean)
	for _, q := range a.Quantiles {
		difference(fmt.Sprintf("around %s", quantileName(q.Q)), q.Difference)
	}
	if a.Mix.WithinNS != nil {
		fmt.Fprintf(w, "\nof the mean's difference %s is like for like (same model and input tokens), %s a changed mix of work\n",
			duration(a.Mix.WithinNS), duration(a.Mix.ShiftNS))
	}
	fmt.Fprintln(w)
	meta(w, a.A.Meta)
	meta(w, a.B.Meta)
}

func owner(d query.Difference) string {
	text := estimate(d.Estimate)
	switch {
	case d.LowNS == nil:
		return text + ", too few time blocks to tell it from chance"
	case d.Owner == query.OwnerNone && d.RelativeBound != nil:
		return text + ", no difference larger than ±" + percent(d.RelativeBound)
	case d.Owner == query.OwnerNone:
		return text + ", not to be told from 0"
	case d.Owner == query.OwnerShared:
		return text + ", shared by several parts"
	}
	return text + ", owned by " + d.Owner
}

func estimate(e query.Estimate) string {
	if e.LowNS == nil {
		return duration(&e.NS)
	}
	return fmt.Sprintf("%s (%s to %s)", duration(&e.NS), duration(e.LowNS), duration(e.HighNS))
}

// Requests writes a line for each request, with its phases as a bar.
func Requests(w io.Writer, a query.RequestsAnswer) {
	if len(a.Requests) == 0 {
		fmt.Fprintf(w, "no requests ended from %s to %s\n", a.Range.From.Format(time.RFC3339), a.Range.To.Format(time.RFC3339))
		return
	}
	var longest int64
	for _, r := range a.Requests {
		longest = max(longest, r.TotalNS)
	}
	t := table{left: 6}
	t.add("end (UTC)", "trace", "request", "service", "model", "outcome", "ttft", "total", "")
	for _, r := range a.Requests {
		t.add(r.End.UTC().Format("01-02 15:04:05.000"), clean(r.TraceID), clean(r.SpanID), value(r.Service), value(r.Model), clean(r.Outcome),
			duration(r.TTFTNS), duration(&r.TotalNS), bar(phases(r), longest))
	}
	t.write(w)
	fmt.Fprintf(w, "\n%s\n", legend(query.Total))
	if a.Next != "" {
		fmt.Fprintf(w, "more: --cursor %s\n", clean(a.Next))
	}
}

// phases are a request's parts; an unknown one has no length.
func phases(r query.Request) []query.PartMean {
	known := func(ns *int64) int64 {
		if ns == nil {
			return 0
		}
		return *ns
	}
	return []query.PartMean{
		{Part: query.PartNetwork, MeanNS: known(r.NetworkNS)}, {Part: query.PartQueue, MeanNS: known(r.QueueNS)},
		{Part: query.PartPrefill, MeanNS: known(r.PrefillNS)}, {Part: query.PartDecode, MeanNS: known(r.DecodeNS)},
		{Part: query.PartUnattributed, MeanNS: r.UnattributedNS},
	}
}

// RequestDetail is the API's answer for one request: the request, and for each
// number what it was read from.
type RequestDetail struct {
	Request  query.Request `json:"request"`
	Evidence []struct {
		Fact      string `json:"fact"`
		SpanID    string `json:"span_id"`
		Attribute string `json:"attribute"`
		Rule      string `json:"rule"`
	} `json:"evidence"`
	SpansStored bool `json:"spans_stored"`
}

// Request writes one request, number by number, with its evidence.
func Request(w io.Writer, d RequestDetail) {
	r := d.Request
	t := table{left: 3}
	t.add("service", value(r.Service), clean(r.Version))
	t.add("model", value(r.Model), clean(r.Provider))
	t.add("end", r.End.Format(time.RFC3339Nano), "")
	t.add("outcome", clean(r.Outcome), clean(r.ErrorType))
	t.add("seen by", clean(r.Vantage), clean(r.Dialect))
	t.write(w)
	fmt.Fprintln(w)
	t = table{left: 1}
	for _, p := range []struct {
		name       string
		ns         *int64
		provenance string
	}{
		{"network", r.NetworkNS, r.Provenance.Network}, {"queue", r.QueueNS, r.Provenance.Queue},
		{"prefill", r.PrefillNS, r.Provenance.Prefill}, {"decode", r.DecodeNS, r.Provenance.Decode},
		{"unattributed", &r.UnattributedNS, ""}, {"total", &r.TotalNS, "measured"}, {"ttft", r.TTFTNS, r.Provenance.TTFT},
	} {
		t.add(p.name, duration(p.ns), clean(p.provenance))
	}
	t.write(w)
	fmt.Fprintf(w, "\n%s\n%s\n", bar(phases(r), r.TotalNS), legend(query.Total))
	if len(r.Flags) > 0 {
		fmt.Fprintf(w, "flags: %s\n", clean(strings.Join(r.Flags, ", ")))
	}
	if !d.SpansStored {
		fmt.Fprintln(w, "its spans are past their retention: there is no evidence to show")
		return
	}
	fmt.Fprintln(w)
	t = table{left: 3}
	for _, e := range d.Evidence {
		t.add(clean(e.Fact), clean(e.SpanID), clean(e.Attribute), clean(e.Rule))
	}
	t.write(w)
}
