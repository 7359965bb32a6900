package alert

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// RunTests runs a file of rule tests against rules and reports every
// expectation that was not met. The file has one statement a line:
//
//	rule ttft_p95_regression
//	group service=chat model=m
//	load 60/min ttft=300ms spread=0.4 tokens=1000 parts=prefill from=-30h
//	load 60/min ttft=900ms spread=0.4 tokens=1000 parts=queue from=0m to=10m
//	expect inactive at=0m
//	expect firing at=5m owner=queue
//
// Times are relative to the moment of interest. A load replaces the one before
// it of the same group from its start on; errors=0.1 and unknown=0.5 set the
// share of failed requests and of those without the metric. States are judged
// every minute from the first expectation's hour on; before, by windows.
func RunTests(ctx context.Context, rules []Rule, file io.Reader) error {
	var tests []*ruleTest
	scanner := bufio.NewScanner(file)
	for line := 1; scanner.Scan(); line++ {
		fields := strings.Fields(strings.SplitN(scanner.Text(), "#", 2)[0])
		if len(fields) == 0 {
			continue
		}
		if fields[0] == "rule" && len(fields) == 2 {
			t := &ruleTest{}
			for _, r := range rules {
				if r.Name == fields[1] {
					t.rule = r
				}
			}
			if t.rule.Name == "" {
				return fmt.Errorf("line %d: there is no rule %q", line, fields[1])
			}
			tests = append(tests, t)
			continue
		}
		if len(tests) == 0 {
			return fmt.Errorf("line %d: begin with `rule NAME`", line)
		}
		if err := tests[len(tests)-1].add(line, fields); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	var failures []error
	expectations := 0
	for _, t := range tests {
		expectations += len(t.expect)
		failures = append(failures, t.run(ctx)...)
	}
	if expectations == 0 {
		return errors.New("the file expects nothing: write `expect STATE at=TIME`")
	}
	return errors.Join(failures...)
}

type ruleTest struct {
	rule   Rule
	group  []Label
	loads  []testLoad
	expect []expectation
}

type testLoad struct {
	group    []Label
	rate     float64 // per minute
	ttft     time.Duration
	spread   float64 // sigma of a lognormal
	tokens   int
	part     Part
	errors   float64
	unknown  float64
	from, to time.Duration
}

type expectation struct {
	line  int
	group []Label
	state State
	owner string
	at    time.Duration
}

func (t *ruleTest) add(line int, fields []string) error {
	values := map[string]string{}
	for _, f := range fields[1:] {
		if name, value, ok := strings.Cut(f, "="); ok {
			values[name] = value
		}
	}
	var problem error
	duration := func(name string, fallback time.Duration) time.Duration {
		text, ok := values[name]
		if !ok {
			return fallback
		}
		d, err := time.ParseDuration(text)
		if err != nil {
			problem = fmt.Errorf("%s=%s is no duration; write for example 5m or -30h", name, text)
		}
		return d
	}
	number := func(name string, fallback float64) float64 {
		text, ok := values[name]
		if !ok {
			return fallback
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			problem = fmt.Errorf("%s=%s is no number", name, text)
		}
		return v
	}
	switch fields[0] {
	case "group":
		t.group = nil
		for _, name := range t.rule.GroupBy {
			t.group = append(t.group, Label{name, values[name]})
		}
	case "load":
		if len(fields) < 2 || !strings.HasSuffix(fields[1], "/min") {
			return errors.New("write `load RATE/min …`")
		}
		rate, err := strconv.ParseFloat(strings.TrimSuffix(fields[1], "/min"), 64)
		if err != nil {
			return fmt.Errorf("%s is no rate", fields[1])
		}
		l := testLoad{
			group: t.group, rate: rate, ttft: duration("ttft", 300*time.Millisecond), spread: number("spread", 0.3), tokens: int(number("tokens", 1000)),
			errors: number("errors", 0), unknown: number("unknown", 0), from: duration("from", 0), to: duration("to", 1000*time.Hour),
		}
		found := values["parts"] == ""
		for p := range partCount {
			if p.String() == values["parts"] {
				l.part, found = p, true
			}
		}
		if !found {
			return fmt.Errorf("parts=%s: use network, queue, prefill, decode or unattributed", values["parts"])
		}
		t.loads = append(t.loads, l)
	case "expect":
		if len(fields) < 3 {
			return errors.New("write `expect STATE at=TIME`")
		}
		t.expect = append(t.expect, expectation{line, t.group, State(fields[1]), values["owner"], duration("at", 0)})
	default:
		return fmt.Errorf("%q is no statement: use rule, group, load or expect", fields[0])
	}
	return problem
}

// testNow is the moment that a test's times are relative to: a Wednesday noon.
var testNow = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func (t *ruleTest) run(ctx context.Context) []error {
	if len(t.expect) == 0 {
		return nil
	}
	first, last := t.expect[0].at, t.expect[0].at
	for _, e := range t.expect {
		first, last = min(first, e.at), max(last, e.at)
	}
	samples, from := t.samples(last)
	w := newWatch(t.rule, samples.Read)
	length := time.Duration(t.rule.Window)
	begin := testNow.Add(min(first, 0)).Add(-length).Truncate(length)
	if from.Before(begin) {
		if err := w.replay(ctx, later(from, begin.Add(-week)), begin, func(time.Time, *group, Verdict, Event) {}, func(time.Time) {}); err != nil {
			return []error{err}
		}
	}
	var failures []error
	r := Replaying{w}
	verdicts := map[string]Verdict{}
	for end := begin.Add(time.Minute); !end.After(testNow.Add(last)); end = end.Add(time.Minute) {
		if err := r.minute(ctx, end, func(g *group, v Verdict, _ Event) { verdicts[Fingerprint("", g.labels)] = v }); err != nil {
			return []error{err}
		}
		for _, e := range t.expect {
			if !testNow.Add(e.at).Equal(end) {
				continue
			}
			got, v := State("no such group"), verdicts[Fingerprint("", e.group)]
			if g := w.groups[Fingerprint(t.rule.Name, e.group)]; g != nil {
				got = g.status.State
			}
			if got != e.state || e.owner != "" && e.owner != v.Ownership.Owner {
				failures = append(failures, fmt.Errorf("line %d: %s at %s: expected %s %s, is %s %s: %s",
					e.line, t.rule.Name, e.at, e.state, e.owner, got, v.Ownership.Owner, Explain(t.rule, v)))
			}
		}
	}
	return failures
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// samples draws the loads' requests until last, and says when the first came.
func (t *ruleTest) samples(last time.Duration) (*Samples, time.Time) {
	samples := NewSamples(nil)
	if o := t.rule.SLO; o != nil {
		samples = NewSamples(func(s Sample) bool {
			return !s.Failed && (o.TTFT == 0 || s.Value >= 0 && s.Value <= int64(o.TTFT))
		})
	}
	from := testNow
	for i, l := range t.loads {
		to := min(l.to, last+time.Minute)
		if at := testNow.Add(l.from); at.Before(from) {
			from = at
		}
		random := rand.New(rand.NewPCG(uint64(i), 7))
		for at := l.from; l.rate > 0; {
			at += time.Duration(random.ExpFloat64() * float64(time.Minute) / l.rate)
			if at >= to {
				break
			}
			if t.replaced(i, at) {
				continue
			}
			s := Sample{End: testNow.Add(at), Group: l.group, Model: "m", Input: l.tokens, Source: "test", Failed: random.Float64() < l.errors}
			s.Value = int64(float64(l.ttft) * math.Exp(l.spread*random.NormFloat64()))
			s.Parts[l.part] = float64(s.Value)
			if random.Float64() < l.unknown {
				s.Value = -1
			}
			samples.Add(s)
		}
	}
	return samples, from
}

// replaced says whether a later load of the same group holds at a time.
func (t *ruleTest) replaced(i int, at time.Duration) bool {
	for _, next := range t.loads[i+1:] {
		if Fingerprint("", next.group) == Fingerprint("", t.loads[i].group) && at >= next.from && at < next.to {
			return true
		}
	}
	return false
}
