package api

import (
	"time"

	"github.com/phaseline/phaseline/internal/query"
)

// Defaults of the parameters that every question has. Limits and the defaults
// of the rest are internal/query's.
const (
	defaultFrom   = "now-1h"
	defaultTo     = "now"
	defaultMetric = query.TTFT
	// Attributes are dimensions even of a service that was quiet for an hour.
	defaultDimensionsFrom = "now-24h"
)

// given returns what p points to, or the fallback if the parameter was not given.
func given[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}

func parseRange(from, to *string, now time.Time) (query.Range, error) {
	var r query.Range
	var err error
	if r.From, err = query.ParseTime("from", given(from, defaultFrom), now); err != nil {
		return r, err
	}
	r.To, err = query.ParseTime("to", given(to, defaultTo), now)
	return r, err
}

func (s *server) scope(from *From, to *To, filters *Filter, tenant *Tenant, includeFailed *IncludeFailed) (query.Scope, error) {
	scope := query.Scope{Tenant: given(tenant, ""), IncludeFailed: given(includeFailed, false)}
	var err error
	if scope.Range, err = parseRange(from, to, s.Now()); err != nil {
		return scope, err
	}
	scope.Filters, err = query.ParseFilters(given(filters, nil))
	return scope, err
}

// rectangle returns nil if no edge of it was given.
func (s *server) rectangle(scope query.Scope, metric query.Metric, from *SelectFrom, to *SelectTo, low *SelectLow, high *SelectHigh) (*query.Rectangle, error) {
	if from == nil && to == nil && low == nil && high == nil {
		return nil, nil
	}
	r := query.Rectangle{Range: scope.Range, Metric: metric, LowNS: low, HighNS: high}
	var err error
	if from != nil {
		if r.Range.From, err = query.ParseTime("select_from", *from, s.Now()); err != nil {
			return nil, err
		}
	}
	if to != nil {
		if r.Range.To, err = query.ParseTime("select_to", *to, s.Now()); err != nil {
			return nil, err
		}
	}
	return &r, nil
}

func parseStep(step *Step) (time.Duration, error) {
	if step == nil || *step == "" {
		return 0, nil // about 120 steps
	}
	return query.ParseStep(*step)
}

// sides reads the two sides of a comparison. Filters for one side alone compare
// within one window; otherwise A is the window just before B.
func (s *server) sides(p GetCompareParams) (a, b query.Scope, err error) {
	if b, err = s.scope(nil, nil, p.Filter, p.Tenant, p.IncludeFailed); err != nil {
		return a, b, err
	}
	now := s.Now()
	if b.Range.From, err = query.ParseTime("b_from", given(p.BFrom, defaultFrom), now); err != nil {
		return a, b, err
	}
	if b.Range.To, err = query.ParseTime("b_to", given(p.BTo, defaultTo), now); err != nil {
		return a, b, err
	}
	a = b
	if p.AFrom != nil || p.ATo != nil || p.A == nil && p.B == nil {
		a.Range.To = b.Range.From
		if p.ATo != nil {
			if a.Range.To, err = query.ParseTime("a_to", *p.ATo, now); err != nil {
				return a, b, err
			}
		}
		a.Range.From = a.Range.To.Add(b.Range.From.Sub(b.Range.To))
		if p.AFrom != nil {
			if a.Range.From, err = query.ParseTime("a_from", *p.AFrom, now); err != nil {
				return a, b, err
			}
		}
	}
	if a.Filters, err = addFilters(a.Filters, "a", p.A); err != nil {
		return a, b, err
	}
	if b.Filters, err = addFilters(b.Filters, "b", p.B); err != nil {
		return a, b, err
	}
	if err = b.Range.Check("b_from", "b_to"); err == nil {
		err = a.Range.Check("a_from", "a_to")
	}
	return a, b, err
}

func addFilters(filters []query.Filter, parameter string, texts *Filters) ([]query.Filter, error) {
	all := append([]query.Filter{}, filters...)
	for _, text := range given(texts, nil) {
		f, err := query.ParseFilter(text)
		if err == nil {
			err = f.Validate()
		}
		if err != nil {
			return nil, renamed(err, parameter)
		}
		all = append(all, f)
	}
	return all, nil
}
