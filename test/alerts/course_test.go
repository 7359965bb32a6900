package alerts

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/simulate"
)

// change is what may happen to a system.
type change struct {
	name   string
	shift  simulate.Shift
	source string // where TTFT is read from meanwhile; empty as before
}

// Rules that are compared.
const (
	phaseline = iota
	threshold
	zScore
)

// course is what a system did, and what rules made of it.
type course struct {
	quiet   time.Duration // judged without a change
	alarms  [3]int        // in it, by rule
	changes map[string][]detection
}

// detection is how one change was seen.
type detection struct {
	phi   float64
	delay [3]time.Duration // by rule, of what is told within an hour; -1: not told
	owner string
	mix   bool // phaseline called it a shift of the mix
}

// follow lets a system go on for a past and a quiet time, judged every minute as
// the engine does. At as many moments of the quiet time as there are forks, of any
// hour, each change is made to what would have followed.
func follow(t *testing.T, s system, seed uint64, past, quiet time.Duration, forks int, changes ...change) course {
	t.Helper()
	from := monday.Add(past)
	to := from.Add(quiet)
	samples := alert.NewSamples(nil)
	fill(samples, s.load(seed, steady), monday, monday, to, attribute)

	w, others := alert.NewReplay(rule, samples.Read), newPeers()
	require.NoError(t, w.Hours(t.Context(), monday, from, func(alert.Evaluation, alert.Event) {}))
	for end := monday.Add(5 * time.Minute); !end.After(from); end = end.Add(5 * time.Minute) {
		others.learn(samples, end)
	}
	c := course{quiet: quiet, changes: map[string][]detection{}}
	random := rand.New(rand.NewPCG(seed, 1))
	apart := quiet / time.Duration(max(1, forks))
	next, made := from.Add(time.Duration(random.Float64()*float64(apart))), 0
	for end := from.Add(time.Minute); !end.After(to); end = end.Add(time.Minute) {
		require.NoError(t, w.Minute(t.Context(), end, func(e alert.Evaluation, event alert.Event) {
			if event == alert.EventFiring {
				c.alarms[phaseline]++
				t.Logf("false alarm of %v at %s: %s", s, end.Format(time.DateTime), alert.Explain(rule, e.Verdict))
			}
		}))
		for i, begins := range others.alarms(samples, end) {
			if begins {
				c.alarms[threshold+i]++
			}
		}
		if end.Truncate(5 * time.Minute).Equal(end) {
			others.learn(samples, end)
		}
		if made < forks && !end.Before(next) {
			for i, x := range changes {
				began := end.Add(time.Duration(random.Float64() * float64(time.Minute)))
				c.changes[x.name] = append(c.changes[x.name], detect(t, s, seed<<16+uint64(made*len(changes)+i), samples, w, *others.fork(), end, began, x))
			}
			made++
			next = from.Add(time.Duration((float64(made) + random.Float64()) * float64(apart)))
		}
	}
	return c
}

// detect makes a change to what follows after a time and says who hears of it.
func detect(t *testing.T, s system, seed uint64, past *alert.Samples, w alert.Replaying, others peers, after, began time.Time, x change) detection {
	t.Helper()
	const warm = 2 * time.Hour // to fill the queue
	last := after.Add(time.Hour)
	samples := past.Before(after)
	load := s.load(seed, func(at int64) simulate.Shift {
		if at < began.UnixNano() {
			return simulate.Shift{}
		}
		return x.shift
	})
	fill(samples, load, after.Add(-warm), after, last, func(at int64) string {
		if x.source != "" && at >= began.UnixNano() {
			return x.source
		}
		return "attribute"
	})
	w = w.Fork(samples.Read)
	d := detection{phi: 1, delay: [3]time.Duration{-1, -1, -1}}
	told := func(who int, end time.Time) {
		if d.delay[who] < 0 {
			d.delay[who] = end.Sub(began) + time.Duration(rule.EvaluationDelay) // that the engine waits for late spans
		}
	}
	for end := after.Add(time.Minute); !end.After(last); end = end.Add(time.Minute) {
		require.NoError(t, w.Minute(t.Context(), end, func(e alert.Evaluation, event alert.Event) {
			if end.Equal(after.Add(time.Minute)) {
				d.phi = e.Verdict.Phi
			}
			if event == alert.EventFiring && d.delay[phaseline] < 0 {
				d.owner = e.Verdict.Ownership.Owner
				told(phaseline, end)
			}
			d.mix = d.mix || e.Verdict.Reason == alert.ReasonMixShift
		}))
		for i, begins := range others.alarms(samples, end) {
			if begins && end.After(began) {
				told(threshold+i, end)
			}
		}
	}
	return d
}
