package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/phaseline/phaseline/internal/phase"
)

// Quality asks what the data rests on: who sends what, and what is missing. Of a
// range of many requests only about Limits.ExactRows of the newest are
// looked at; the answer's range says which.
type Quality struct{ Scope }

// QualityAnswer reports per service, and every flag with what to do about it.
type QualityAnswer struct {
	Meta
	Services []ServiceQuality `json:"services"`
	Flags    []FlagCount      `json:"flags"`
}

// ServiceQuality is what one service's instrumentation sends.
type ServiceQuality struct {
	Service     string       `json:"service"`
	Dialects    []ValueCount `json:"dialects"`
	Engines     []ValueCount `json:"engines"`
	TTFTSources []ValueCount `json:"ttft_sources"`
	Counts      Counts       `json:"counts"`
	// Vantages count where totals were observed.
	Vantages []ValueCount `json:"vantages"`
	Coverage Coverage     `json:"coverage"`
	// Hints say what is missing and how to switch it on.
	Hints []string `json:"hints"`
}

// FlagCount is one data-quality flag.
type FlagCount struct {
	Flag    string `json:"flag"`
	N       int64  `json:"n"`
	Meaning string `json:"meaning"`
	Action  string `json:"action"` // what to do about it
}

// Quality answers with what the data rests on, service by service.
func (e *Engine) Quality(ctx context.Context, q Quality) (QualityAnswer, error) {
	s, err := e.check(q.Scope, nil)
	if err != nil {
		return QualityAnswer{}, err
	}
	if s.Range, err = e.newest(ctx, s, e.limits.ExactRows); err != nil {
		return QualityAnswer{}, err
	}
	answer := QualityAnswer{Meta: exactly(s.Range).meta(nil), Services: []ServiceQuality{}, Flags: []FlagCount{}}
	all := &cell{}
	services := map[string]*service{}
	err = e.instrumentations(ctx, s, func(name string, values [4]string, streaming int64, c *cell) {
		all.add(c)
		if services[name] == nil {
			services[name] = &service{cell: &cell{}}
		}
		services[name].add(values, streaming, c)
	})
	if err != nil {
		return QualityAnswer{}, err
	}
	answer.describeCell(all)
	for name, x := range services {
		answer.Services = append(answer.Services, x.answer(name))
	}
	slices.SortFunc(answer.Services, func(a, b ServiceQuality) int {
		return cmp.Or(cmp.Compare(b.Counts.N, a.Counts.N), cmp.Compare(a.Service, b.Service))
	})
	flag, err := lookUp("filter", "flag")
	if err != nil {
		return QualityAnswer{}, err
	}
	counts, _, err := e.values(ctx, s, flag, "", e.limits.Groups)
	for _, v := range counts {
		f := FlagCount{Flag: v.Value, N: v.Counts.N}
		if i := slices.IndexFunc(phase.FlagDocs, func(d phase.FlagDoc) bool { return d.Name == v.Value }); i >= 0 {
			f.Meaning, f.Action = phase.FlagDocs[i].Meaning, phase.FlagDocs[i].Advice
		}
		answer.Flags = append(answer.Flags, f)
	}
	return answer, err
}

// newest is the end of the range that has about n of its requests.
func (e *Engine) newest(ctx context.Context, s scope, n int64) (Range, error) {
	if !s.Range.hasWholeHour() {
		return s.Range, nil
	}
	held, err := e.inHours(ctx, s, s.Range.wholeHours())
	if held.n > n {
		s.Range.From = s.Range.To.Add(-time.Duration(float64(s.Range.length()) * float64(n) / float64(held.n)))
	}
	return s.Range, err
}

