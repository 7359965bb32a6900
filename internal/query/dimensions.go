package query

import (
	"context"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Dimensions asks which dimensions can be grouped and filtered by.
type Dimensions struct{ Scope }

// DimensionsAnswer lists the built-in dimensions first, then the operator's.
type DimensionsAnswer struct {
	Dimensions []Dimension `json:"dimensions"`
}

// Dimension describes one dimension.
type Dimension struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	// Group says that it may be grouped by, not only filtered by.
	Group bool `json:"group"`
	// LongRange says that long ranges answer it (the hours table has it).
	LongRange bool `json:"long_range"`
}

// DimensionValues asks for the values of one dimension.
type DimensionValues struct {
	Scope
	Dimension string `json:"dimension"`
	Prefix    string `json:"prefix,omitempty"` // only values that start so
	Limit     int    `json:"limit,omitempty"`  // default 100
}

// DimensionValuesAnswer has the most frequent values first.
type DimensionValuesAnswer struct {
	Meta
	Dimension string       `json:"dimension"`
	Values    []ValueCount `json:"values"`
	Omitted   int64        `json:"omitted_values"`
}

// ValueCount is one value and its requests.
type ValueCount struct {
	Value  string `json:"value"`
	Counts Counts `json:"counts"`
}

// Dimensions answers with what can be grouped and filtered by. The attributes
// are those of requests of the range.
func (e *Engine) Dimensions(ctx context.Context, d Dimensions) (DimensionsAnswer, error) {
	s, err := e.check(d.Scope, nil)
	if err != nil {
		return DimensionsAnswer{}, err
	}
	answer := DimensionsAnswer{}
	for _, d := range dimensions {
		answer.Dimensions = append(answer.Dimensions, Dimension{
			Name: d.name, Description: d.description, Group: !d.filterOnly, LongRange: d.hours != "",
		})
	}
	q := (&statement{}).add("SELECT DISTINCT arrayJoin(mapKeys(attributes)) AS name FROM (SELECT attributes")
	s.from(q, s.Range)
	q.add(" LIMIT 100000) ORDER BY name LIMIT 1000")
	err = e.read(ctx, q, func(rows driver.Rows) error {
		var name string
		err := rows.Scan(&name)
		answer.Dimensions = append(answer.Dimensions, Dimension{Name: attributePrefix + name, Description: "the span attribute " + name, Group: true})
		return err
	})
	return answer, err
}

// DimensionValues answers with the values of a dimension and their requests.
func (e *Engine) DimensionValues(ctx context.Context, d DimensionValues) (DimensionValuesAnswer, error) {
	s, err := e.check(d.Scope, nil)
	if err != nil {
		return DimensionValuesAnswer{}, err
	}
	c, err := lookUp("name", d.Dimension)
	if err != nil {
		return DimensionValuesAnswer{}, err
	}
	limit, err := checkLimit(d.Limit, 100, e.limits.Groups)
	if err != nil {
		return DimensionValuesAnswer{}, err
	}
	if len(d.Prefix) > maxFilterSize {
		return DimensionValuesAnswer{}, tooLarge("prefix", "the prefix is longer than %d bytes", maxFilterSize)
	}
	p, err := e.plan(ctx, s.by(c), 0)
	if err != nil {
		return DimensionValuesAnswer{}, err
	}
	answer := DimensionValuesAnswer{Meta: p.meta(nil), Dimension: d.Dimension, Values: []ValueCount{}}
	whole, err := e.busiest(ctx, s, p)
	if err != nil {
		return DimensionValuesAnswer{}, err
	}
	answer.describe(whole)
	if p.tier == TierHours {
		answer.Values, err = e.valuesOfHours(ctx, s.by(c), p, d.Prefix)
	} else {
		answer.Values, answer.Omitted, err = e.values(ctx, s, c, d.Prefix, limit)
	}
	if over := len(answer.Values) - limit; over > 0 {
		answer.Values, answer.Omitted = answer.Values[:limit], int64(over)
	}
	return answer, err
}

// by returns the scope grouped by one dimension.
func (s scope) by(c column) scope {
	s.groups = []column{c}
	return s
}

func (e *Engine) valuesOfHours(ctx context.Context, s scope, p plan, prefix string) ([]ValueCount, error) {
	groups, err := e.busiest(ctx, s, p)
	values := []ValueCount{}
	for _, g := range groups {
		if strings.HasPrefix(g.key[0], prefix) {
			values = append(values, ValueCount{Value: g.key[0], Counts: g.cell.counts})
		}
	}
	return values, err
}

// values reads the most frequent values and how many more there are. Unlike
// groups, a dimension may have any number of them.
func (e *Engine) values(ctx context.Context, s scope, c column, prefix string, limit int) (values []ValueCount, omitted int64, err error) {
	q := (&statement{}).add("SELECT ")
	if c.name == "flag" {
		q.add("arrayJoin(flags)")
	} else {
		q.add("toString(")
		c.write(q, TierRequests)
		q.add(")")
	}
	q.add(" AS value, count() AS n, countIf(outcome = 'ok'), countIf(outcome = 'error'), countIf(outcome = 'cancelled'), countIf(outcome = 'cache_hit'), count() OVER ()")
	s.from(q, s.Range)
	if prefix != "" {
		q.add(" AND startsWith(value, ").bind("String", prefix).add(")")
	}
	q.add(" GROUP BY value ORDER BY n DESC, value LIMIT ").bind("UInt64", limit)

	values = []ValueCount{}
	err = e.read(ctx, q, func(rows driver.Rows) error {
		var value string
		var n [6]uint64
		if err := rows.Scan(&value, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5]); err != nil {
			return err
		}
		values = append(values, ValueCount{Value: value, Counts: countsOf(n[:5])})
		omitted = int64(n[5]) - int64(len(values))
		return nil
	})
	return values, omitted, err
}
