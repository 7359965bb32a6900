// Package alerts holds the regression rule against simulated months whose truth
// is known, next to what a static threshold and a z-score make of the same data.
package alerts

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/simulate"
)

var update = flag.Bool("update", false, "write the table into docs/alerts.md")

const (
	day  = 24 * time.Hour
	week = 7 * day
)

var (
	monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	rule   = alert.Rule{Name: "ttft", Kind: alert.KindRegression, GroupBy: []string{"service"}}.WithDefaults()
	chat   = []alert.Label{{Name: "service", Value: "chat"}}
)

func traffic(w simulate.Workload, from, to time.Time, source func(at int64) string) *alert.Samples {
	s := alert.NewSamples(nil)
	w.Run(from.UnixNano(), to.UnixNano(), func(r simulate.Sample) bool {
		name := "attribute"
		if source != nil {
			name = source(r.End)
		}
		s.Add(alert.Sample{End: time.Unix(0, r.End).UTC(), Group: chat, Model: "m", Input: r.Input, Source: name, Value: r.TTFT,
			Parts: alert.Parts{alert.PartNetwork: float64(r.Network), alert.PartQueue: float64(r.Queue), alert.PartPrefill: float64(r.Prefill)}})
		return true
	})
	return s
}

// system is one kind of traffic.
type system struct {
	perMinute, utilisation, swing float64
}

func (s system) load(seed uint64, shift func(int64) simulate.Shift) simulate.Workload {
	return simulate.Workload{PerMinute: s.perMinute, Utilisation: s.utilisation, Swing: s.swing, Seed: seed, Shift: shift}
}

// change is what happens for an hour, some time after the quiet stretch.
type change struct {
	shift  simulate.Shift
	source string // where TTFT is read from meanwhile; empty as before
}

// outcome is what one simulated stretch showed.
type outcome struct {
	quiet       time.Duration // judged without a change
	falseAlarms [3]int        // phaseline, threshold, z-score
	changes     []detection
}

// detection is how one change was seen.
type detection struct {
	phi    float64
	delay  [3]time.Duration // phaseline, threshold, z-score; -1: not within the hour
	owner  string
	called bool // phaseline said that it is a shift of the mix
}

// judge learns over past, counts alarms over quiet, and then makes one change a
// day, each for an hour. The rest of those days is quiet too.
func judge(t *testing.T, s system, seed uint64, past, quiet time.Duration, changes ...change) outcome {
	t.Helper()
	const recovers = 2 * time.Hour // that an hour's change may be heard of after it
	first := monday.Add(past + quiet)
	at := func(now int64) *change {
		since := time.Unix(0, now).Sub(first)
		if i := int(since / day); since >= 0 && since%day < time.Hour && i < len(changes) {
			return &changes[i]
		}
		return nil
	}
	last := first.Add(time.Duration(len(changes)-1)*day + time.Hour)
	samples := traffic(s.load(seed, func(now int64) simulate.Shift {
		if c := at(now); c != nil {
			return c.shift
		}
		return simulate.Shift{}
	}), monday, last, func(now int64) string {
		if c := at(now); c != nil && c.source != "" {
			return c.source
		}
		return "attribute"
	})

	var o outcome
	peers := newPeers(samples, monday, monday.Add(past))
	w := alert.NewReplay(rule, samples.Read)
	ctx := t.Context()
	require.NoError(t, w.Hours(ctx, monday.Add(past-min(past, week)), monday.Add(past), func(alert.Evaluation, alert.Event) {}))
	from := monday.Add(past)
	for i := range changes {
		began := first.Add(time.Duration(i) * day)
		// Alarms in the quiet stretch, by windows of five minutes.
		require.NoError(t, w.Hours(ctx, from, began, func(e alert.Evaluation, event alert.Event) {
			threshold, z := peers.alarm(e.At)
			if i > 0 && e.At.Before(from.Add(recovers)) {
				return
			}
			o.quiet += time.Duration(rule.Window)
			if event == alert.EventFiring {
				o.falseAlarms[0]++
			}
			o.falseAlarms[1] += threshold
			o.falseAlarms[2] += z
		}))
		peers.reset()
		d := detection{phi: 1, delay: [3]time.Duration{-1, -1, -1}}
		// The change, by sliding windows every minute, as the engine looks.
		for end := began.Add(time.Minute); !end.After(began.Add(time.Hour)); end = end.Add(time.Minute) {
			var e alert.Evaluation
			var event alert.Event
			require.NoError(t, w.Minute(ctx, end, func(found alert.Evaluation, moved alert.Event) { e, event = found, moved }))
			if d.delay[0] < 0 && e.Verdict.Phi > 1 {
				d.phi = e.Verdict.Phi
			}
			if event == alert.EventFiring && d.delay[0] < 0 {
				d.owner = e.Verdict.Ownership.Owner
			}
			d.called = d.called || e.Verdict.Reason == alert.ReasonMixShift
			threshold, z := peers.alarm(end)
			for k, fires := range []bool{event == alert.EventFiring, threshold > 0, z > 0} {
				if fires && d.delay[k] < 0 {
					d.delay[k] = end.Sub(began) + time.Duration(rule.EvaluationDelay) // that the engine waits for late spans
				}
			}
		}
		o.changes = append(o.changes, d)
		from = began.Add(time.Hour)
	}
	return o
}