// instrumentations reads every combination of service, dialect, engine, TTFT
// source and vantage, with how many counted requests are streaming.
func (e *Engine) instrumentations(ctx context.Context, s scope, add func(service string, values [4]string, streaming int64, c *cell)) error {
	q := (&statement{}).add("SELECT service, dialect, engine, ttft_source, toString(vantage), ",
		"count(), countIf(outcome = 'ok'), countIf(outcome = 'error'), countIf(outcome = 'cancelled'), countIf(outcome = 'cache_hit'), countIf(")
	s.counted(q)
	q.add("), countIf(streaming AND ")
	s.counted(q)
	q.add(")")
	for _, m := range Metrics {
		q.add(", countIf(isNotNull(", metricColumns[m], ") AND ")
		s.counted(q)
		q.add(")")
	}
	s.from(q, s.Range)
	q.add(" GROUP BY service, dialect, engine, ttft_source, vantage LIMIT ").bind("UInt64", 10*e.limits.Groups)
	return e.read(ctx, q, func(rows driver.Rows) error {
		var name string
		var values [4]string
		var n [7]uint64
		var known [metricCount]uint64
		dest := []any{&name, &values[0], &values[1], &values[2], &values[3]}
		for i := range n {
			dest = append(dest, &n[i])
		}
		for i := range known {
			dest = append(dest, &known[i])
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		c := &cell{counts: countsOf(n[:5]), counted: int64(n[5])}
		for i := range known {
			c.amounts[i].n = int64(known[i])
		}
		add(name, values, int64(n[6]), c)
		return nil
	})
}

// service collects what one service sends.
type service struct {
	cell      *cell
	streaming int64
	values    [4]map[string]*Counts // dialect, engine, TTFT source, vantage
}

func (x *service) add(values [4]string, streaming int64, c *cell) {
	x.cell.add(c)
	x.streaming += streaming
	for i, v := range values {
		if x.values[i] == nil {
			x.values[i] = map[string]*Counts{}
		}
		if x.values[i][v] == nil {
			x.values[i][v] = &Counts{}
		}
		x.values[i][v].merge(c.counts)
	}
}

func (x *service) answer(name string) ServiceQuality {
	var lists [4][]ValueCount
	for i := range lists {
		lists[i] = []ValueCount{}
		for v, counts := range x.values[i] {
			lists[i] = append(lists[i], ValueCount{Value: v, Counts: *counts})
		}
		slices.SortFunc(lists[i], func(a, b ValueCount) int {
			return cmp.Or(cmp.Compare(b.Counts.N, a.Counts.N), cmp.Compare(a.Value, b.Value))
		})
	}
	return ServiceQuality{
		Service: name, Counts: x.cell.counts, Coverage: x.cell.coverage(),
		Dialects: lists[0], Engines: lists[1], TTFTSources: lists[2], Vantages: lists[3],
		Hints: x.hints(),
	}
}

// missing is the share of requests without a number from which on a hint says so.
const missing = 0.1

// hints say what is missing and how to switch it on.
func (x *service) hints() []string {
	hints := []string{}
	n := x.cell.counted
	if n == 0 {
		return hints
	}
	percent := func(without, of int64) string { return fmt.Sprintf("%.0f %%", 100*float64(without)/float64(of)) }
	if without := x.streaming - x.cell.amount(TTFT).n; without > 0 && float64(without) > missing*float64(x.streaming) {
		hints = append(hints, percent(without, x.streaming)+" of the streaming requests have no time to first token: "+
			"use an instrumentation that sends gen_ai.response.time_to_first_chunk, or map the attribute that has it under mappings")
	}
	client := x.values[3]["client"]
	if without := n - x.cell.amount(Queue).n; client != nil && float64(without) > missing*float64(n) {
		hints = append(hints, percent(without, n)+" of the requests have no queue and prefill time: only the inference server knows them. "+
			"Where it is yours, switch its tracing on (vLLM: --otlp-traces-endpoint) and let clients pass the traceparent header on")
	}
	if server := x.values[3]["server"]; server != nil && float64(server.N) > missing*float64(x.cell.counts.N) {
		hints = append(hints, percent(server.N, x.cell.counts.N)+" of the requests were only seen by the server, so their network time is unknown: "+
			"instrument the callers and let them pass the traceparent header on")
	}
	if without := n - x.cell.amount(TPOT).n; x.cell.amount(Decode).n > 0 && float64(x.cell.amount(Decode).n-x.cell.amount(TPOT).n) > missing*float64(n) {
		hints = append(hints, percent(without, n)+" of the requests have no time per output token: let the instrumentation send gen_ai.usage.output_tokens")
	}
	return hints
}
