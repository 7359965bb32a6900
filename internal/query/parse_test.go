package query

import (
	"testing"
	"time"
)

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
