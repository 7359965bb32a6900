package alert

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// memoryLedger is a ledger without a store.
type memoryLedger struct {
	mu          sync.Mutex
	standings   map[string]Standing
	windows     map[string]Recorded
	transitions map[string]Transition
	evaluations []Evaluation
	rules       map[string]Rule
	broken      atomic.Bool
}

func newMemoryLedger() *memoryLedger {
	return &memoryLedger{standings: map[string]Standing{}, windows: map[string]Recorded{}, transitions: map[string]Transition{}, rules: map[string]Rule{}}
}

func (l *memoryLedger) Save(_ context.Context, b Batch) error {
	if l.broken.Load() {
		return errors.New("the store is away")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range b.Standings {
		l.standings[Fingerprint(s.Rule, s.Group)] = s
	}
	for _, w := range b.Windows {
		l.windows[Fingerprint(w.Rule, w.Group)+w.Window.Start.String()] = w
	}
	for _, t := range b.Transitions {
		l.transitions[Fingerprint(t.Rule, t.Group)+t.At.String()] = t
	}
	l.evaluations = append(l.evaluations, b.Evaluations...)
	return nil
}

func (l *memoryLedger) Standings(context.Context) (all []Standing, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.standings {
		all = append(all, s)
	}
	return all, nil
}

func (l *memoryLedger) Windows(_ context.Context, rule string, definition uint64, since time.Time) (all []Recorded, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.windows {
		if w.Rule == rule && w.Definition == definition && !w.Window.Start.Before(since) {
			all = append(all, w)
		}
	}
	slices.SortFunc(all, func(a, b Recorded) int { return a.Window.Start.Compare(b.Window.Start) })
	return all, nil
}

func (l *memoryLedger) Transitions(context.Context, Page) (all []Transition, next string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.transitions {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Transition) int { return a.At.Compare(b.At) })
	return all, "", nil
}

func (l *memoryLedger) Evaluations(context.Context, Page) ([]Evaluation, string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.evaluations), "", nil
}

func (l *memoryLedger) Undelivered(context.Context, time.Time) (all []Transition, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.transitions {
		if t.Undelivered() {
			all = append(all, t)
		}
	}
	return all, nil
}

func (l *memoryLedger) Rules(context.Context) (all []Rule, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.rules {
		all = append(all, r)
	}
	return all, nil
}

func (l *memoryLedger) PutRule(_ context.Context, r Rule) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rules[r.Name] = r
	return nil
}

func (l *memoryLedger) DeleteRule(_ context.Context, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.rules, name)
	return nil
}

// ear is a target that can be deaf.
type ear struct {
	mu    sync.Mutex
	heard []Event
	deaf  atomic.Bool
	tries atomic.Int64
}

func (e *ear) Name() string  { return "ear" }
func (e *ear) Resends() bool { return false }

func (e *ear) Send(_ context.Context, messages []Message) error {
	e.tries.Add(1)
	if e.deaf.Load() {
		return errors.New("nobody listens")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range messages {
		e.heard = append(e.heard, m.Event)
	}
	return nil
}

func (e *ear) events() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

// bench is an engine on drawn traffic and a clock that the test moves.
type bench struct {
	*Engine
	t     *testing.T
	clock *atomic.Int64
	stop  func()
}

func startEngine(t *testing.T, cfg Config, clock *atomic.Int64) bench {
	t.Helper()
	cfg.Now = func() time.Time { return time.Unix(clock.Load(), 0).UTC() }
	cfg.Poll = 2 * time.Millisecond
	e := New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = e.Run(ctx) }()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return bench{e, t, clock, stop}
}

// at moves the clock and waits until every rule was evaluated then.
func (b bench) at(now time.Time) {
	b.t.Helper()
	b.clock.Store(now.Add(DefaultEvaluationDelay).Unix())
	require.Eventually(b.t, func() bool {
		alerts := b.Alerts()
		for _, a := range alerts {
			if a.Last.At.Before(now.Truncate(time.Minute)) {
				return false
			}
		}
		return len(alerts) > 0
	}, 20*time.Second, time.Millisecond)
}

// silence is a group that is busy for two days and silent from testNow to 40
// minutes later.
func silence(t *testing.T) (Config, *memoryLedger, *ear) {
	test := &ruleTest{rule: Rule{Name: "quiet", Kind: KindAbsence}.WithDefaults()}
	for i, line := range [][]string{{"group"}, {"load", "5/min", "from=-48h"}, {"load", "0/min", "from=0m", "to=40m"}} {
		require.NoError(t, test.add(i, line))
	}
	samples, oldest := test.samples(3 * time.Hour)
	ledger, target := newMemoryLedger(), &ear{}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(file, []byte("rules: [{name: quiet, kind: absence, keep_firing_for: 5m}]"), 0o600))
	return Config{Source: samples.Read, Oldest: func(context.Context, Range) (time.Time, error) { return oldest, nil },
		Ledger: ledger, Targets: []Target{target}, RulesFile: file}, ledger, target
}

func (b bench) state() State { return b.Alerts()[0].Status.State }

