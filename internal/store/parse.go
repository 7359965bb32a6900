package store

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// errLiteral says that a stored attribute is not what appendValue writes.
var errLiteral = errors.New("store: a stored attribute cannot be read")

// literals reads JSON as this package writes it: without white space.
type literals struct {
	text string
	at   int
}

func (l *literals) fail(want string) error {
	return fmt.Errorf("%w: %s expected at byte %d of %.80q", errLiteral, want, l.at, l.text)
}

// next reports whether c comes next, and steps over it if so.
func (l *literals) next(c byte) bool {
	if l.at < len(l.text) && l.text[l.at] == c {
		l.at++
		return true
	}
	return false
}

func (l *literals) expect(c byte) error {
	if !l.next(c) {
		return l.fail(string(rune(c)))
	}
	return nil
}

// list reads opening, elements and closing delimiter, calling element before each element.
func (l *literals) list(opening, closing byte, element func(i int) error) error {
	if err := l.expect(opening); err != nil {
		return err
	}
	for i := 0; !l.next(closing); i++ {
		if i > 0 {
			if err := l.expect(','); err != nil {
				return err
			}
		}
		if err := element(i); err != nil {
			return err
		}
	}
	return nil
}

// value reads the next literal into v.
func (l *literals) value(v pcommon.Value) error {
	if l.at == len(l.text) {
		return l.fail("a literal")
	}
	switch c := l.text[l.at]; {
	case c == '"':
		text, err := l.string()
		if err != nil {
			return err
		}
		v.SetStr(text)
		return nil
	case c == '[':
		s := v.SetEmptySlice()
		return l.list('[', ']', func(int) error { return l.value(s.AppendEmpty()) })
	case c == '{':
		return l.object(v)
	case c == '-' || c >= '0' && c <= '9':
		return l.number(v)
	case l.word("true"):
		v.SetBool(true)
	case l.word("false"):
		v.SetBool(false)
	case !l.word("null"): // null: v stays empty
		return l.fail("a literal")
	}
	return nil
}

func (l *literals) word(w string) bool {
	if strings.HasPrefix(l.text[l.at:], w) {
		l.at += len(w)
		return true
	}
	return false
}

func (l *literals) number(v pcommon.Value) error {
	from := l.at
	double := false
	for ; l.at < len(l.text); l.at++ {
		c := l.text[l.at]
		if c == '.' || c == 'e' {
			double = true
		} else if c != '-' && c != '+' && (c < '0' || c > '9') {
			break
		}
	}
	text := l.text[from:l.at]
	if double {
		return setDouble(v, text)
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %w", errLiteral, err)
	}
	v.SetInt(i)
	return nil
}

func setDouble(v pcommon.Value, text string) error {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("%w: %w", errLiteral, err)
	}
	v.SetDouble(f)
	return nil
}

// object reads a {…}: a map, or a value of a type that JSON lacks.
func (l *literals) object(v pcommon.Value) error {
	switch {
	case l.word(`{"@bytes":`):
		text, err := l.string()
		if err != nil {
			return err
		}
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fmt.Errorf("%w: %w", errLiteral, err)
		}
		v.SetEmptyBytes().FromRaw(raw)
		return l.expect('}')
	case l.word(`{"@double":`):
		text, err := l.string()
		if err != nil {
			return err
		}
		if err := setDouble(v, text); err != nil {
			return err
		}
		return l.expect('}')
	}
	return l.attributes(v.SetEmptyMap())
}

// attributes reads an object into m. Of a key that is there twice the first value stays.
func (l *literals) attributes(m pcommon.Map) error {
	return l.list('{', '}', func(int) error {
		key, err := l.string()
		if err != nil {
			return err
		}
		if err := l.expect(':'); err != nil {
			return err
		}
		return l.put(m, strings.TrimPrefix(key, "@"))
	})
}

// put reads the next literal as the value of key, unless m has that key.
func (l *literals) put(m pcommon.Map, key string) error {
	if _, twice := m.Get(key); twice {
		return l.value(pcommon.NewValueEmpty())
	}
	return l.value(m.PutEmpty(key))
}

// string reads a JSON string; without escapes it is a part of the text, not a copy.
func (l *literals) string() (string, error) {
	if err := l.expect('"'); err != nil {
		return "", err
	}
	from := l.at
	for ; l.at < len(l.text); l.at++ {
		switch l.text[l.at] {
		case '"':
			l.at++
			return l.text[from : l.at-1], nil
		case '\\':
			return l.escaped(from)
		}
	}
	return "", l.fail("the end of a string")
}

func (l *literals) escaped(from int) (string, error) {
	b := []byte(l.text[from:l.at])
	for l.at < len(l.text) {
		c := l.text[l.at]
		l.at++
		switch {
		case c == '"':
			return string(b), nil
		case c != '\\':
			b = append(b, c)
		case l.at < len(l.text) && l.text[l.at] == 'u' && l.at+5 <= len(l.text):
			code, err := strconv.ParseUint(l.text[l.at+1:l.at+5], 16, 7) // control characters only
			if err != nil {
				return "", fmt.Errorf("%w: %w", errLiteral, err)
			}
			b = append(b, byte(code))
			l.at += 5
		case l.at < len(l.text):
			b = append(b, l.text[l.at])
			l.at++
		}
	}
	return "", l.fail("the end of a string")
}
