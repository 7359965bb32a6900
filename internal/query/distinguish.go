package query

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// valuesPerDimension is how many values of one dimension are looked at: those
// that occur most in the selection.
const valuesPerDimension = 50

// noise is the score below which a value is not told: chance alone passes it
// once in a thousand values.
const noise = 10.83

// Distinguish answers with the dimension values that are more frequent inside
// a selection than outside.
func (e *Engine) Distinguish(ctx context.Context, d Distinguish) (DistinguishAnswer, error) {
	s, err := e.check(d.Scope, nil)
	if err != nil {
		return DistinguishAnswer{}, err
	}
	if d.Selection.Metric, err = checkMetric(d.Selection.Metric, TTFT, Metrics); err != nil {
		return DistinguishAnswer{}, err
	}
	if err := checkSelection(s, d.Selection); err != nil {
		return DistinguishAnswer{}, err
	}
	limit, err := checkLimit(d.Limit, 20, e.limits.Groups)
	if err != nil {
		return DistinguishAnswer{}, err
	}
	columns := []column{}
	attributes := len(d.Dimensions) == 0
	if attributes {
		for _, d := range dimensions {
			if !d.filterOnly {
				columns = append(columns, column{dimension: d})
			}
		}
	}
	for _, name := range d.Dimensions {
		c, err := lookUp("dimensions", name)
		if err != nil {
			return DistinguishAnswer{}, err
		}
		if c.name == "flag" {
			return DistinguishAnswer{}, invalid("dimensions", "flag is no single value; leave it out")
		}
		columns = append(columns, c)
	}

	p := exactly(s.Range)
	answer := DistinguishAnswer{Meta: p.meta(nil), Values: []Distinction{}}
	whole, err := e.busiest(ctx, s, p)
	if err != nil {
		return DistinguishAnswer{}, err
	}
	answer.describe(whole)
	add := func(v Distinction) {
		if v.Dimension == "" { // the requests themselves
			answer.Selected, answer.Rest = v.Selected, v.Rest
			return
		}
		answer.Values = append(answer.Values, v)
	}
	if err := e.distinguish(ctx, s, d.Selection, columns, attributes, add); err != nil {
		return DistinguishAnswer{}, err
	}
	for i := range answer.Values {
		answer.Values[i].judge(answer.Selected, answer.Rest)
	}
	answer.Values = slices.DeleteFunc(answer.Values, func(v Distinction) bool { return v.Score < noise })
	slices.SortFunc(answer.Values, func(a, b Distinction) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Dimension, b.Dimension), cmp.Compare(a.Value, b.Value))
	})
	answer.Values = answer.Values[:min(limit, len(answer.Values))]
	return answer, nil
}

// distinguish counts each value inside and outside the selection, in one pass
// over the counted requests that have the metric.
func (e *Engine) distinguish(ctx context.Context, s scope, r Rectangle, columns []column, attributes bool, add func(Distinction)) error {
	q := (&statement{}).add("SELECT pair.1, pair.2, countIf(selected) AS inside, countIf(NOT selected) FROM (SELECT (")
	r.Range = r.Range.utc()
	r.inside(q)
	q.add(" AND end >= fromUnixTimestamp64Nano(").bind("Int64", r.Range.From.UnixNano())
	q.add(", 'UTC') AND end < fromUnixTimestamp64Nano(").bind("Int64", r.Range.To.UnixNano()).add(", 'UTC')) AS selected, ")
	q.add("arrayJoin(arrayConcat([('', '')")
	for _, c := range columns {
		q.add(", (").bind("String", c.name).add(", toString(")
		c.write(q, TierRequests)
		q.add("))")
	}
	q.add("]")
	if attributes {
		q.add(", arrayMap((k, v) -> (concat('attributes.', k), v), mapKeys(attributes), mapValues(attributes))")
	}
	q.add(")) AS pair")
	s.from(q, s.Range)
	q.add(" AND ")
	s.counted(q)
	q.add(" AND isNotNull(", metricColumns[r.Metric], ")) GROUP BY pair ORDER BY inside DESC, pair LIMIT ").bind("UInt64", valuesPerDimension)
	q.add(" BY pair.1")
	return e.read(ctx, q, func(rows driver.Rows) error {
		var v Distinction
		var inside, outside uint64
		if err := rows.Scan(&v.Dimension, &v.Value, &inside, &outside); err != nil {
			return err
		}
		v.Selected, v.Rest = int64(inside), int64(outside)
		add(v)
		return nil
	})
}

// judge computes the shares and the score among so many requests inside and outside.
func (v *Distinction) judge(inside, outside int64) {
	if inside == 0 || outside == 0 {
		return
	}
	v.SelectedShare = float64(v.Selected) / float64(inside)
	v.RestShare = float64(v.Rest) / float64(outside)
	// G² of the 2×2 table: inside or outside, with the value or without.
	term := func(n, row, column int64) float64 {
		if n == 0 {
			return 0
		}
		expected := float64(row) * float64(column) / float64(inside+outside)
		return 2 * float64(n) * math.Log(float64(n)/expected)
	}
	with, without := v.Selected+v.Rest, inside+outside-v.Selected-v.Rest
	g := term(v.Selected, inside, with) + term(v.Rest, outside, with) +
		term(inside-v.Selected, inside, without) + term(outside-v.Rest, outside, without)
	v.Score = math.Copysign(g, v.SelectedShare-v.RestShare)
}
