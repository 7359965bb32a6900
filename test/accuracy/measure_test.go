package accuracy

import (
	"fmt"
	"slices"
	"time"

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
	requests    int
	known       [parts]int     // answers that are a number
	errors      [parts][]int64 // absolute, of the judged ones
	untold      [parts]int
	rows        []pair
	percentiles []percentile
}

// pair is one request's answer beside what it had to be.
type pair struct {
	service string
	answer  phase.Request
	expect  simulate.Expectation
}

// verdict is what holding the stored rows against the truth comes to.
type verdict struct {
	lostSpans  int     // requests that lost at least one span
	unseen     int     // requests whose client span was lost or never written
	outside    []int64 // server time outside the engine's span
	byEvidence map[string]*tally
	violations []string // the first ones
	violated   int
}

func (v *verdict) violate(t *simulate.Truth, format string, args ...any) {
	v.violated++
	if len(v.violations) < 25 {
		v.violations = append(v.violations, fmt.Sprintf("%s, trace %s, lost %b: ", t.Evidence(), t.TraceID, t.Lost)+fmt.Sprintf(format, args...))
	}
}

// judge compares what is stored of every request with the truth.
func judge(truths []*simulate.Truth, stored map[[16]byte][]phase.Request) *verdict {
	v := &verdict{byEvidence: map[string]*tally{}}
	for _, t := range truths {
		if t.Lost != 0 {
			v.lostSpans++
		}
		if t.Emitted&simulate.RoleEngine != 0 {
			v.outside = append(v.outside, t.BeforeSpan+t.AfterSpan)
		}
		v.compare(t, stored[t.TraceID])
	}
	return v
}

// compare judges the rows of one trace, which holds one request.
func (v *verdict) compare(t *simulate.Truth, rows []phase.Request) {
	expect := t.Expect()
	var row *phase.Request
	for i := range rows {
		r := &rows[i]
		v.conserved(t, r)
		if r.SpanID == [8]byte(t.SpanID) {
			row = r
		} else if expect.Row && r.Outcome == phase.OutcomeOK {
			// A failed attempt with a span of its own is a row; nothing else is.
			v.violate(t, "a second row at span %x", r.SpanID)
		}
	}
	if !expect.Row {
		v.unseen++
		return
	}
	if row == nil {
		v.violate(t, "no row at its client span %s (rows %d)", t.SpanID, len(rows))
		return
	}
	v.judge(t, expect, row)
}

// conserved checks that the parts of a row add up exactly.
func (v *verdict) conserved(t *simulate.Truth, r *phase.Request) {
	sum := r.Unattributed
	for _, d := range []phase.Duration{r.Network, r.Queue, r.Prefill, r.Decode} {
		if d.Known() {
			sum += d
		}
	}
	if sum != r.Total || r.Unattributed < 0 {
		v.violate(t, "parts add up to %d of %d", sum, r.Total)
	}
}

func (v *verdict) judge(t *simulate.Truth, expect simulate.Expectation, row *phase.Request) {
	y := v.byEvidence[t.Evidence()]
	if y == nil {
		y = &tally{}
		v.byEvidence[t.Evidence()] = y
	}
	y.requests++
	y.rows = append(y.rows, pair{t.Service, *row, expect})
	if d := distance(int64(row.Total), expect.Total); d > tolerance {
		v.violate(t, "total is %d, truly %d", row.Total, expect.Total)
	}
	if want := wantOutcome[t.Outcome]; !slices.Contains(want, row.Outcome) {
		v.violate(t, "outcome %v, truly %d", row.Outcome, t.Outcome)
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
			v.violate(t, "%s is %d, must be unknown (flags %v)", part(p), got, row.Flags.Names())
		case want.Want == simulate.Present && !got.Known():
			v.violate(t, "%s is unknown, truly %d (flags %v)", part(p), want.NS, row.Flags.Names())
		case want.Want != simulate.Absent && got.Known():
			d := distance(int64(got), want.NS)
			y.errors[p] = append(y.errors[p], d)
			if d > tolerance {
				v.violate(t, "%s is %d, truly %d, off by %v (flags %v)", part(p), got, want.NS, time.Duration(d), row.Flags.Names())
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
