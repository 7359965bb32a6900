package ledger_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/alert"
)

// hook is a target that remembers what it was told.
type hook struct {
	mu   sync.Mutex
	told []alert.Message
}

func (h *hook) Name() string  { return "hook" }
func (h *hook) Resends() bool { return false }

func (h *hook) Send(_ context.Context, messages []alert.Message) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, messages...)
	return nil
}

func (h *hook) events() (all []alert.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.told {
		all = append(all, m.Event)
	}
	return all
}

// A budget that burned before a restart still burns after it, by the windows
// that were stored: requests from before are not read again, and nobody is told
// twice.
func TestABurningBudgetSurvivesARestart(t *testing.T) {
	// Every request fails from now on for 20 minutes: a third of the hour's, and
	// too few of the longer windows'.
	const past = 72 * time.Hour
	samples := alert.NewSamples(nil)
	for at := now.Add(-past); at.Before(now.Add(2 * time.Hour)); at = at.Add(2 * time.Second) {
		samples.Add(alert.Sample{End: at, Group: chat, Model: "m", Value: 1e8, Failed: !at.Before(now) && at.Before(now.Add(20*time.Minute))})
	}
	var clock, earliest atomic.Int64
	source := func(ctx context.Context, q alert.Question) ([]alert.Series, error) {
		for _, r := range q.Ranges {
			earliest.Store(min(earliest.Load(), r.From.Unix()))
		}
		return samples.Read(ctx, q)
	}
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(rules, []byte("rules: [{name: budget, kind: slo, group_by: [service, model], slo: {target: 0.99}}]"), 0o600))
	l, told := open(t), &hook{}
	start := func() (e *alert.Engine, stop func()) {
		earliest.Store(clock.Load())
		e = alert.New(alert.Config{Source: source, Ledger: l, Targets: []alert.Target{told}, RulesFile: rules, Poll: 2 * time.Millisecond,
			Oldest: func(context.Context, alert.Range) (time.Time, error) { return now.Add(-past), nil },
			Now:    func() time.Time { return time.Unix(clock.Load(), 0).UTC() }})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = e.Run(ctx) }()
		stop = sync.OnceFunc(func() { cancel(); <-done })
		t.Cleanup(stop)
		return e, stop
	}
	at := func(e *alert.Engine, minute int) alert.Current {
		end := now.Add(time.Duration(minute) * time.Minute)
		clock.Store(end.Add(alert.DefaultEvaluationDelay).Unix())
		require.Eventually(t, func() bool {
			alerts := e.Alerts()
			return len(alerts) == 1 && !alerts[0].Last.At.Before(end)
		}, 30*time.Second, 2*time.Millisecond)
		return e.Alerts()[0]
	}

	clock.Store(now.Unix())
	e, stop := start()
	for _, minute := range []int{0, 5} {
		assert.Equal(t, alert.StateInactive, at(e, minute).Status.State, "minute %d", minute)
	}
	var before alert.Current
	for minute := 10; minute <= 20; minute += 5 {
		before = at(e, minute)
	}
	require.Equal(t, alert.StateFiring, before.Status.State)
	stop()

	e, stop = start()
	after := at(e, 20)
	assert.Equal(t, before.Status, after.Status)
	assert.Equal(t, before.Last.Verdict, after.Last.Verdict, "the same burns, by the stored windows")
	assert.GreaterOrEqual(t, earliest.Load(), now.Add(15*time.Minute).Unix(), "what was judged is not read again")
	stop()

	// It goes on until the short window is clean again.
	e, _ = start()
	kept := at(e, 23)
	assert.Equal(t, alert.StateFiring, kept.Status.State)
	assert.Equal(t, before.Status.Since, kept.Status.Since)
	for minute := 30; minute <= 120; minute += 5 {
		kept = at(e, minute)
	}
	assert.Equal(t, alert.StateInactive, kept.Status.State)
	require.Eventually(t, func() bool { return len(told.events()) == 2 }, 5*time.Second, 5*time.Millisecond)
	assert.Equal(t, []alert.Event{alert.EventFiring, alert.EventResolved}, told.events())
	assert.Contains(t, told.told[1].Summary(), "the error budget of 0.99 burns")
}
