package dialect

import "strings"

// maxBlob bounds how much of a JSON text in an attribute is read, and maxDepth
// how deep: such texts carry whole conversations.
const (
	maxBlob  = 256 << 10
	maxDepth = 16
)

// walkBlob calls visit for each scalar of a JSON text, or of Python's repr of a
// dict or an object (Usage(queue_time=0.03)), with its key and the key of the object around it. It is tolerant: what
// it cannot read it passes over. Quoted values are given without their quotes
// and without resolving escapes.
func walkBlob(s string, visit func(parent, key, value string)) {
	if len(s) > maxBlob {
		s = s[:maxBlob]
	}
	var keys [maxDepth]string // keys[d] is the key at depth d
	depth := 0
	pending := "" // a scalar that is a key if a colon follows
	have := false
	flush := func() {
		if have && depth > 0 && depth < maxDepth && keys[depth] != "" {
			visit(keys[depth-1], keys[depth], pending)
		}
		have = false
	}
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '{', '[', '(':
			have = false
			depth++
			if depth < maxDepth {
				keys[depth] = ""
				if c == '[' {
					// Elements of a list go under the list's own key.
					keys[depth] = keys[depth-1]
				}
			}
			i++
		case '}', ']', ')':
			flush()
			if depth > 0 {
				depth--
			}
			i++
		case ',':
			flush()
			i++
		case ':', '=':
			if have && depth < maxDepth {
				keys[depth] = pending
			}
			have = false
			i++
		case ' ', '\t', '\n', '\r':
			i++
		case '"', '\'':
			end := endOfText(s, i+1, c)
			pending, have = s[i+1:end], true
			i = end + 1
		default:
			end := i
			for end < len(s) && !blobPunctuation[s[end]] {
				end++
			}
			pending, have = s[i:end], true
			i = end
		}
	}
	flush()
}

// endOfText returns where the text that begins at i ends, at an unescaped quote or with s.
func endOfText(s string, i int, quote byte) int {
	if n := strings.IndexByte(s[i:], quote); n >= 0 && strings.IndexByte(s[i:i+n], '\\') < 0 {
		return i + n
	}
	for i < len(s) && s[i] != quote {
		if s[i] == '\\' {
			i++
		}
		i++
	}
	return min(i, len(s))
}

var blobPunctuation = [256]bool{'{': true, '}': true, '[': true, ']': true, '(': true, ')': true, ',': true, ':': true, '=': true, ' ': true, '\t': true, '\n': true, '\r': true, '"': true, '\'': true}
