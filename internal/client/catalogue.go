package client

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/phaseline/phaseline/internal/query"
)

// Dimensions writes what can be grouped and filtered by.
func Dimensions(w io.Writer, a query.DimensionsAnswer) {
	t := table{left: 2}
	t.add("dimension", "use", "meaning")
	for _, d := range a.Dimensions {
		use := "filter"
		if d.Group {
			use = "group, filter"
		}
		if d.LongRange {
			use += ", long ranges"
		}
		t.add(clean(d.Name), use, clean(d.Description))
	}
	t.write(w)
}

// Values writes the values of a dimension.
func Values(w io.Writer, a query.DimensionValuesAnswer) {
	if nothing(w, a.Meta) {
		return
	}
	t := table{left: 1}
	t.add(clean(a.Dimension), "requests", "errors", "")
	for _, v := range a.Values {
		t.add(value(v.Value), count(v.Counts.N), count(v.Counts.Errors), strings.Repeat("█", int(v.Counts.N*barWidth/a.N)))
	}
	t.write(w)
	if a.Omitted > 0 {
		fmt.Fprintf(w, "%s more values; --limit shows more\n", count(a.Omitted))
	}
}

// Quality writes what each service sends and what is missing.
func Quality(w io.Writer, a query.QualityAnswer) {
	if nothing(w, a.Meta) {
		return
	}
	t := table{left: 2}
	t.add("service", "dialects", "requests", "ttft", "network", "queue", "prefill", "decode", "tpot", "")
	for _, s := range a.Services {
		names := []string{}
		for _, d := range s.Dialects {
			names = append(names, value(d.Value))
		}
		sort.Strings(names)
		c := s.Coverage
		t.add(value(s.Service), strings.Join(names, ", "), count(s.Counts.N), percent(c.TTFT), percent(c.Network), percent(c.Queue),
			percent(c.Prefill), percent(c.Decode), percent(c.TPOT), "")
	}
	t.write(w)
	for _, s := range a.Services {
		for _, h := range s.Hints {
			fmt.Fprintf(w, "\n%s: %s\n", value(s.Service), clean(h))
		}
	}
	if len(a.Flags) > 0 {
		fmt.Fprintln(w)
		t = table{left: 1}
		for _, f := range a.Flags {
			t.add(clean(f.Flag), count(f.N), clean(f.Meaning+" "+f.Action))
		}
		t.write(w)
	}
	meta(w, a.Meta)
}

// Distinguish writes what is over-represented in a selection, with a bar for
// each side.
func Distinguish(w io.Writer, a query.DistinguishAnswer) {
	if nothing(w, a.Meta) {
		return
	}
	fmt.Fprintf(w, "%s requests are selected, %s others have the metric\n\n", count(a.Selected), count(a.Rest))
	if len(a.Values) == 0 {
		fmt.Fprintln(w, "nothing sets them apart: no value is more frequent among them than chance allows")
		meta(w, a.Meta)
		return
	}
	t := table{left: 2}
	t.add("dimension", "value", "selected", "others", "")
	for _, v := range a.Values {
		draw := func(share float64, glyph string) string { return strings.Repeat(glyph, int(share*barWidth/2+0.5)) }
		t.add(clean(v.Dimension), value(v.Value), percent(&v.SelectedShare), percent(&v.RestShare),
			fmt.Sprintf("%-*s  %s", barWidth/2, draw(v.SelectedShare, "█"), draw(v.RestShare, "░")))
	}
	t.write(w)
	fmt.Fprintln(w, "\n█ share of the selected  ░ share of the others; the most telling first")
	meta(w, a.Meta)
}
