package query

import (
	"reflect"
	"testing"
	"time"
)

func TestParseFilter(t *testing.T) {
	tests := map[string]struct {
		want Filter
		bad  bool
	}{
		`model=gpt-4o`:                       {want: Filter{"model", Equal, []string{"gpt-4o"}}},
		` model = gpt 4 `:                    {want: Filter{"model", Equal, []string{"gpt 4"}}},
		`model=`:                             {want: Filter{"model", Equal, []string{""}}},
		`error_type=a=b`:                     {want: Filter{"error_type", Equal, []string{"a=b"}}},
		`model!=x`:                           {want: Filter{"model", NotEqual, []string{"x"}}},
		`model=~gpt-.*`:                      {want: Filter{"model", Matches, []string{"gpt-.*"}}},
		"http.route=/v1/chat":                {want: Filter{"http.route", Equal, []string{"/v1/chat"}}},
		`model in gpt-4o, gpt-4o-mini`:       {want: Filter{"model", In, []string{"gpt-4o", "gpt-4o-mini"}}},
		`model in "a, b",c`:                  {want: Filter{"model", In, []string{"a, b", "c"}}},
		"service=x'; DROP TABLE requests --": {want: Filter{"service", Equal, []string{"x'; DROP TABLE requests --"}}},
		``:                                   {bad: true},
		`model`:                              {bad: true},
		`=x`:                                 {bad: true},
		`model in`:                           {bad: true},
		`model in "a`:                        {bad: true},
		`model=~(`:                           {bad: true},
		`model!~x`:                           {bad: true},
	}
	for text, tt := range tests {
		got, err := ParseFilter(text)
		if (err != nil) != tt.bad {
			t.Errorf("ParseFilter(%q): error %v, want an error: %v", text, err, tt.bad)
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParseFilter(%q) = %#v, want %#v", text, got, tt.want)
		}
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 3, 1, 14, 5, 0, 7, time.UTC)
	good := map[string]time.Time{
		"now":                       now,
		"now-1h":                    now.Add(-time.Hour),
		"now-90s":                   now.Add(-90 * time.Second),
		"now-7d":                    now.Add(-7 * 24 * time.Hour),
		"2026-03-01T15:05:00+01:00": time.Date(2026, 3, 1, 14, 5, 0, 0, time.UTC),
	}
	for text, want := range good {
		if got, err := ParseTime("from", text, now); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("ParseTime(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "now+1h", "now-", "now-0s", "now--1h", "now-99999999d", "yesterday", "2026-03-01", "now-1h junk", "d"} {
		got, err := ParseTime("from", text, now)
		if failure, ok := err.(*Error); !ok || failure.Code != CodeInvalid || failure.Parameter != "from" {
			t.Errorf("ParseTime(%q) = %v, %v; want an error that names from", text, got, err)
		}
	}
}
