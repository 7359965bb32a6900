package alert

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is read ahead is what would have been read, with fewer questions, also
// where the store refuses long ranges.
func TestReadingAheadChangesNothing(t *testing.T) {
	test := &ruleTest{rule: Rule{Name: "slow", Kind: KindRegression, GroupBy: []string{"service"}}.WithDefaults()}
	for i, line := range []string{
		"group service=chat", "load 10/min from=-200h", "group service=mail", "load 5/min from=-40h to=-20h",
	} {
		require.NoError(t, test.add(i, strings.Fields(line)))
	}
	samples, _ := test.samples(0)

	type seen struct {
		group string
		start time.Time
		n     int64
	}
	ask := func(step, longest time.Duration, wrap func(Source) Source) (found []seen, questions int) {
		read := wrap(func(ctx context.Context, q Question) ([]Series, error) {
			questions++
			if q.Ranges[0].To.Sub(q.Ranges[0].From) > longest {
				return nil, errors.New("too much")
			}
			return samples.Read(ctx, q)
		})
		for from := testNow.Add(-60 * time.Hour); from.Before(testNow); from = from.Add(3 * time.Hour) {
			for _, q := range []Question{
				{Rule: test.rule, Ranges: []Range{{from, from.Add(3 * time.Hour)}}, Step: step},
				{Rule: test.rule, Ranges: WeeklyRanges(test.rule, from), Step: baselineCell},
			} {
				series, err := read(t.Context(), q)
				require.NoError(t, err)
				for _, s := range series {
					for _, w := range s.Windows {
						if !w.End.After(q.Ranges[len(q.Ranges)-1].To) { // whole
							found = append(found, seen{s.Group[0].Value, w.Start, w.N()})
						}
					}
				}
			}
		}
		return found, questions
	}
	directly := func(s Source) Source { return s }
	ahead := func(s Source) Source { return newReadAhead(s).Read }
	for _, step := range []time.Duration{5 * time.Minute, 7 * time.Minute, 90 * time.Minute} {
		want, many := ask(step, week, directly)
		got, few := ask(step, week, ahead)
		assert.ElementsMatch(t, want, got, step)
		assert.Less(t, few, many, step)
		got, refused := ask(step, 4*time.Hour, ahead)
		assert.ElementsMatch(t, want, got, step)
		assert.Equal(t, many+1, refused, "it is refused once")
	}
}
