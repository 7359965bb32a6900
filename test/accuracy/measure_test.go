package accuracy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
	"github.com/phaseline/phaseline/internal/simulate"
)

// tolerance is how far an answer may lie from the truth. Doubles in seconds,
// whole microseconds and drifting clocks all stay far below it.
const tolerance = int64(time.Millisecond)

// part is one number of an answer that is held against the truth.
type part int

const (
	network part = iota
	queue
	prefill
	decode
	ttft
	parts
)

func (p part) String() string {
	return [...]string{"network", "queue", "prefill", "decode", "ttft"}[p]
}

// tally is what one combination of dialects came to.
type tally struct {
	requests int
	known    [parts]int     // answers that are a number
	errors   [parts][]int64 // absolute, of the judged ones
	untold   [parts]int
	rows     []pair
}

// pair is one request's answer beside what it had to be.
type pair struct {
	service string
	answer  phase.Request
	expect  simulate.Expectation
}

// outcome is a whole measurement.
type outcome struct {
	requests, spans, deliveries, repeated int
	lostSpans                             int     // requests that lost at least one span
	unseen                                int     // requests whose client span was lost or never written
	outside                               []int64 // server time outside the engine's span
	byEvidence                            map[string]*tally
	violations                            []string
	violated                              int
}

func (o *outcome) violate(t *simulate.Truth, format string, args ...any) {
	o.violated++
	if len(o.violations) < 25 {
		o.violations = append(o.violations, fmt.Sprintf("%s, trace %s, lost %b: ", t.Evidence(), t.TraceID, t.Lost)+fmt.Sprintf(format, args...))
	}
}

// measure simulates about n requests, reads and decomposes what arrives of
// them, and compares every answer with the truth.
func measure(n int, seed uint64) (*outcome, error) {
	o := &outcome{byEvidence: map[string]*tally{}}
	reader := dialect.NewReader(dialect.Options{})
	shuffle := rand.New(rand.NewPCG(seed, 7))
	for o.requests < n {
		seed++
		if err := o.segment(reader, shuffle, seed); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// segment is ten minutes of traffic.
func (o *outcome) segment(reader *dialect.Reader, shuffle *rand.Rand, seed uint64) error {
	from := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC).UnixNano()
	sim, err := simulate.New(simulate.GroundTruth(), seed, from)
	if err != nil {
		return err
	}
	var truths []*simulate.Truth
	sim.Truths = func(t *simulate.Truth) { truths = append(truths, t) }
	deliveries := append(sim.Advance(from+int64(10*time.Minute)), sim.Flush()...)

	// The order of arrival is already that of separate exporters with delays;
	// shuffled on top of it, nothing can rest on order.
	shuffle.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
	arrived := map[pcommon.TraceID][]dialect.Facts{}
	sent := map[ptrace.Traces]bool{}
	for _, d := range deliveries {
		o.deliveries++
		if sent[d.Traces] {
			o.repeated++
		}
		sent[d.Traces] = true
		for _, rs := range d.Traces.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					o.spans++
					id := span.TraceID()
					arrived[id] = append(arrived[id], reader.Read(rs.Resource(), ss.Scope(), span))
				}
			}
		}
	}
	for _, t := range truths {
		o.requests++
		if t.Emitted&simulate.RoleEngine != 0 {
			o.outside = append(o.outside, t.BeforeSpan+t.AfterSpan)
		}
		o.compare(t, phase.Decompose(arrived[t.TraceID]))
	}
	return nil
}

// compare judges the rows of one trace, which holds one request.
func (o *outcome) compare(t *simulate.Truth, result phase.Result) {
	if t.Lost != 0 {
		o.lostSpans++
	}
	expect := t.Expect()
	var row *phase.Request
	for i := range result.Requests {
		r := &result.Requests[i]
		o.conserved(t, r)
		if r.SpanID == [8]byte(t.SpanID) {
			row = r
		} else if expect.Row && r.Outcome == phase.OutcomeOK {
			// A failed attempt with a span of its own is a row; nothing else is.
			o.violate(t, "a second row at span %x", r.SpanID)
		}
	}
	if !expect.Row {
		o.unseen++
		return
	}
	if row == nil {
		o.violate(t, "no row at its client span %s (rows %d)", t.SpanID, len(result.Requests))
		return
	}
	o.judge(t, expect, row)
}

// conserved checks that the parts of a row add up exactly.
func (o *outcome) conserved(t *simulate.Truth, r *phase.Request) {
	sum := r.Unattributed
	for _, d := range []phase.Duration{r.Network, r.Queue, r.Prefill, r.Decode} {
		if d.Known() {
			sum += d
		}
	}
	if sum != r.Total || r.Unattributed < 0 {
		o.violate(t, "parts add up to %d of %d", sum, r.Total)
	}
}

func (o *outcome) judge(t *simulate.Truth, expect simulate.Expectation, row *phase.Request) {
	y := o.byEvidence[t.Evidence()]
	if y == nil {
		y = &tally{}
		o.byEvidence[t.Evidence()] = y
	}
	y.requests++
	y.rows = append(y.rows, pair{t.Service, *row, expect})
	if d := distance(int64(row.Total), expect.Total); d > tolerance {
		o.violate(t, "total is %d, truly %d", row.Total, expect.Total)
	}
	if want := wantOutcome[t.Outcome]; !slices.Contains(want, row.Outcome) {
		o.violate(t, "outcome %v, truly %d", row.Outcome, t.Outcome)
	}
	for p, got := range answers(row) {
		want := expected(expect)[p]
		if got.Known() {
			y.known[p]++
		}
		switch {
		case want.Want == simulate.Untold:
			y.untold[p]++
		case want.Want == simulate.Absent && got.Known():
			o.violate(t, "%s is %d, must be unknown (flags %v)", part(p), got, row.Flags.Names())
		case want.Want == simulate.Present && !got.Known():
			o.violate(t, "%s is unknown, truly %d (flags %v)", part(p), want.NS, row.Flags.Names())
		case want.Want != simulate.Absent && got.Known():
			d := distance(int64(got), want.NS)
			y.errors[p] = append(y.errors[p], d)
			if d > tolerance {
				o.violate(t, "%s is %d, truly %d, off by %v (flags %v)", part(p), got, want.NS, time.Duration(d), row.Flags.Names())
			}
		}
	}
}

// A cancellation raised as an exception may be told as an error.
var wantOutcome = map[simulate.Outcome][]phase.Outcome{
	simulate.OK:        {phase.OutcomeOK},
	simulate.Failed:    {phase.OutcomeError},
	simulate.Cancelled: {phase.OutcomeCancelled, phase.OutcomeError},
	simulate.CacheHit:  {phase.OutcomeCacheHit, phase.OutcomeOK}, // OK where the gateway's span was lost
}

func answers(r *phase.Request) [parts]phase.Duration {
	return [parts]phase.Duration{r.Network, r.Queue, r.Prefill, r.Decode, r.TTFT}
}

func expected(e simulate.Expectation) [parts]simulate.Expected {
	return [parts]simulate.Expected{e.Network, e.Queue, e.Prefill, e.Decode, e.TTFT}
}

func distance(a, b int64) int64 { return max(a-b, b-a) }
