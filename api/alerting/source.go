// Package alerting joins the alert evaluator to the store that it reads and to
// the API that shows it.
package alerting

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/query"
)

// Source reads the windows of alert rules from the requests table.
func Source(e *query.Engine) alert.Source {
	return func(ctx context.Context, q alert.Question) ([]alert.Series, error) {
		filters, err := query.ParseFilters(q.Rule.Filters)
		if err != nil {
			return nil, err
		}
		ask := query.AlertWindows{Filters: filters, GroupBy: q.Rule.GroupBy, Metric: query.Metric(q.Rule.Metric), Step: q.Step}
		for _, r := range q.Ranges {
			ask.Ranges = append(ask.Ranges, query.Range(r))
		}
		for _, l := range q.Group {
			ask.Group = append(ask.Group, l.Value)
		}
		if o := q.Rule.SLO; o != nil {
			ask.TTFT, ask.TPOT, ask.Total = time.Duration(o.TTFT), time.Duration(o.TPOT), time.Duration(o.Total)
		}
		groups := map[string]map[int64]*alert.Window{}
		err = e.AlertWindows(ctx, ask, func(c query.AlertCell) {
			key := strings.Join(c.Group, "\x00")
			if groups[key] == nil {
				groups[key] = map[int64]*alert.Window{}
			}
			w := groups[key][c.Window]
			if w == nil {
				start := q.Ranges[0].From.Add(time.Duration(c.Window) * q.Step)
				w = &alert.Window{Start: start, End: start.Add(q.Step), Strata: map[alert.Stratum]alert.Distribution{}}
				groups[key][c.Window] = w
			}
			add(w, c)
		})
		if err != nil {
			return nil, err
		}
		var all []alert.Series
		for key, windows := range groups {
			s := alert.Series{}
			values := strings.Split(key, "\x00")
			for i, name := range q.Rule.GroupBy {
				s.Group = append(s.Group, alert.Label{Name: name, Value: values[i]})
			}
			for _, w := range windows {
				s.Windows = append(s.Windows, *w)
			}
			slices.SortFunc(s.Windows, func(a, b alert.Window) int { return a.Start.Compare(b.Start) })
			all = append(all, s)
		}
		return all, nil
	}
}

func add(w *alert.Window, c query.AlertCell) {
	w.Requests += c.Requests
	w.Streamed += c.Streamed
	w.WithTTFT += c.WithTTFT
	w.Good += c.Good
	if !c.Measured {
		return
	}
	stratum := alert.Stratum{Model: c.Model, Input: c.Input, Vantage: c.Vantage, TTFTSource: c.TTFTSource}
	d, ok := w.Strata[stratum]
	if !ok {
		d = alert.Distribution{Counts: map[int32]int64{}, Slices: map[int32]alert.Slice{}}
		w.Strata[stratum] = d
	}
	for i, n := range c.Fine {
		if n > 0 {
			d.Counts[int32(c.Coarse)*8+int32(i)] += n
		}
	}
	slice := d.Slices[int32(c.Coarse)]
	slice.N += c.Requests
	slice.Sums[alert.PartNetwork] += c.Network
	slice.Sums[alert.PartQueue] += c.Queue
	slice.Sums[alert.PartPrefill] += c.Prefill
	slice.Sums[alert.PartDecode] += c.Decode
	slice.Sums[alert.PartRest] += c.Rest
	d.Slices[int32(c.Coarse)] = slice
}

// Oldest is when the first request of a range ended.
func Oldest(e *query.Engine) func(context.Context, alert.Range) (time.Time, error) {
	return func(ctx context.Context, r alert.Range) (time.Time, error) { return e.Oldest(ctx, query.Range(r)) }
}

const (
	// beforeChange is how long a version must have been absent to be new.
	beforeChange = 30 * time.Minute
	// newShare is the least share of the requests since a change that a version
	// must have to be named with it, and oldShare the most that it had before.
	newShare = 0.2
	oldShare = 0.02
	// exemplars is how many requests an alert shows.
	exemplars = 3
)

// Investigate finds the slowest requests since a change began, and the
// service.version that appeared with it.
func Investigate(e *query.Engine) func(context.Context, alert.Rule, []alert.Label, time.Time, time.Time) (string, []alert.Exemplar, error) {
	return func(ctx context.Context, r alert.Rule, group []alert.Label, began, end time.Time) (string, []alert.Exemplar, error) {
		filters, err := query.ParseFilters(r.Filters)
		if err != nil {
			return "", nil, err
		}
		for _, l := range group {
			filters = append(filters, query.Filter{Dimension: l.Name, Operator: query.Equal, Values: []string{l.Value}})
		}
		scope := func(from, to time.Time) query.Scope {
			return query.Scope{Range: query.Range{From: from, To: to}, Filters: filters}
		}
		before, err := versions(ctx, e, scope(began.Add(-beforeChange), began))
		if err != nil {
			return "", nil, err
		}
		since, err := versions(ctx, e, scope(began, end))
		if err != nil {
			return "", nil, err
		}
		found, most := "", newShare
		for version, share := range since {
			if version != "" && share >= most && before[version] <= oldShare && len(before) > 0 {
				found, most = version, share
			}
		}
		if r.Metric == "" {
			return found, nil, nil
		}
		slow, err := e.Requests(ctx, query.Requests{Scope: scope(began, end), Sort: "-" + r.Metric, Limit: exemplars})
		if err != nil {
			return found, nil, err
		}
		var shown []alert.Exemplar
		for _, q := range slow.Requests {
			shown = append(shown, alert.Exemplar{TraceID: q.TraceID, SpanID: q.SpanID, End: q.End, Model: q.Model, TotalNS: q.TotalNS, TTFTNS: q.TTFTNS})
		}
		return found, shown, nil
	}
}

// versions is each version's share of the requests.
func versions(ctx context.Context, e *query.Engine, s query.Scope) (map[string]float64, error) {
	answer, err := e.DimensionValues(ctx, query.DimensionValues{Scope: s, Dimension: "version"})
	if err != nil {
		return nil, err
	}
	var all int64
	for _, v := range answer.Values {
		all += v.Counts.N
	}
	shares := map[string]float64{}
	for _, v := range answer.Values {
		shares[v.Value] = float64(v.Counts.N) / float64(all)
	}
	return shares, nil
}
