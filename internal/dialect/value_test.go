package dialect

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestNumbersToNanoseconds(t *testing.T) {
	for _, c := range []struct {
		n          number
		unit       Unit
		javaScript bool
		want       int64
		ok         bool
	}{
		{number{float: 0.412337}, Seconds, false, 412337000, true}, // 412336999.99… in binary
		{number{float: 2.675}, Seconds, false, 2675000000, true},
		{number{float: 612.4}, Millis, false, 612400000, true},
		{number{int: 1187, float: 1187, isInt: true}, Millis, false, 1187000000, true},
		{number{int: 7, float: 7, isInt: true}, Micros, false, 7000, true},
		{number{int: 250000000, float: 25e7, isInt: true}, SecondsOrNanos, false, 250000000, true},
		{number{int: 1, float: 1, isInt: true}, SecondsOrNanos, true, 1000000000, true},
		{number{float: 0.25}, SecondsOrNanos, false, 250000000, true},
		{number{float: math.NaN()}, Seconds, false, 0, false},
		{number{float: math.Inf(1)}, Nanos, false, 0, false},
		{number{float: 1e300}, Seconds, false, 0, false},
		{number{int: math.MaxInt64, float: math.MaxInt64, isInt: true}, Seconds, false, 0, false},
		{number{int: math.MinInt64, float: math.MinInt64, isInt: true}, Millis, false, 0, false},
	} {
		got, ok := c.n.ns(c.unit, c.javaScript)
		if got != c.want || ok != c.ok {
			t.Errorf("%+v %s = %d, %v, want %d, %v", c.n, c.unit.Label(), got, ok, c.want, c.ok)
		}
	}
}

func TestNumbersInTexts(t *testing.T) {
	for text, want := range map[string]float64{"1834": 1834, " 0.25 ": 0.25, `"12"`: 12, "-1": -1, "1e3": 1000} {
		if n, ok := parseNumber(text); !ok || n.float != want {
			t.Errorf("%q = %v, %v", text, n, ok)
		}
	}
	for _, text := range []string{"", "none", "True", "infinity", "0x1p-2z", "12 ms", strings.Repeat("1", 100)} {
		if n, ok := parseNumber(text); ok {
			t.Errorf("%q is read as %v", text, n)
		}
	}
}

func TestDurationTexts(t *testing.T) {
	for text, want := range map[string]int64{
		"1.5s": 1500000000, "12.3ms": 12300000, "150µs": 150000, "150μs": 150000, "150us": 150000, "45ns": 45, "0ns": 0, "2s": 2000000000, "1.234567891s": 1234567891,
	} {
		if got, ok := parseDurationText(text); !ok || got != want {
			t.Errorf("%q = %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "s", "ms", "12", "12 parsecs", "NaNs"} {
		if got, ok := parseDurationText(text); ok {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestWallTimes(t *testing.T) {
	const want = 1795003200412000000
	for _, text := range []string{
		"2026-11-18T12:00:00.412Z", `"2026-11-18T12:00:00.412000Z"`, "2026-11-18T13:00:00.412+01:00", "2026-11-18T12:00:00.412", "2026-11-18 12:00:00.412+00:00",
	} {
		if got, ok := parseISOTime(text); !ok || got != want {
			t.Errorf("%q = %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "now", "9999-01-01T00:00:00Z", "0001-01-01T00:00:00Z"} {
		if got, ok := parseISOTime(text); ok {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestTextsAreShortAndValid(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", 10<<20), strings.Repeat("é", 200), "bad \xff\xfe", strings.Repeat("a", 255) + "é", strings.Repeat("\xff", 300)} {
		got := clip(text)
		if !utf8.ValidString(got) || len(got) > 3*maxText {
			t.Errorf("clip(%d bytes) = %d bytes, valid %v", len(text), len(got), utf8.ValidString(got))
		}
	}
	if got := clip(strings.Repeat("a", 255) + "é"); got != strings.Repeat("a", 255) {
		t.Errorf("a rune is cut: %q", got[250:])
	}
}

func TestFirstOfList(t *testing.T) {
	for text, want := range map[string]string{
		`["stop"]`: "stop", `["in_progress","completed"]`: "in_progress", `['length']`: "length", "stop": "stop", `"stop"`: "stop", "[]": "", "": "",
	} {
		if got := firstOfList(text); got != want {
			t.Errorf("%s = %q, want %q", text, got, want)
		}
	}
}

func TestWalkBlob(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,"b":{"c":"x","d":[1,{"e":2}]}}`:                          "/a=1 b/c=x d/d=1 d/e=2",
		"{'queue_time': 0.03, 'x': None, 'y': True}":                     "/queue_time=0.03 /x=None /y=True",
		`{"text":"a \"usage\": {\"n\": 9}","n":1}`:                       `/text=a \"usage\": {\"n\": 9} /n=1`,
		"Usage(queue_time=0.03, details=Details(n=1), at=date(2026, 1))": "/queue_time=0.03 details/n=1",
		`{"a":`:                   "",
		`{"a":"unterminated`:      "/a=unterminated",
		`]]]{"a":1}`:              "/a=1",
		strings.Repeat("[", 5000): "",
	} {
		var got []string
		walkBlob(text, func(parent, key, value string) { got = append(got, parent+"/"+key+"="+value) })
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%.40s:\n got %s\nwant %s", text, s, want)
		}
	}
}

func TestTolerantBools(t *testing.T) {
	v := pcommon.NewValueStr("True")
	if b, ok := readBool(v); !b || !ok {
		t.Errorf("True = %v, %v", b, ok)
	}
	v = pcommon.NewValueInt(7)
	if _, ok := readBool(v); ok {
		t.Error("7 is read as a bool")
	}
}
