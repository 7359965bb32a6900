package store

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxDepth is how deep arrays and maps may nest; what lies deeper becomes null.
const maxDepth = 8

// appendValue appends v as a JSON literal that keeps its OTLP type (see
// migrations/0001_spans.sql); text past limit bytes is cut. It reports whether
// the literal says the whole of v.
func appendValue(b []byte, v pcommon.Value, limit, depth int) (_ []byte, whole bool) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return appendText(b, v.Str(), limit)
	case pcommon.ValueTypeInt:
		return strconv.AppendInt(b, v.Int(), 10), true
	case pcommon.ValueTypeDouble:
		return appendDouble(b, v.Double()), true
	case pcommon.ValueTypeBool:
		return strconv.AppendBool(b, v.Bool()), true
	case pcommon.ValueTypeBytes:
		raw := v.Bytes().AsRaw()
		whole = len(raw) <= limit
		if !whole {
			raw = raw[:limit]
		}
		b = append(b, `{"@bytes":"`...)
		b = base64.StdEncoding.AppendEncode(b, raw)
		return append(b, `"}`...), whole
	case pcommon.ValueTypeSlice:
		return appendSlice(b, v.Slice(), limit, depth)
	case pcommon.ValueTypeMap:
		return appendMap(b, v.Map(), limit, depth)
	}
	return append(b, "null"...), true
}

// appendDouble writes a double so that it cannot be taken for an int.
func appendDouble(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		b = append(b, `{"@double":"`...)
		b = strconv.AppendFloat(b, f, 'g', -1, 64)
		return append(b, `"}`...)
	}
	from := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, 64)
	for _, c := range b[from:] {
		if c == '.' || c == 'e' {
			return b
		}
	}
	return append(b, ".0"...)
}

func appendSlice(b []byte, s pcommon.Slice, limit, depth int) (_ []byte, whole bool) {
	if depth >= maxDepth {
		return append(b, "null"...), false
	}
	whole = true
	from := len(b)
	b = append(b, '[')
	for i := range s.Len() {
		if len(b)-from > limit {
			whole = false
			break
		}
		if i > 0 {
			b = append(b, ',')
		}
		var ok bool
		b, ok = appendValue(b, s.At(i), limit, depth+1)
		whole = whole && ok
	}
	return append(b, ']'), whole
}

func appendMap(b []byte, m pcommon.Map, limit, depth int) (_ []byte, whole bool) {
	if depth >= maxDepth {
		return append(b, "null"...), false
	}
	whole = true
	from := len(b)
	b = append(b, '{')
	for key, value := range m.All() {
		if len(b)-from > limit {
			whole = false
			break
		}
		if len(b) > from+1 {
			b = append(b, ',')
		}
		var ok bool
		b, ok = appendKey(b, key)
		whole = whole && ok
		b, ok = appendValue(b, value, limit, depth+1)
		whole = whole && ok
	}
	return append(b, '}'), whole
}

// appendKey appends a map's key and its colon; @ is doubled, since it marks types.
func appendKey(b []byte, key string) (_ []byte, whole bool) {
	if len(key) > 0 && key[0] == '@' {
		key = "@" + key
	}
	b, whole = appendText(b, key, maxKeyLength)
	return append(b, ':'), whole
}

const hexDigits = "0123456789abcdef"

// appendText appends s, trimmed to limit bytes, as a JSON string.
func appendText(b []byte, s string, limit int) (_ []byte, whole bool) {
	s, whole = trimText(s, limit)
	b = append(b, '"')
	from := 0 // s[from:i] is plain and not yet appended
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		if c < ' ' {
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(b, '\\', c)
		}
		from = i + 1
	}
	b = append(b, s[from:]...)
	return append(b, '"'), whole
}

// trimText cuts s to limit bytes and replaces what is not UTF-8; whole says that there was nothing to do.
func trimText(s string, limit int) (_ string, whole bool) {
	whole = len(s) <= limit
	if !whole {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit]
	}
	if utf8.ValidString(s) {
		return s, whole
	}
	return strings.ToValidUTF8(s, "\ufffd"), false
}
