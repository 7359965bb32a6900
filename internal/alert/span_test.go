package alert

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Windows whose requests go hand in hand, each with a queue of its own: six of them
// know √6 times as much as one, whose φ they share.
func TestWindowsTogetherKnowMore(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	const rho = 0.04 // φ of about 21 in a window of 500
	past := windows(random, 2016, 500, 0.05, rho)
	alone := NewRecord(past, now)
	for i, n := range spanWindows {
		all := spans(past, n)
		require.Len(t, all, 2016-n+1)
		assert.InDelta(t, sum(past[:n]), all[0].Surprise.Exceeding, 1e-9)
		assert.Equal(t, past[n-1].End, all[0].End)
		together := NewRecord(all, now)
		assert.InEpsilon(t, alone.Phi(500), together.Phi(int64(n)*500), 0.5, "φ of %d windows", n)
		assert.Less(t, together.Largest, 1.5*alone.Largest, "%d", i)
	}
	// The tail of a p95 that doubled: 22 % above instead of 5 %.
	found, seen := 0, 0
	const rounds = 200
	for range rounds {
		g := &group{past: append(past[:2016:2016], windows(random, 6, 500, 0.22, rho)...), status: Status{State: StateInactive}}
		for i := range 6 { // of which windows() does not know that 5 % are usual
			w := &g.past[2016+i]
			w.Start, w.End = w.Start.Add(30*time.Minute), w.End.Add(30*time.Minute)
			w.Surprise.Expected, w.Surprise.Variance = 25, 23.75
		}
		last := g.past[2021]
		g.past = g.past[:2021]
		if z := alone.scaled(last); z > fireZ && z > pastMargin(alone.Compared)*alone.Largest {
			found++
		}
		for _, s := range g.spans(last, *last.Surprise, 5*time.Minute) {
			if s.Surprised {
				seen++
				break
			}
		}
	}
	assert.Less(t, found, rounds/2, "one window alone seldom sees it")
	assert.Greater(t, seen, rounds*9/10)
}

func TestAnIncidentThatIsOverFiresNoMore(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 18))
	past := windows(random, 2016, 500, 0.05, 0.04)
	incident, calm := *past[2015].Surprise, *past[2014].Surprise
	incident.Exceeding, calm.Exceeding = 400, calm.Expected
	past[2015].Surprise, past[2015].Incident = &incident, true
	current := Window{Start: now, End: now.Add(5 * time.Minute)}
	surprised := func(state State, s Surprise) bool {
		g := &group{past: past, status: Status{State: state}}
		return slices.ContainsFunc(g.spans(current, s, 5*time.Minute), func(s Span) bool { return s.Surprised })
	}
	assert.True(t, surprised(StateFiring, incident), "it goes on")
	assert.False(t, surprised(StateFiring, calm), "it is over")
	assert.False(t, surprised(StateInactive, calm))
}

func sum(windows []Window) (exceeding float64) {
	for _, w := range windows {
		exceeding += w.Surprise.Exceeding
	}
	return exceeding
}

func TestSpansLeaveOutWhatIsNoPast(t *testing.T) {
	past := windows(rand.New(rand.NewPCG(13, 14)), 10, 100, 0.05, 0)
	past[4].Incident = true
	assert.Len(t, spans(past, 3), 2+3, "none has an incident in it")
	assert.Len(t, spans(append(past[5:7:7], past[8:]...), 2), 1+1, "nor a gap")

	g := &group{past: past, status: Status{State: StateInactive}}
	require.Len(t, g.before(now, 2, 5*time.Minute), 2)
	assert.Equal(t, past[9].End, g.before(now.Add(4*time.Minute), 2, 5*time.Minute)[1].End, "a sliding window goes on from the last judged one")
	assert.Nil(t, g.before(now.Add(5*time.Minute), 2, 5*time.Minute), "not over a gap")
	assert.Nil(t, g.before(now, 6, 5*time.Minute), "an earlier incident is no part of it")
	g.status.State = StateFiring
	assert.Len(t, g.before(now, 6, 5*time.Minute), 6, "one that goes on is")
}
