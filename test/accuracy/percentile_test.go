package accuracy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/phaseline/phaseline/internal/histogram"
	"github.com/phaseline/phaseline/internal/phase"
	"github.com/phaseline/phaseline/internal/query"
	"github.com/phaseline/phaseline/internal/simulate"
)

// percentile is one quantile of a combination's total as people are told it,
// beside the truth: from the requests themselves, from the log buckets of hours,
// and what the requests around it are made of.
type percentile struct {
	q                      float64
	n                      int64
	truth, exact, bucketed int64      // nanoseconds
	answered, actual       [4]float64 // mean network, queue, prefill, decode around it
}

// askPercentiles asks for the breakdown of every client's total. Each client has
// a combination of dialects of its own.
func (v *verdict) askPercentiles(ctx context.Context, conn driver.Conn, hour time.Time) error {
	question := query.Composition{
		Scope:  query.Scope{Range: query.Range{From: hour, To: hour.Add(time.Hour)}},
		Metric: query.Total, GroupBy: []string{"service"}, Quantiles: []float64{0.5, 0.9, 0.95, 0.99}, Limit: 100,
	}
	exact, err := query.New(conn, query.Limits{}).Composition(ctx, question)
	if err != nil {
		return err
	}
	// An hour that has changed rests before it is rolled up, half a minute and more.
	hours := query.New(conn, query.Limits{ExactRows: 1})
	var rolled query.CompositionAnswer
	for deadline := time.Now().Add(10 * time.Minute); ; time.Sleep(time.Second) {
		if rolled, err = hours.Composition(ctx, question); err != nil {
			return err
		}
		if rolled.Tier == query.TierHours && rolled.N == exact.N {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("from %s there are %d of %d requests", rolled.Tier, rolled.N, exact.N)
		}
	}
	fromHours := map[string]query.CompositionGroup{}
	for _, g := range rolled.Groups {
		fromHours[g.Labels[0].Value] = g
	}
	tallies := map[string]*tally{}
	for _, y := range v.byEvidence {
		service := y.rows[0].service
		if tallies[service] != nil {
			return fmt.Errorf("%s has two combinations of dialects", service)
		}
		tallies[service] = y
	}
	for _, g := range exact.Groups {
		service := g.Labels[0].Value
		y := tallies[service]
		if y == nil || !g.CompleteOnly {
			continue // an engine, whose rows lost their client; or evidence that never carries every phase
		}
		err = errors.Join(err, y.percentilesOf(g, fromHours[service]))
	}
	return err
}

// percentilesOf sets one group's answers beside the truth of the same requests.
func (y *tally) percentilesOf(exact, rolled query.CompositionGroup) error {
	service := exact.Labels[0].Value
	var all, complete []pair
	for _, p := range y.rows {
		if p.answer.Outcome != phase.OutcomeOK {
			continue
		}
		all = append(all, p)
		known := answers(&p.answer)
		if !slices.Contains(known[:ttft], phase.Unknown) {
			complete = append(complete, p)
		}
	}
	if int64(len(all)) != exact.N || int64(len(complete)) != exact.Complete || rolled.N != exact.N {
		return fmt.Errorf("%s: %d requests, %d complete, %d in hours; stored are %d and %d",
			service, exact.N, exact.Complete, rolled.N, len(all), len(complete))
	}
	slices.SortFunc(all, func(a, b pair) int { return cmp.Compare(a.expect.Total, b.expect.Total) })
	slices.SortFunc(complete, func(a, b pair) int { return cmp.Compare(a.answer.Total, b.answer.Total) })
	for i, c := range exact.Compositions {
		if c.WindowTooSmall {
			return fmt.Errorf("%s: p%g rests on %d requests only", service, 100*c.Q, c.Window)
		}
		p := percentile{
			q: c.Q, n: exact.N, truth: all[histogram.Rank(c.Q, exact.N)].expect.Total,
			exact: *c.ValueNS, bucketed: *rolled.Compositions[i].ValueNS,
		}
		for _, r := range complete[c.FromRank:c.ToRank] {
			truth := expected(r.expect)
			for j, e := range truth[:ttft] {
				if e.Want == simulate.Untold {
					e.NS = int64(answers(&r.answer)[j])
				}
				p.actual[j] += float64(e.NS) / float64(c.Window)
			}
		}
		for j := range p.answered {
			if string(c.Parts[j].Part) != part(j).String() {
				return fmt.Errorf("%s: part %d is %s", service, j, c.Parts[j].Part)
			}
			p.answered[j] = float64(c.Parts[j].MeanNS)
		}
		y.percentiles = append(y.percentiles, p)
	}
	return nil
}

// check says how the percentile misses its bound, or nothing.
func (p *percentile) check() error {
	if d := distance(p.exact, p.truth); d > tolerance {
		return fmt.Errorf("p%g of the total is %d, truly %d", p.q*100, p.exact, p.truth)
	}
	if d := distance(p.bucketed, p.truth); float64(d) > histogram.ErrorBound*float64(p.truth)+float64(tolerance) {
		return fmt.Errorf("p%g of the total from buckets is %d, truly %d: more than %.2f %% apart", p.q*100, p.bucketed, p.truth, histogram.ErrorBound*100)
	}
	for i := range p.actual {
		if d := p.answered[i] - p.actual[i]; max(d, -d) > float64(tolerance) {
			return fmt.Errorf("%s around p%g is %.0f, truly %.0f", part(i), p.q*100, p.answered[i], p.actual[i])
		}
	}
	return nil
}
