package dialect

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxText bounds the texts kept of a span: they become dimensions, not content.
const maxText = 256

// number is a numeric value as it was written.
type number struct {
	float float64
	int   int64
	isInt bool
}

// readNumber reads ints, doubles, numbers in strings and one-element arrays of
// them (captured HTTP headers are string arrays).
func readNumber(v pcommon.Value) (number, bool) {
	switch v.Type() {
	case pcommon.ValueTypeInt:
		return number{int: v.Int(), float: float64(v.Int()), isInt: true}, true
	case pcommon.ValueTypeDouble:
		return number{float: v.Double()}, true
	case pcommon.ValueTypeStr:
		return parseNumber(v.Str())
	case pcommon.ValueTypeSlice:
		if s := v.Slice(); s.Len() > 0 && s.At(0).Type() != pcommon.ValueTypeSlice {
			return readNumber(s.At(0))
		}
	}
	return number{}, false
}

func parseNumber(s string) (number, bool) {
	s = strings.Trim(s, ` "'`)
	if s == "" || len(s) > 64 {
		return number{}, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return number{int: n, float: float64(n), isInt: true}, true
	}
	// ParseFloat knows words such as "infinity"; those are texts here.
	if c := s[0]; c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') && !strings.EqualFold(s, "nan") {
		return number{}, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return number{float: f}, err == nil
}

// ns converts n, written in unit, to nanoseconds, rounding to nearest: 0.412337 s
// is 412336999.99… in binary. It fails if the result is no finite int64.
func (n number) ns(unit Unit, javaScript bool) (int64, bool) {
	scale := int64(1)
	switch unit {
	case Seconds:
		scale = 1e9
	case Millis:
		scale = 1e6
	case Micros:
		scale = 1e3
	case SecondsOrNanos:
		if !n.isInt || javaScript {
			scale = 1e9
		}
	}
	if n.isInt && (n.int == 0 || (n.int < math.MaxInt64/scale && n.int > -math.MaxInt64/scale)) {
		return n.int * scale, true
	}
	f := math.Round(n.float * float64(scale))
	if math.IsNaN(f) || math.Abs(f) >= math.MaxInt64 {
		return 0, false
	}
	return int64(f), true
}

// count returns n as a whole number.
func (n number) count() (int64, bool) {
	if n.isInt {
		return n.int, true
	}
	f := math.Round(n.float)
	if math.IsNaN(f) || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// readText reads a text; of arrays, also of those written as JSON, the first element.
func readText(v pcommon.Value) string {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return clip(firstOfList(v.Str()))
	case pcommon.ValueTypeInt:
		return strconv.FormatInt(v.Int(), 10)
	case pcommon.ValueTypeDouble:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	case pcommon.ValueTypeBool:
		return strconv.FormatBool(v.Bool())
	case pcommon.ValueTypeSlice:
		if s := v.Slice(); s.Len() > 0 && s.At(0).Type() == pcommon.ValueTypeStr {
			return clip(s.At(0).Str())
		}
	}
	return ""
}

// firstOfList returns the first element of a JSON or Python list of strings,
// without quotes, or s itself if it is none.
func firstOfList(s string) string {
	if len(s) < 2 {
		return s
	}
	if s[0] == '[' && s[len(s)-1] == ']' {
		s, _, _ = strings.Cut(s[1:len(s)-1], ",")
		s = strings.TrimSpace(s)
	}
	return unquote(s)
}

// unquote takes one pair of quotes off, as JSON-encoded texts have.
func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// clip bounds a text and makes it valid UTF-8.
func clip(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if r, size := utf8.DecodeLastRuneInString(s); r == utf8.RuneError && size == 1 {
			s = s[:len(s)-1]
		}
	}
	if !utf8.ValidString(s) {
		return strings.ToValidUTF8(s, "�")
	}
	return s
}

// readBool reads bools and their spellings in strings ("True").
func readBool(v pcommon.Value) (value, ok bool) {
	switch v.Type() {
	case pcommon.ValueTypeBool:
		return v.Bool(), true
	case pcommon.ValueTypeInt:
		return v.Int() != 0, v.Int() == 0 || v.Int() == 1
	case pcommon.ValueTypeStr:
		return parseBool(v.Str())
	}
	return false, false
}

func parseBool(s string) (value, ok bool) {
	switch s = unquote(s); {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

// parseDurationText reads Rust's Debug format of a Duration: 1.5s, 12.3ms, 150µs, 45ns.
func parseDurationText(s string) (int64, bool) {
	s = strings.Trim(s, ` "`)
	unit := Seconds
	switch {
	case strings.HasSuffix(s, "ns"):
		unit, s = Nanos, s[:len(s)-2]
	case strings.HasSuffix(s, "µs"), strings.HasSuffix(s, "μs"): // U+00B5 and U+03BC
		unit, s = Micros, s[:len(s)-3]
	case strings.HasSuffix(s, "us"):
		unit, s = Micros, s[:len(s)-2]
	case strings.HasSuffix(s, "ms"):
		unit, s = Millis, s[:len(s)-2]
	case strings.HasSuffix(s, "s"):
		s = s[:len(s)-1]
	default:
		return 0, false
	}
	n, ok := parseNumber(s)
	if !ok {
		return 0, false
	}
	return n.ns(unit, false)
}

// parseISOTime reads a wall time to Unix nanoseconds. Langfuse JSON-encodes it,
// so that the value has quotes of its own.
func parseISOTime(s string) (int64, bool) {
	s = unquote(strings.TrimSpace(s))
	if len(s) > 40 {
		return 0, false
	}
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 1970 && t.Year() < 2262 {
			return t.UnixNano(), true
		}
	}
	return 0, false
}
