package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/phaseline/phaseline/internal/phase"
)

// document is the JSON of a decomposition.
type document struct {
	Requests []phase.Request `json:"requests"`
	// Explanations are as many as requests, in their order.
	Explanations       []phase.Explanation `json:"explanations,omitempty"`
	AbortedWithoutSpan int                 `json:"aborted_without_span,omitempty"`
}

// JSON prints {"requests": […]}, ordered by start, then span id.
func JSON(w io.Writer, result phase.Result, explanations []phase.Explanation) error {
	d := document{Requests: result.Requests, Explanations: explanations, AbortedWithoutSpan: result.AbortedWithoutSpan}
	if d.Requests == nil {
		d.Requests = []phase.Request{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(d); err != nil {
		return err
	}
	_, err := w.Write(escapeUnprintable(b.Bytes()))
	return err
}

// escapeUnprintable writes what a terminal might obey as \u escapes. Outside of
// strings, JSON has no such characters except line feeds.
func escapeUnprintable(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out = append(out, data[:size]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		data = data[size:]
	}
	return out
}
