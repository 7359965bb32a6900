package query

import (
	"encoding/csv"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var filterPattern = regexp.MustCompile(`(?s)^\s*([^\s=!~]+)\s*(=~|!=|=|in\s)(.*)$`)

// ParseFilter reads a filter as the API and rule files write it: `model=x`,
// `model!=x`, `model=~x.*` or `model in x,"y, z"`. White space around the
// dimension and the value does not count.
func ParseFilter(text string) (Filter, error) {
	match := filterPattern.FindStringSubmatch(text)
	if match == nil {
		return Filter{}, invalid("filter",
			"%q is no filter: write a dimension, one of = != =~ in, and a value, for example model=gpt-4o or model in gpt-4o,gpt-4o-mini", text)
	}
	f := Filter{Dimension: match[1], Operator: Operator(strings.TrimSpace(match[2]))}
	value := strings.TrimSpace(match[3])
	switch f.Operator {
	case In:
		r := csv.NewReader(strings.NewReader(value))
		r.TrimLeadingSpace = true
		values, err := r.Read()
		if err != nil {
			return Filter{}, invalid("filter", "%q: write the values with commas between them, a value with a comma in double quotes", text)
		}
		f.Values = values
	case Matches:
		if _, err := regexp.Compile(value); err != nil {
			return Filter{}, invalid("filter", "%q: %v; use RE2 syntax", text, err)
		}
		f.Values = []string{value}
	default:
		f.Values = []string{value}
	}
	return f, nil
}

// ParseFilters reads several filters, all of which must match.
func ParseFilters(texts []string) ([]Filter, error) {
	var filters []Filter
	for _, text := range texts {
		f, err := ParseFilter(text)
		if err != nil {
			return nil, err
		}
		filters = append(filters, f)
	}
	return filters, nil
}

// ParseTime reads a time given as RFC 3339 or relative to now: `now`, `now-1h`,
// `now-7d`. The parameter names what is read in the error.
func ParseTime(parameter, text string, now time.Time) (time.Time, error) {
	if rest, ok := strings.CutPrefix(text, "now"); ok {
		if rest == "" {
			return now.UTC(), nil
		}
		ago, minus := strings.CutPrefix(rest, "-")
		d, err := ParseStep(ago)
		if minus && err == nil {
			return now.Add(-d).UTC(), nil
		}
	} else if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), nil
	}
	return time.Time{}, invalid(parameter, "%q is no time: write RFC 3339, for example 2026-03-01T14:05:00Z, or now-1h, now-30m, now-7d", text)
}

// ParseStep reads a positive length of time: what time.ParseDuration reads,
// and whole days (7d) and weeks (2w), of 24 hours each.
func ParseStep(text string) (time.Duration, error) {
	unit := time.Duration(0)
	switch {
	case strings.HasSuffix(text, "d"):
		unit = 24 * time.Hour
	case strings.HasSuffix(text, "w"):
		unit = 7 * 24 * time.Hour
	}
	var d time.Duration
	var err error
	if unit > 0 {
		var n uint64
		n, err = strconv.ParseUint(text[:len(text)-1], 10, 16)
		d = time.Duration(n) * unit
	} else {
		d, err = time.ParseDuration(text)
	}
	if err != nil || d <= 0 {
		return 0, invalid("step", "%q is no length of time: write for example 10s, 1m, 1h or 7d", text)
	}
	return d, nil
}