func TestARestartTellsNobodyTwice(t *testing.T) {
	cfg, ledger, target := silence(t)
	var clock atomic.Int64
	clock.Store(testNow.Add(10*time.Minute + DefaultEvaluationDelay).Unix())
	b := startEngine(t, cfg, &clock)
	b.at(testNow.Add(10 * time.Minute))
	assert.Equal(t, StateInactive, b.state())
	b.at(testNow.Add(16 * time.Minute))
	assert.Equal(t, StateFiring, b.state())
	require.Eventually(t, func() bool { return len(target.events()) == 1 }, 5*time.Second, time.Millisecond)
	assert.EqualValues(t, 5, b.Counts()["alert_evaluations_missed"])
	b.stop()

	b = startEngine(t, cfg, &clock)
	b.at(testNow.Add(18 * time.Minute))
	assert.Equal(t, StateFiring, b.state())
	b.at(testNow.Add(41 * time.Minute))
	b.at(testNow.Add(45 * time.Minute))
	assert.Equal(t, StateInactive, b.state(), "the last true evaluation was 27 minutes ago")
	require.Eventually(t, func() bool { return len(target.events()) == 2 }, 5*time.Second, time.Millisecond)
	assert.Equal(t, []Event{EventFiring, EventResolved}, target.events())
	transitions, _, _ := ledger.Transitions(t.Context(), Page{})
	require.Len(t, transitions, 2)
	assert.True(t, transitions[0].Deliveries[0].Done)
}

func TestWhatIsNotDeliveredIsTriedAgainAfterARestart(t *testing.T) {
	cfg, ledger, target := silence(t)
	target.deaf.Store(true)
	var clock atomic.Int64
	clock.Store(testNow.Add(10 * time.Minute).Unix())
	b := startEngine(t, cfg, &clock)
	b.at(testNow.Add(16 * time.Minute))
	require.Eventually(t, func() bool { return target.tries.Load() > 0 }, 5*time.Second, time.Millisecond)
	b.stop()
	transitions, _, _ := ledger.Transitions(t.Context(), Page{})
	require.Len(t, transitions, 1)
	assert.Equal(t, "nobody listens", transitions[0].Deliveries[0].Error)

	target.deaf.Store(false)
	b = startEngine(t, cfg, &clock)
	require.Eventually(t, func() bool { return len(target.events()) == 1 }, 5*time.Second, time.Millisecond)
}

func TestAStoreThatIsAwayDoesNotSilenceAlerts(t *testing.T) {
	cfg, ledger, target := silence(t)
	var clock atomic.Int64
	clock.Store(testNow.Add(10 * time.Minute).Unix())
	b := startEngine(t, cfg, &clock)
	b.at(testNow.Add(10 * time.Minute))
	ledger.broken.Store(true)
	b.at(testNow.Add(16 * time.Minute))
	require.Eventually(t, func() bool { return len(target.events()) == 1 }, 5*time.Second, time.Millisecond)
	ledger.broken.Store(false)
	b.at(testNow.Add(17 * time.Minute))
	require.Eventually(t, func() bool {
		transitions, _, _ := ledger.Transitions(t.Context(), Page{})
		return len(transitions) == 1
	}, 5*time.Second, time.Millisecond, "what could not be stored is stored later")
	assert.Len(t, target.events(), 1)
}

func TestARuleFileIsTakenWholeOrNotAtAll(t *testing.T) {
	cfg, ledger, _ := silence(t)
	var clock atomic.Int64
	clock.Store(testNow.Unix())
	b := startEngine(t, cfg, &clock)
	b.at(testNow)
	names := func() (names []string) {
		rules, _ := b.Rules()
		for _, r := range rules {
			names = append(names, r.Rule.Name)
		}
		return names
	}
	write := func(text string) { require.NoError(t, os.WriteFile(cfg.RulesFile, []byte(text), 0o600)) }
	write("rules: [{name: other, kind: absence}, {name: bad, kind: threshold}]")
	require.Eventually(t, func() bool { _, problem := b.Rules(); return problem != "" }, 5*time.Second, time.Millisecond)
	assert.Equal(t, []string{"quiet"}, names())
	write("rules: [{name: other, kind: absence}, {name: quiet, kind: absence}]")
	require.Eventually(t, func() bool { _, problem := b.Rules(); return problem == "" }, 5*time.Second, time.Millisecond)
	assert.Equal(t, []string{"other", "quiet"}, names())

	_, err := b.Create(t.Context(), Rule{Name: "quiet", Kind: KindAbsence}.WithDefaults())
	assert.ErrorIs(t, err, ErrRuleExists)
	_, err = b.Replace(t.Context(), Rule{Name: "quiet", Kind: KindAbsence}.WithDefaults())
	assert.ErrorIs(t, err, ErrRuleReadOnly)
	assert.ErrorIs(t, b.Delete(t.Context(), "nothing"), ErrUnknownRule)
	made, err := b.Create(t.Context(), Rule{Name: "mine", Kind: KindAbsence}.WithDefaults())
	require.NoError(t, err)
	assert.Equal(t, SourceAPI, made.Origin)
	accepted, err := b.AcceptBaseline(t.Context(), "quiet", testNow)
	require.NoError(t, err)
	assert.Equal(t, testNow, accepted.Rule.Baseline.Since)
	b.stop()

	b = startEngine(t, cfg, &clock)
	require.Eventually(t, func() bool { return len(names()) == 3 }, 5*time.Second, time.Millisecond)
	kept, err := b.Rule("quiet")
	require.NoError(t, err)
	assert.Equal(t, testNow, kept.Rule.Baseline.Since, "what was accepted outlives a restart")
	require.NoError(t, b.Delete(t.Context(), "mine"))
	assert.Equal(t, []string{"other", "quiet"}, names())
	assert.NotContains(t, ledger.rules, "mine")
}
