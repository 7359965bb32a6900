package dialect

import "go.opentelemetry.io/collector/pdata/pcommon"

// memo holds texts that were read lately. Spans repeat each other's models,
// services and paths: such a text is not checked again, and those who keep facts
// keep one copy of it.
type memo [256]string

// text is readText.
func (m *memo) text(v pcommon.Value) string {
	if v.Type() != pcommon.ValueTypeStr {
		return readText(v)
	}
	s := v.Str()
	known := &m[hashName(s)%uint64(len(m))]
	if *known == s {
		return *known
	}
	text := readText(v)
	if text == s {
		*known = s
	}
	return text
}

// bytes is a text that was checked before.
func (m *memo) bytes(b []byte) string {
	end := b[max(len(b)-8, 0):] // so short that it is not allocated
	known := &m[hashName(string(end))%uint64(len(m))]
	if *known != string(b) {
		*known = string(b)
	}
	return *known
}
