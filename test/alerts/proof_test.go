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

// outcome is what one simulated stretch showed.
type outcome struct {
	phi                    float64
	falseOurs              int
	falseThreshold, falseZ int
	delay                  time.Duration // -1: not within the hour
	delayThreshold, delayZ time.Duration
	owner                  string
	days                   float64 // judged without a change
}

// judge learns over past, counts alarms over quiet, and then changes the system
// by shift for an hour.
func judge(t *testing.T, s system, seed uint64, past, quiet time.Duration, shift simulate.Shift, source func(int64) string) outcome {
	t.Helper()
	began := monday.Add(past + quiet)
	samples := traffic(s.load(seed, func(at int64) simulate.Shift {
		if at >= began.UnixNano() {
			return shift
		}
		return simulate.Shift{}
	}), monday, began.Add(time.Hour), source)

	o := outcome{delay: -1, delayThreshold: -1, delayZ: -1, days: quiet.Hours() / 24}
	peers := newPeers(samples, monday, monday.Add(past))
	w := alert.NewReplay(rule, samples.Read)
	ctx := t.Context()
	require.NoError(t, w.Hours(ctx, monday.Add(past).Add(-min(past, week)), monday.Add(past), func(alert.Evaluation, alert.Event) {}))
	// Alarms in the quiet stretch, by windows of five minutes.
	require.NoError(t, w.Hours(ctx, monday.Add(past), began, func(e alert.Evaluation, event alert.Event) {
		if event == alert.EventFiring {
			o.falseOurs++
		}
		if e.Verdict.Phi > 1 {
			o.phi = e.Verdict.Phi
		}
		threshold, z := peers.alarm(e.At)
		o.falseThreshold += threshold
		o.falseZ += z
	}))
	peers.reset()
	// The change, by sliding windows every minute, as the engine looks.
	for end := began.Add(time.Minute); !end.After(began.Add(time.Hour)); end = end.Add(time.Minute) {
		e, event, err := w.Minute(ctx, end)
		require.NoError(t, err)
		// What the engine waits for: late spans.
		delay := end.Sub(began) + time.Duration(rule.EvaluationDelay)
		if event == alert.EventFiring && o.delay < 0 {
			o.delay, o.owner, o.phi = delay, e.Verdict.Ownership.Owner, e.Verdict.Phi
		}
		threshold, z := peers.alarm(end)
		if threshold > 0 && o.delayThreshold < 0 {
			o.delayThreshold = delay
		}
		if z > 0 && o.delayZ < 0 {
			o.delayZ = delay
		}
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

// TestAChangeIsSeenAndItsAbsenceIsNot is the proof made small enough for every
// test run.
func TestAChangeIsSeenAndItsAbsenceIsNot(t *testing.T) {
	o := judge(t, system{30, 0.3, 0.2}, 3, 3*day, day, simulate.Shift{Prefill: 2}, nil)
	assert.Zero(t, o.falseOurs)
	assert.NotEqual(t, time.Duration(-1), o.delay)
	assert.LessOrEqual(t, o.delay, 15*time.Minute)

	longer := judge(t, system{30, 0.05, 0.2}, 4, 3*day, 6*time.Hour, simulate.Shift{Input: 1.3}, nil)
	assert.Equal(t, time.Duration(-1), longer.delay, "longer prompts are a mix shift, not a regression")
}

// TestProof writes the whole table.
func TestProof(t *testing.T) {
	if !*update {
		t.Skip("takes an hour of CPU; make alerts-proof runs it")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Simulated by `make alerts-proof`: %s of past, then %s without a change, then one for an hour. One seed a row, daily rhythm of ±5 to ±30 %%, prompts with a heavy tail; delays include the\n30 s that evaluation waits for late spans. `—` is not within the hour.\n\n", "8 days", "7 days")
	b.WriteString("| requests/min | utilisation | change of prefill time | φ | alarms in 7 quiet days (1 day at 1,000/min): phaseline · threshold · z-score | delay: phaseline | threshold | z-score | owner |\n")
	b.WriteString("|---:|---:|---|---:|---|---:|---:|---:|---|\n")
	for _, s := range []system{{100, 0.3, 0.3}, {100, 0.6, 0.2}, {100, 0.7, 0.1}, {10, 0.05, 0.3}, {10, 0.3, 0.3}, {1000, 0.7, 0.1}, {1000, 0.85, 0.05}} {
		for i, change := range []float64{1.5, 2, 1.2} {
			quiet := time.Hour
			if i == 0 {
				quiet = week
			}
			if s.perMinute >= 1000 {
				if i > 0 {
					continue
				}
				quiet = day
			}
			began := time.Now()
			o := judge(t, s, uint64(11+i), 8*day, quiet, simulate.Shift{Prefill: change}, nil)
			alarms := ""
			if i == 0 {
				alarms = fmt.Sprintf("%d · %d · %d", o.falseOurs, o.falseThreshold, o.falseZ)
			}
			row := fmt.Sprintf("| %g | %g | ×%g | %.1f | %s | %s | %s | %s | %s |\n", s.perMinute, s.utilisation, change, o.phi, alarms,
				minutes(o.delay), minutes(o.delayThreshold), minutes(o.delayZ), o.owner)
			b.WriteString(row)
			t.Logf("%s (%s)", strings.TrimSpace(row), time.Since(began).Round(time.Second))
			write(t, "proof", b.String())
		}
	}
	mix := judge(t, system{30, 0.05, 0.3}, 21, 8*day, time.Hour, simulate.Shift{Input: 1.6}, nil)
	fmt.Fprintf(&b, "\nPrompts 1.6 times as long (30 a minute, utilisation 0.05): phaseline %s, threshold %s, z-score %s. `—` is right: it is a mix shift.\n",
		minutes(mix.delay), minutes(mix.delayThreshold), minutes(mix.delayZ))
	changed := monday.Add(8*day + time.Hour).UnixNano()
	instrumentation := judge(t, system{30, 0.05, 0.3}, 22, 8*day, time.Hour, simulate.Shift{Network: 200 * time.Millisecond}, func(at int64) string {
		if at >= changed {
			return "event"
		}
		return "attribute"
	})
	fmt.Fprintf(&b, "\nTTFT read from another place, 200 ms later: phaseline %s, threshold %s, z-score %s. `—` is right: nothing became slower.\n",
		minutes(instrumentation.delay), minutes(instrumentation.delayThreshold), minutes(instrumentation.delayZ))
	write(t, "proof", b.String())
}

// TestDriftProof makes prefill 3 % slower every day after two steady weeks.
func TestDriftProof(t *testing.T) {
	if !*update {
		t.Skip("takes minutes of CPU; make alerts-proof runs it")
	}
	began := monday.Add(15 * day)
	samples := traffic(system{30, 0.1, 0.2}.load(31, func(at int64) simulate.Shift {
		days := float64(at-began.UnixNano()) / float64(day)
		return simulate.Shift{Prefill: 1 + 0.03*max(0, days)}
	}), monday, began.Add(14*day), nil)
	w := alert.NewReplay(rule, samples.Read)
	early, answer := 0, "does not fire within 14 days"
	require.NoError(t, w.Hours(t.Context(), began.Add(-week), began.Add(14*day), func(e alert.Evaluation, event alert.Event) {
		switch {
		case event != alert.EventFiring:
		case e.At.Before(began):
			early++
		case answer[0] == 'd':
			answer = fmt.Sprintf("fires after %.1f days (%s)", e.At.Sub(began).Hours()/24, e.Verdict.Reason)
		}
	}))
	write(t, "drift", fmt.Sprintf("A drift of +3 %% a day at 30 requests a minute %s. In the week before it began there were %d alarms.\n", answer, early))
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
