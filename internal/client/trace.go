package client

import (
	"fmt"
	"io"
	"strings"
)

// Trace is the API's answer about a trace.
type Trace struct {
	TraceID string `json:"trace_id"`
	Clocks  []struct {
		Service  string `json:"service"`
		Instance string `json:"instance"`
		ExtentNS int64  `json:"extent_ns"`
	} `json:"clocks"`
	Spans []struct {
		SpanID     string `json:"span_id"`
		Name       string `json:"name"`
		Clock      int    `json:"clock"`
		OffsetNS   int64  `json:"offset_ns"`
		DurationNS int64  `json:"duration_ns"`
		Status     string `json:"status"`
		Evidence   []struct {
			Facts []string `json:"facts"`
		} `json:"evidence"`
	} `json:"spans"`
	SpanCount int `json:"span_count"`
}

// ShowTrace draws the spans, each on the clock of the process that wrote it: times
// of two processes say nothing about one another.
func ShowTrace(w io.Writer, t Trace) {
	for i, clock := range t.Clocks {
		name := value(clock.Service)
		if clock.Instance != "" {
			name += " " + clean(clock.Instance)
		}
		fmt.Fprintln(w, name)
		rows := table{left: 2}
		for _, s := range t.Spans {
			if s.Clock != i {
				continue
			}
			label := clean(s.Name)
			if s.Status == "error" {
				label += " (error)"
			}
			var facts []string
			for _, use := range s.Evidence {
				for _, fact := range use.Facts {
					facts = append(facts, clean(strings.TrimSuffix(fact, "_ns")))
				}
			}
			rows.add("  "+s.SpanID, label, duration(&s.OffsetNS), duration(&s.DurationNS), placed(s.OffsetNS, s.DurationNS, clock.ExtentNS), strings.Join(facts, " "))
		}
		rows.write(w)
		fmt.Fprintln(w)
	}
	if shown := len(t.Spans); shown < t.SpanCount {
		fmt.Fprintf(w, "%s of %s spans: those that requests rest on, then the longest\n", count(int64(shown)), count(int64(t.SpanCount)))
	}
	fmt.Fprintln(w, "offset and duration on the clock of each process; at the end, which numbers rest on the span")
}

// placed draws a span where it lies within the extent of its clock.
func placed(offset, length, extent int64) string {
	if extent <= 0 {
		return ""
	}
	at := func(ns int64) int { return int(float64(ns) / float64(extent) * barWidth) }
	from := min(max(at(offset), 0), barWidth-1)
	to := min(max(at(offset+length), from+1), barWidth)
	return strings.Repeat(" ", from) + strings.Repeat("█", to-from) + strings.Repeat(" ", barWidth-to)
}
