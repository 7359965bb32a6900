package api

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/phaseline/phaseline/internal/query"
)

// table is an answer as comma-separated values.
type table struct {
	header []string
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) csv() (io.Reader, int64) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true      // RFC 4180
	_ = w.Write(t.header) // a buffer takes everything
	_ = w.WriteAll(t.rows)
	return &b, int64(b.Len())
}

// text is a cell of telemetry text. A spreadsheet runs what begins so as a
// formula; the apostrophe makes it text.
func text(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

// An empty cell is unknown.

func integer[T ~int | ~int64](n *T) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(int64(*n), 10)
}

func number(x *float64) string {
	if x == nil {
		return ""
	}
	return strconv.FormatFloat(*x, 'g', -1, 64)
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// quantileName writes 0.999 as p99.9.
func quantileName(q float64) string {
	return "p" + strconv.FormatFloat(q*100, 'g', 6, 64)
}

func labelNames(labels []query.Label) []string {
	names := make([]string, len(labels))
	for i, l := range labels {
		names[i] = text(l.Dimension)
	}
	return names
}

func labelValues(labels []query.Label) []string {
	values := make([]string, len(labels))
	for i, l := range labels {
		values[i] = text(l.Value)
	}
	return values
}

func breakdownTable(a query.BreakdownAnswer) *table {
	t := &table{}
	for i, g := range a.Groups {
		if i == 0 {
			t.header = append(labelNames(g.Labels), "n", "errors", "cancelled", "cache_hits", "counted", "rate_per_second", "error_rate", "mean_input_tokens", "mean_output_tokens")
			for _, m := range g.Metrics {
				t.header = append(t.header, fmt.Sprintf("%s_n", m.Metric), fmt.Sprintf("%s_mean_ns", m.Metric))
				for _, q := range m.Quantiles {
					name := fmt.Sprintf("%s_%s", m.Metric, quantileName(q.Q))
					t.header = append(t.header, name+"_ns", name+"_low_ns", name+"_high_ns")
				}
			}
		}
		row := append(labelValues(g.Labels), integer(&g.Counts.N), integer(&g.Counts.Errors), integer(&g.Counts.Cancelled), integer(&g.Counts.CacheHits),
			integer(&g.Counted), number(&g.RatePerSecond), number(g.ErrorRate), integer(g.MeanInputTokens), integer(g.MeanOutputTokens))
		for _, m := range g.Metrics {
			row = append(row, integer(&m.N), integer(m.MeanNS))
			for _, q := range m.Quantiles {
				row = append(row, integer(q.ValueNS), integer(q.LowNS), integer(q.HighNS))
			}
		}
		t.add(row...)
	}
	if len(a.Groups) == 0 {
		t.header = []string{"n"}
	}
	return t
}

func timeSeriesTable(a query.TimeSeriesAnswer) *table {
	t := &table{header: []string{"time", "n"}}
	for i, series := range a.Series {
		if i == 0 {
			t.header = append(append([]string{"time"}, labelNames(series.Labels)...), "n", "errors", "known", "mean_ns")
			for _, q := range series.Quantiles {
				t.header = append(t.header, quantileName(q.Q)+"_ns")
			}
			for _, p := range series.Parts {
				t.header = append(t.header, string(p.Part)+"_mean_ns")
			}
		}
		for j, at := range a.Times {
			row := append(append([]string{moment(at)}, labelValues(series.Labels)...),
				integer(&series.N[j]), integer(&series.Errors[j]), integer(&series.Counted[j]), integer(series.MeanNS[j]))
			for _, q := range series.Quantiles {
				row = append(row, integer(q.ValuesNS[j]))
			}
			for _, p := range series.Parts {
				row = append(row, integer(p.MeanNS[j]))
			}
			t.add(row...)
		}
	}
	return t
}

func heatmapTable(a query.HeatmapAnswer) *table {
	t := &table{header: []string{"time", "low_ns", "high_ns", "n"}}
	for i, at := range a.Times {
		for j, bucket := range a.Buckets {
			if a.Counts[i][j] > 0 {
				t.add(moment(at), integer(&bucket.LowNS), integer(&bucket.HighNS), integer(&a.Counts[i][j]))
			}
		}
	}
	return t
}

func compositionTable(a query.CompositionAnswer) *table {
	t := &table{header: []string{"quantile"}}
	for i, g := range a.Groups {
		if i == 0 {
			t.header = append(labelNames(g.Labels), "quantile", "value_ns", "low_ns", "high_ns", "window_n", "complete_only", "mean_ns", "part", "part_mean_ns", "part_coverage")
		}
		for _, c := range g.Compositions {
			lead := append(labelValues(g.Labels), number(&c.Q), integer(c.ValueNS), integer(c.LowNS), integer(c.HighNS),
				integer(&c.Window), strconv.FormatBool(g.CompleteOnly), integer(c.MeanNS))
			if len(c.Parts) == 0 {
				t.add(append(lead, "", "", "")...)
			}
			for _, p := range c.Parts {
				t.add(append(slices.Clone(lead), string(p.Part), integer(&p.MeanNS), number(&p.Coverage))...)
			}
		}
	}
	return t
}

func comparisonTable(a query.CompareAnswer) *table {
	t := &table{header: []string{"of", "part", "difference_ns", "low_ns", "high_ns", "share", "owner"}}
	add := func(of string, d query.Difference) {
		t.add(of, "", integer(&d.NS), integer(d.LowNS), integer(d.HighNS), "1", d.Owner)
		for _, p := range d.Parts {
			t.add(of, string(p.Part), integer(&p.NS), integer(p.LowNS), integer(p.HighNS), number(p.Share), "")
		}
	}
	if a.Mean != nil {
		add("mean", *a.Mean)
	}
	for _, q := range a.Quantiles {
		if q.Difference != nil {
			add(quantileName(q.Q), *q.Difference)
		}
	}
	return t
}

func distinctionTable(a query.DistinguishAnswer) *table {
	t := &table{header: []string{"dimension", "value", "selected", "selected_share", "rest", "rest_share", "score"}}
	for _, v := range a.Values {
		t.add(text(v.Dimension), text(v.Value), integer(&v.Selected), number(&v.SelectedShare), integer(&v.Rest), number(&v.RestShare), number(&v.Score))
	}
	return t
}

func dimensionsTable(a query.DimensionsAnswer) *table {
	t := &table{header: []string{"name", "description", "group", "long_range"}}
	for _, d := range a.Dimensions {
		t.add(text(d.Name), text(d.Description), strconv.FormatBool(d.Group), strconv.FormatBool(d.LongRange))
	}
	return t
}

func valuesTable(a query.DimensionValuesAnswer) *table {
	t := &table{header: []string{"value", "n", "ok", "errors", "cancelled", "cache_hits"}}
	for _, v := range a.Values {
		t.add(text(v.Value), integer(&v.Counts.N), integer(&v.Counts.OK), integer(&v.Counts.Errors), integer(&v.Counts.Cancelled), integer(&v.Counts.CacheHits))
	}
	return t
}

func qualityTable(a query.QualityAnswer) *table {
	t := &table{header: []string{"service", "n", "ok", "errors", "ttft_share", "tpot_share", "network_share", "queue_share", "prefill_share", "decode_share", "hints"}}
	for _, s := range a.Services {
		c := s.Coverage
		t.add(text(s.Service), integer(&s.Counts.N), integer(&s.Counts.OK), integer(&s.Counts.Errors), number(c.TTFT), number(c.TPOT),
			number(c.Network), number(c.Queue), number(c.Prefill), number(c.Decode), text(strings.Join(s.Hints, "; ")))
	}
	return t
}

func requestsTable(a query.RequestsAnswer) *table {
	t := &table{header: []string{"trace_id", "span_id", "start", "end", "service", "version", "environment", "model", "provider", "engine", "outcome", "vantage",
		"error_type", "streaming", "total_ns", "network_ns", "queue_ns", "prefill_ns", "decode_ns", "unattributed_ns", "ttft_ns", "tpot_ns",
		"input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "flags"}}
	for _, r := range a.Requests {
		streaming := ""
		if r.Streaming != nil {
			streaming = strconv.FormatBool(*r.Streaming)
		}
		t.add(r.TraceID, r.SpanID, moment(r.Start), moment(r.End), text(r.Service), text(r.Version), text(r.Environment), text(r.Model), text(r.Provider),
			text(r.Engine), r.Outcome, r.Vantage, text(r.ErrorType), streaming, integer(&r.TotalNS), integer(r.NetworkNS), integer(r.QueueNS),
			integer(r.PrefillNS), integer(r.DecodeNS), integer(&r.UnattributedNS), integer(r.TTFTNS), integer(r.TPOTNS), integer(r.InputTokens),
			integer(r.CachedInputTokens), integer(r.OutputTokens), integer(r.ReasoningTokens), strings.Join(r.Flags, " "))
	}
	return t
}
