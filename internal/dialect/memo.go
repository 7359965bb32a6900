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