// peers are two usual rules on the p95 of five minutes: a static threshold at
// 1.5 times the past's p95, and a z-score of 3 against the windows of the same
// hours of the past (as SigNoz's anomaly rule does it).
type peers struct {
	samples   *alert.Samples
	threshold float64
	past      map[int][]float64 // p95 by hour of the day
	high      [2]bool
}

func newPeers(s *alert.Samples, from, to time.Time) *peers {
	p := &peers{samples: s, past: map[int][]float64{}}
	var all []float64
	for end := from.Add(5 * time.Minute); !end.After(to); end = end.Add(5 * time.Minute) {
		v, ok := s.Quantile(chat, alert.Range{From: end.Add(-5 * time.Minute), To: end}, 0.95)
		if ok {
			p.past[end.Hour()] = append(p.past[end.Hour()], v)
			all = append(all, v)
		}
	}
	p.threshold = 1.5 * mean(all)
	return p
}

func (p *peers) reset() { p.high = [2]bool{} }

// alarm says whether each rule begins to fire.
func (p *peers) alarm(end time.Time) (threshold, z int) {
	v, ok := p.samples.Quantile(chat, alert.Range{From: end.Add(-5 * time.Minute), To: end}, 0.95)
	if !ok {
		return 0, 0
	}
	past := p.past[end.Hour()]
	now := [2]bool{v > p.threshold, v > mean(past)+3*deviation(past)}
	fires := [2]int{}
	for i := range now {
		if now[i] && !p.high[i] {
			fires[i] = 1
		}
	}
	p.high = now
	return fires[0], fires[1]
}

// longer makes prompts longer and so much rarer that the load stays the same:
// nothing but the mix changes.
func longer(factor float64) change {
	return change{shift: simulate.Shift{Input: factor, Rate: 1 / factor}}
}

// TestAChangeIsSeenAndItsAbsenceIsNot is the proof made small enough for every
// test run.
func TestAChangeIsSeenAndItsAbsenceIsNot(t *testing.T) {
	o := judge(t, system{30, 0.3, 0.2}, 3, 3*day, day, change{shift: simulate.Shift{Prefill: 2}})
	assert.Zero(t, o.falseAlarms[0])
	assert.NotEqual(t, time.Duration(-1), o.changes[0].delay[0])
	assert.LessOrEqual(t, o.changes[0].delay[0], 15*time.Minute)

	o = judge(t, system{30, 0.05, 0.2}, 4, 3*day, 6*time.Hour, longer(1.6))
	assert.Equal(t, time.Duration(-1), o.changes[0].delay[0], "longer prompts are a mix shift, not a regression")
	assert.True(t, o.changes[0].called, "and it says so")
}

// TestProof writes the whole table.
func TestProof(t *testing.T) {
	if !*update {
		t.Skip("takes many minutes of CPU; make alerts-proof runs it")
	}
	cases := []struct {
		system
		quiet   time.Duration
		factors []float64
	}{
		{system{10, 0.05, 0.3}, 21 * day, []float64{2, 1.5, 1.2}},
		{system{10, 0.3, 0.3}, 21 * day, []float64{2, 1.5, 1.2}},
		{system{10, 0.6, 0.2}, 21 * day, []float64{2, 1.5, 1.2}},
		{system{100, 0.05, 0.3}, week, []float64{2, 1.5, 1.2}},
		{system{100, 0.3, 0.3}, week, []float64{2, 1.5, 1.2}},
		{system{100, 0.6, 0.2}, week, []float64{2, 1.5, 1.2}},
		{system{100, 0.7, 0.1}, week, []float64{2, 1.5, 1.2}},
		{system{1000, 0.3, 0.1}, day / 2, []float64{1.5}},
		{system{1000, 0.7, 0.1}, day / 2, []float64{1.5}},
	}
	outcomes := make([]outcome, len(cases))
	t.Run("systems", func(t *testing.T) {
		for i, c := range cases {
			t.Run(fmt.Sprint(c.system), func(t *testing.T) {
				t.Parallel()
				past := 8 * day
				if c.perMinute >= 1000 {
					past = 2 * day
				}
				var changes []change
				for _, f := range c.factors {
					changes = append(changes, change{shift: simulate.Shift{Prefill: f}})
				}
				outcomes[i] = judge(t, c.system, uint64(11+i), past, c.quiet, changes...)
				t.Logf("%+v", outcomes[i])
			})
		}
	})
	var b, alarms strings.Builder
	var days float64
	var total [3]int
	for i, c := range cases {
		o := outcomes[i]
		fmt.Fprintf(&alarms, "| %g | %g | %.1f | %d | %d | %d |\n", c.perMinute, c.utilisation, o.quiet.Hours()/24, o.falseAlarms[0], o.falseAlarms[1], o.falseAlarms[2])
		days += o.quiet.Hours() / 24
		for k := range total {
			total[k] += o.falseAlarms[k]
		}
		for k, d := range o.changes {
			fmt.Fprintf(&b, "| %g | %g | ×%g | %.1f | %s | %s | %s | %s |\n", c.perMinute, c.utilisation, c.factors[k], d.phi,
				minutes(d.delay[0]), minutes(d.delay[1]), minutes(d.delay[2]), d.owner)
		}
	}
	write(t, "proof", "| requests/min | utilisation | change of prefill time | φ | phaseline | threshold | z-score | owner |\n|---:|---:|---|---:|---:|---:|---:|---|\n"+b.String()+
		fmt.Sprintf("\nAlarms in %.0f days without a change: phaseline %d, threshold %d, z-score %d.\n\n", days, total[0], total[1], total[2])+
		"| requests/min | utilisation | days | phaseline | threshold | z-score |\n|---:|---:|---:|---:|---:|---:|\n"+alarms.String())
}

