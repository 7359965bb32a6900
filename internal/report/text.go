package report

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/phaseline/phaseline/internal/phase"
)

// barWidth is the width of a request's bar in characters.
const barWidth = 60

// Text prints each request as a table and a bar of its phases, and, with
// explanations, what each number rests on. explanations is nil or as long as
// requests.
func Text(to io.Writer, spans int, result phase.Result, explanations []phase.Explanation) error {
	w := &textWriter{bufio.NewWriter(to)}
	for i := range result.Requests {
		if i > 0 {
			w.line("")
		}
		w.request(&result.Requests[i])
		if explanations != nil {
			w.explain(explanations[i])
		}
	}
	if len(result.Requests) == 0 {
		w.line("No requests in %s: none is a generative model call that Phaseline knows.", plural(spans, "span"))
		w.line("docs/dialects.md lists the instrumentations it reads, and how to map attributes of others.")
	}
	if n := result.AbortedWithoutSpan; n > 0 {
		w.line("")
		w.line("%s without a span of the model's: aborted before the SDK ended it.", plural(n, "call"))
	}
	return w.Flush()
}

type textWriter struct{ *bufio.Writer }

func (w *textWriter) line(format string, args ...any) {
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

func (w *textWriter) request(r *phase.Request) {
	title := []string{r.Operation, r.Model, r.Provider}
	if r.Engine != "" && r.Engine != r.Provider {
		title = append(title, "on "+r.Engine)
	}
	switch r.Streaming {
	case phase.TriTrue:
		title = append(title, "streamed")
	case phase.TriFalse:
		title = append(title, "not streamed")
	}
	title = append(title, "seen by the "+r.Vantage.String())
	if r.Outcome != phase.OutcomeOK {
		title = append(title, r.Outcome.String())
	}
	w.line("%s", Printable(joinNonEmpty(title, "  ")))
	w.line("trace %s  span %s  service %s  %s", hex.EncodeToString(r.TraceID[:]), hex.EncodeToString(r.SpanID[:]),
		orDash(Printable(r.Service)), time.Unix(0, r.Start).UTC().Format("2006-01-02T15:04:05.000Z"))
	w.line("")
	w.line("  %-13s %12s", "total", formatDuration(r.Total))
	w.phase("network", r.Network, r.Provenance.Network, r.Total)
	w.phase("queue", r.Queue, r.Provenance.Queue, r.Total)
	w.phase("prefill", r.Prefill, r.Provenance.Prefill, r.Total)
	w.phase("decode", r.Decode, r.Provenance.Decode, r.Total)
	w.line("  %-13s %12s %6s", "unattributed", formatDuration(r.Unattributed), percent(r.Unattributed, r.Total))
	w.line("  |%s|", bar(r))
	w.line("")
	if r.TTFT.Known() {
		w.line("  %-13s %12s         %s, %s from %s", "ttft", formatDuration(r.TTFT), r.Provenance.TTFT, waitedFor(r.TTFTKind), Printable(r.TTFTSource))
		var parts []string
		for _, p := range [...]struct {
			name string
			ns   phase.Duration
		}{{"network", r.TTFTNetwork}, {"queue", r.TTFTQueue}, {"prefill", r.TTFTPrefill}, {"rest", r.TTFTRest}} {
			if p.ns.Known() {
				parts = append(parts, p.name+" "+formatDuration(p.ns))
			}
		}
		if len(parts) > 1 {
			w.line("  %-13s %12s         %s", "", "", strings.Join(parts, " + "))
		}
	} else {
		w.line("  %-13s %12s         unknown", "ttft", "-")
	}
	for _, extra := range [...]struct {
		name string
		ns   phase.Duration
		note string
	}{
		{"first answer", r.FirstAnswer, "first token that is not reasoning"},
		{"server", r.Server, "the server's window"},
		{"server ttft", r.ServerTTFT, ""},
		{"retry", r.Retry, "part of unattributed"},
		{"connect", r.Connect, "part of network"},
		{"tpot", r.TPOT, "per output token"},
	} {
		if extra.ns.Known() {
			w.line("  %-13s %12s         %s", extra.name, formatDuration(extra.ns), extra.note)
		}
	}
	for _, hop := range r.Hops {
		w.line("  %-13s %12s         %s, part of network", "hop", formatDuration(hop.NS), strings.ReplaceAll(hop.Name, "_", " "))
	}
	w.line("  %-13s %s", "tokens", tokens(r))
	if r.ErrorType != "" {
		w.line("  %-13s %s", "error", Printable(r.ErrorType))
	}
	for _, d := range phase.FlagDocs {
		if r.Flags&d.Flag != 0 {
			w.line("  ! %s: %s", d.Name, d.Meaning)
		}
	}
}

func (w *textWriter) phase(name string, ns phase.Duration, provenance phase.Provenance, total phase.Duration) {
	if !ns.Known() {
		w.line("  %-13s %12s %6s  unknown", name, "-", "")
		return
	}
	w.line("  %-13s %12s %6s  %s", name, formatDuration(ns), percent(ns, total), provenance)
}

func (w *textWriter) explain(e phase.Explanation) {
	w.line("")
	for _, f := range e.Facts {
		value := strconv.FormatInt(f.Value, 10)
		if strings.HasSuffix(f.Fact, "_ns") {
			value = formatDuration(phase.Duration(f.Value))
		}
		from := ""
		if f.SpanID != "" {
			from = fmt.Sprintf("  <- %s of span %s (%s, %s)", orDash(Printable(f.Attribute)), f.SpanID, orDash(Printable(f.SpanService)), orDash(f.Dialect))
		}
		w.line("  %-19s = %s: %s%s", f.Fact, value, f.Rule, from)
	}
	for _, r := range e.Refused {
		attribute := r.Attribute
		if attribute == "" {
			attribute = "times"
		}
		w.line("  %s: not believed: %s of span %s (%s, %s)", r.Flag, Printable(attribute), r.SpanID, orDash(Printable(r.SpanService)), orDash(r.Dialect))
	}
}

// bar draws the phases to scale: network N, queue Q, prefill P, decode D, the
// rest as dots. Every known phase of some length gets its share, and all
// shares add up to the width.
func bar(r *phase.Request) string {
	parts := [...]struct {
		letter byte
		ns     phase.Duration
	}{{'N', r.Network}, {'Q', r.Queue}, {'P', r.Prefill}, {'D', r.Decode}, {'.', r.Unattributed}}
	cells := make([]byte, 0, barWidth)
	var before float64
	for _, p := range parts {
		before += float64(max(p.ns, 0))
		until := barWidth
		if r.Total > 0 {
			until = int(before/float64(r.Total)*barWidth + 0.5)
		}
		for len(cells) < min(until, barWidth) {
			cells = append(cells, p.letter)
		}
	}
	return string(cells)
}

// waitedFor says what a time to first token ended with.
func waitedFor(k phase.TTFTKind) string {
	if k == phase.TTFTKindUnknown {
		return "first chunk or token,"
	}
	return strings.ReplaceAll(k.String(), "_", " ")
}

func tokens(r *phase.Request) string {
	count := func(n int64, name string) string {
		if n < 0 {
			return "unknown " + name
		}
		return strconv.FormatInt(n, 10) + " " + name
	}
	s := count(r.InputTokens, "in")
	if r.CachedInputTokens > 0 {
		s += fmt.Sprintf(" (%d cached)", r.CachedInputTokens)
	}
	s += ", " + count(r.OutputTokens, "out")
	if r.ReasoningTokens > 0 {
		s += fmt.Sprintf(" (%d reasoning)", r.ReasoningTokens)
	}
	return s
}

func percent(part, total phase.Duration) string {
	if total <= 0 {
		return ""
	}
	return strconv.FormatFloat(float64(part)/float64(total)*100, 'f', 1, 64) + "%"
}

// formatDuration prints with the digits that matter, in s, ms or µs.
func formatDuration(d phase.Duration) string {
	switch f := float64(d); {
	case d >= 1e9:
		return strconv.FormatFloat(f/1e9, 'f', 3, 64) + " s"
	case d >= 1e6:
		return strconv.FormatFloat(f/1e6, 'f', 3, 64) + " ms"
	default:
		return strconv.FormatFloat(f/1e3, 'f', 3, 64) + " µs"
	}
}

// Printable replaces whatever could change a terminal's state, or the order
// that it shows text in, by its escape.
func Printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

func joinNonEmpty(list []string, separator string) string {
	kept := list[:0]
	for _, s := range list {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, separator)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
