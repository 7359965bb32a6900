package query

import (
	"slices"
	"time"
)

// scope is a Scope that was checked: what the WHERE clauses are made of.
type scope struct {
	Scope
	conditions []condition
	groups     []column
}

// earliest and latest bound what a DateTime64(9) can hold.
var (
	earliest = time.Unix(0, 0)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Check refuses a range that is empty or that the store cannot hold. The parameters
// are named in the error.
func (r Range) Check(from, to string) error {
	switch {
	case r.From.Before(earliest) || r.From.After(latest):
		return invalid(from, "%s is out of range; write a time between 1970 and 2200", r.From.Format(time.RFC3339))
	case r.To.Before(earliest) || r.To.After(latest):
		return invalid(to, "%s is out of range; write a time between 1970 and 2200", r.To.Format(time.RFC3339))
	case !r.From.Before(r.To):
		return invalid(from, "%s is not before %s", r.From.Format(time.RFC3339Nano), r.To.Format(time.RFC3339Nano))
	}
	return nil
}

func (r Range) utc() Range { return Range{From: r.From.UTC(), To: r.To.UTC()} }

func (r Range) length() time.Duration { return r.To.Sub(r.From) }

func (e *Engine) check(s Scope, groupBy []string) (scope, error) {
	if err := s.Range.Check("from", "to"); err != nil {
		return scope{}, err
	}
	s.Range = s.Range.utc()
	conditions, err := checkFilters(s.Filters)
	if err != nil {
		return scope{}, err
	}
	groups, err := checkGroupBy(groupBy)
	return scope{Scope: s, conditions: conditions, groups: groups}, err
}

// CheckGroupBy refuses what requests cannot be grouped by.
func CheckGroupBy(names []string) error {
	_, err := checkGroupBy(names)
	return err
}

func checkGroupBy(names []string) ([]column, error) {
	if len(names) > maxGroupBy {
		return nil, invalid("group_by", "%d dimensions are too many to group by; at most %d", len(names), maxGroupBy)
	}
	var groups []column
	for i, name := range names {
		c, err := lookUp("group_by", name)
		if err != nil {
			return nil, err
		}
		if c.filterOnly {
			return nil, invalid("group_by", "%s has too many values to group by; filter by it instead", name)
		}
		if slices.Contains(names[:i], name) {
			return nil, invalid("group_by", "%s is given twice", name)
		}
		groups = append(groups, c)
	}
	return groups, nil
}

func checkMetric(m Metric, fallback Metric, allowed []Metric) (Metric, error) {
	if m == "" {
		return fallback, nil
	}
	if !slices.Contains(allowed, m) {
		err := invalid("metric", "there is no metric %q here", string(m))
		for _, a := range allowed {
			err.Allowed = append(err.Allowed, string(a))
		}
		return "", err
	}
	return m, nil
}

func checkQuantiles(given []float64, fallback ...float64) ([]float64, error) {
	if len(given) == 0 {
		return fallback, nil
	}
	if len(given) > maxQuantiles {
		return nil, invalid("quantiles", "%d quantiles are too many; at most %d", len(given), maxQuantiles)
	}
	for _, q := range given {
		if !(q > 0 && q < 1) {
			return nil, invalid("quantiles", "%g is no quantile; write numbers between 0 and 1, for example 0.5,0.99", q)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(given))), nil
}

func checkLimit(given, fallback, most int) (int, error) {
	switch {
	case given == 0:
		return min(fallback, most), nil
	case given < 0:
		return 0, invalid("limit", "%d is not positive", given)
	case given > most:
		return 0, tooLarge("limit", "%d is too many; at most %d", given, most)
	}
	return given, nil
}

// from appends FROM and WHERE over the requests of the ranges.
func (s scope) from(q *statement, ranges ...Range) {
	q.add(" FROM requests FINAL")
	s.whereRequests(q, ranges...)
}

// fromVersions is from, but with every stored version of each request.
func (s scope) fromVersions(q *statement, ranges ...Range) {
	q.add(" FROM requests")
	s.whereRequests(q, ranges...)
}

func (s scope) whereRequests(q *statement, ranges ...Range) {
	q.add(" WHERE tenant = ").bind("String", s.Tenant).add(" AND (")
	list(q, " OR ", ranges, func(r Range) {
		q.add("end >= fromUnixTimestamp64Nano(").bind("Int64", r.From.UnixNano())
		q.add(", 'UTC') AND end < fromUnixTimestamp64Nano(").bind("Int64", r.To.UnixNano()).add(", 'UTC')")
	})
	q.add(")")
	s.where(q, TierRequests)
}

// fromHours appends FROM and WHERE over whole hours.
func (s scope) fromHours(q *statement, r Range) {
	q.add(" FROM hours FINAL")
	s.whereHours(q, r)
}

func (s scope) whereHours(q *statement, r Range) {
	q.add(" WHERE tenant = ").bind("String", s.Tenant)
	q.add(" AND hour >= ").bind("DateTime('UTC')", r.From).add(" AND hour < ").bind("DateTime('UTC')", r.To)
	s.where(q, TierHours)
}

func (s scope) where(q *statement, tier Tier) {
	for _, c := range s.conditions {
		q.add(" AND ")
		c.write(q, tier)
	}
}

// counted appends the condition under which a request counts in latencies.
func (s scope) counted(q *statement) {
	if s.IncludeFailed {
		q.add("true")
	} else {
		q.add("outcome = 'ok'")
	}
}

// counts says whether a request of an outcome counts in latencies.
func (s scope) counts(o outcome) bool { return s.IncludeFailed || o == outcomeOK }

// labels appends the group's expressions as g0, g1, g2, each with a comma after it.
func (s scope) labels(q *statement, tier Tier) {
	for i, g := range s.groups {
		q.add("toString(")
		g.write(q, tier)
		q.add(") AS ", groupNames[i], ", ")
	}
}

var groupNames = [maxGroupBy]fragment{"g0", "g1", "g2"}

// groupBy appends GROUP BY the labels and then more, if there is any of either.
func (s scope) groupBy(q *statement, more ...fragment) {
	names := append(slices.Clone(groupNames[:len(s.groups)]), more...)
	if len(names) > 0 {
		q.add(" GROUP BY ")
		list(q, ", ", names, func(f fragment) { q.add(f) })
	}
}

// key is the values of a group's dimensions; unused ones are empty.
type key [maxGroupBy]string

// scan returns where to scan the labels of a row.
func (s scope) scan(k *key) []any {
	dest := make([]any, 0, 24)
	for i := range s.groups {
		dest = append(dest, &k[i])
	}
	return dest
}

func (s scope) label(k key) []Label {
	labels := make([]Label, len(s.groups))
	for i, g := range s.groups {
		labels[i] = Label{Dimension: g.name, Value: k[i]}
	}
	return labels
}