// TestMixProof changes what is asked and how it is measured, and nothing else.
func TestMixProof(t *testing.T) {
	if !*update {
		t.Skip("make alerts-proof runs it")
	}
	o := judge(t, system{30, 0.05, 0.3}, 21, 8*day, 2*time.Hour,
		longer(1.3), longer(1.6), longer(2.5), change{shift: simulate.Shift{Input: 1.6}},
		change{shift: simulate.Shift{Network: 200 * time.Millisecond}, source: "event"})
	var b strings.Builder
	b.WriteString("| 30 requests/min, utilisation 0.05 | phaseline | it says | threshold | z-score |\n|---|---:|---|---:|---:|\n")
	for i, name := range []string{"prompts 1.3 times as long", "prompts 1.6 times as long", "prompts 2.5 times as long",
		"prompts 1.6 times as long, as many of them: everybody waits longer", "TTFT read from another place, 200 ms later"} {
		d, says := o.changes[i], ""
		if d.called {
			says = "mix shift"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, minutes(d.delay[0]), says, minutes(d.delay[1]), minutes(d.delay[2]))
	}
	write(t, "mix", b.String())
}

// drift is how many days it takes until prefill that becomes 3 % slower every
// day is called a drift, after two steady weeks; -1 within 14 days. Other is the
// alarms before that which took it for a sudden change, early those in the week
// before it began.
func drift(t *testing.T, s system, seed uint64) (days float64, other, early int) {
	t.Helper()
	began := monday.Add(15 * day)
	samples := traffic(s.load(seed, func(at int64) simulate.Shift {
		return simulate.Shift{Prefill: 1 + 0.03*max(0, float64(at-began.UnixNano())/float64(day))}
	}), monday, began.Add(14*day), nil)
	w := alert.NewReplay(rule, samples.Read)
	days = -1
	require.NoError(t, w.Hours(t.Context(), began.Add(-week), began.Add(14*day), func(e alert.Evaluation, event alert.Event) {
		switch {
		case days >= 0:
		case e.At.Before(began):
			if event == alert.EventFiring {
				early++
			}
		case e.Verdict.Reason == alert.ReasonDrift:
			days = e.At.Sub(began).Hours() / 24
		case event == alert.EventFiring:
			other++
		}
	}))
	return days, other, early
}

func TestDriftProof(t *testing.T) {
	if !*update {
		t.Skip("make alerts-proof runs it")
	}
	systems := []system{{10, 0.1, 0.2}, {30, 0.05, 0.2}, {30, 0.1, 0.2}}
	rows := make([]string, len(systems))
	t.Run("systems", func(t *testing.T) {
		for i, s := range systems {
			t.Run(fmt.Sprint(s), func(t *testing.T) {
				t.Parallel()
				days, other, early := drift(t, s, uint64(31+i))
				after := "not within 14 days"
				if days >= 0 {
					after = fmt.Sprintf("%.1f days", days)
				}
				rows[i] = fmt.Sprintf("| %g | %g | %s | %d | %d |\n", s.perMinute, s.utilisation, after, other, early)
				t.Log(rows[i])
			})
		}
	})
	write(t, "drift", "| requests/min | utilisation | +3 % a day is called a drift after | other alarms until then | alarms in the week before |\n|---:|---:|---:|---:|---:|\n"+strings.Join(rows, ""))
}

const document = "../../docs/alerts.md"

// write puts text between the marks of a name in the document.
func write(t *testing.T, name, table string) {
	t.Helper()
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->"
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	require.True(t, ok && ok2, "%s has lost the marks of the table", document)
	require.NoError(t, os.WriteFile(document, []byte(head+begin+table+end+tail), 0o644))
}

func minutes(d time.Duration) string {
	if d < 0 {
		return "—"
	}
	return fmt.Sprintf("%.1f min", d.Minutes())
}
