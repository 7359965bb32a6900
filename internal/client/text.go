package client

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/phaseline/phaseline/internal/query"
)

// unknown stands for a number that nobody measured.
const unknown = "–"

// barWidth is how many characters the longest bar has.
const barWidth = 40

// glyphs draw the parts of a bar: they differ in density, since a terminal may
// have no colour.
var glyphs = map[query.Part]string{
	query.PartNetwork: "─", query.PartQueue: "░", query.PartPrefill: "█", query.PartDecode: "▒",
	query.PartUnattributed: "·", query.PartRest: "·",
}

// legend explains the bars of a metric.
func legend(m query.Metric) string {
	if m == query.TTFT {
		return "─ network  ░ queue  █ prefill  · not split"
	}
	return "─ network  ░ queue  █ prefill  ▒ decode  · unattributed"
}

// clean makes text from telemetry safe for a terminal: no control characters,
// no change of writing direction.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '�'
		}
		return r
	}, text)
}

// value is a dimension's value as shown; an empty one would not be seen.
func value(text string) string {
	if text == "" {
		return "(none)"
	}
	return clean(text)
}

// duration writes nanoseconds with three significant digits and their unit.
func duration(ns *int64) string {
	if ns == nil {
		return unknown
	}
	x := float64(*ns)
	for _, u := range []struct {
		limit, ns float64
		name      string
	}{{1e3, 1, "ns"}, {1e6, 1e3, "µs"}, {1e9, 1e6, "ms"}, {120e9, 1e9, "s"}, {7200e9, 60e9, "min"}, {math.Inf(1), 3600e9, "h"}} {
		if math.Abs(x) < u.limit {
			return significant(x/u.ns) + " " + u.name
		}
	}
	return unknown
}

// significant writes a number with three significant digits.
func significant(x float64) string {
	switch {
	case x < 0:
		return "-" + significant(-x)
	case x == 0:
		return "0"
	case x >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

func percent(share *float64) string {
	if share == nil {
		return unknown
	}
	return significant(100**share) + " %"
}

// count writes a number with its thousands apart.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// interval is a quantile's value with its confidence interval, or why it has none.
func interval(q query.Quantile) string {
	switch {
	case q.ValueNS == nil:
		return unknown
	case !q.TooSmall:
		return fmt.Sprintf("%s (%s to %s)", duration(q.ValueNS), duration(q.LowNS), duration(q.HighNS))
	case q.Effective != nil:
		return fmt.Sprintf("%s (n too small: %d of %d)", duration(q.ValueNS), *q.Effective, q.Required)
	}
	return duration(q.ValueNS) + " (too few time blocks)"
}

// brief is a quantile's value, in brackets if n is too small for an interval.
func brief(q query.Quantile) string {
	if q.ValueNS != nil && q.TooSmall {
		return "(" + duration(q.ValueNS) + ")"
	}
	return duration(q.ValueNS)
}

// bar draws parts on a scale on which whole is barWidth long.
func bar(parts []query.PartMean, whole int64) string {
	if whole <= 0 {
		return ""
	}
	var b strings.Builder
	var sum, drawn int64
	for _, p := range parts {
		// By the running sum, so that rounding never adds up.
		sum += p.MeanNS
		end := int64(math.Round(float64(sum) / float64(whole) * barWidth))
		b.WriteString(strings.Repeat(glyphs[p.Part], int(max(end-drawn, 0))))
		drawn = max(end, drawn)
	}
	return b.String()
}

func quantileName(q float64) string { return "p" + strconv.FormatFloat(100*q, 'g', 6, 64) }

// table is aligned columns. Cells are measured in characters.
type table struct {
	rows [][]string
	left int // columns aligned to the left; the others but the last are numbers
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				line.WriteString("  ")
			}
			if i < t.left || i == len(widths)-1 {
				line.WriteString(cell + pad)
			} else {
				line.WriteString(pad + cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// meta is the line under an answer that says what it rests on.
func meta(w io.Writer, m query.Meta) {
	exact := "exact"
	if m.ErrorBound > 0 {
		exact = fmt.Sprintf("from %s, quantiles to %.2f %%", m.Tier, 100*m.ErrorBound)
	}
	fmt.Fprintf(w, "%s to %s: %s requests, %s count in latencies, %s\n",
		m.Range.From.Format(time.RFC3339), m.Range.To.Format(time.RFC3339), count(m.N), count(m.Counted), exact)
}
