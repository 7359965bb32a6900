package alert

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	newest := slices.Clone(l.evaluations)
	slices.Reverse(newest)
	return newest, "", nil
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
	heard []Message
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
	e.heard = append(e.heard, messages...)
	return nil
}

func (e *ear) messages() []Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

func (e *ear) events() (all []Event) {
	for _, m := range e.messages() {
		all = append(all, m.Event)
	}
	return all
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
	return traffic(t, "{name: quiet, kind: absence, keep_firing_for: 5m}", "group", "load 5/min from=-48h", "load 0/min from=0m to=40m")
}

// traffic is one rule, and what its groups do as in a file of rule tests.
func traffic(t *testing.T, rule string, lines ...string) (Config, *memoryLedger, *ear) {
	t.Helper()
	text := []byte("rules: [" + rule + "]")
	rules, err := ParseRules(text)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	test := &ruleTest{rule: rules[0]}
	for i, line := range lines {
		require.NoError(t, test.add(i, strings.Fields(line)))
	}
	samples, oldest := test.samples(3 * time.Hour)
	ledger, target := newMemoryLedger(), &ear{}
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

	clock.Store(testNow.Add(18*time.Minute + DefaultEvaluationDelay).Unix())
	b = startEngine(t, cfg, &clock)
	b.at(testNow.Add(18 * time.Minute))
	assert.Equal(t, StateFiring, b.state())
	assert.EqualValues(t, 1, b.Counts()["alert_evaluations_missed"], "that of minute 17, when nothing ran")
	rules, _ := b.Rules()
	assert.EqualValues(t, 1, rules[0].Missed)
	b.at(testNow.Add(41 * time.Minute))
	b.at(testNow.Add(45 * time.Minute))
	assert.Equal(t, StateInactive, b.state(), "the last true evaluation was 27 minutes ago")
	require.Eventually(t, func() bool { return len(target.events()) == 2 }, 5*time.Second, time.Millisecond)
	assert.Equal(t, []Event{EventFiring, EventResolved}, target.events())
	transitions, _, _ := ledger.Transitions(t.Context(), Page{})
	require.Len(t, transitions, 2)
	assert.True(t, transitions[0].Deliveries[0].Done)
}

// An alert that is kept firing says what it fired by, not what came after it,
// also after a restart and when it is resolved.
func TestAnAlertThatIsKeptFiringKeepsWhatItFiredBy(t *testing.T) {
	cfg, ledger, target := traffic(t, "{name: slow, kind: regression, group_by: [service]}",
		"group service=chat", "load 60/min ttft=300ms parts=prefill from=-48h", "load 60/min ttft=900ms parts=queue from=0m to=10m")
	cfg.Investigate = func(context.Context, Rule, []Label, time.Time, time.Time) (string, []Exemplar, error) {
		return "2.0.0", []Exemplar{{TraceID: "t", SpanID: "s"}}, nil
	}
	var clock atomic.Int64
	clock.Store(testNow.Unix())
	b := startEngine(t, cfg, &clock)
	b.at(testNow)
	minute := 0
	until := func(state State) Current {
		t.Helper()
		for b.state() != state {
			minute++
			require.Less(t, minute, 60)
			b.at(testNow.Add(time.Duration(minute) * time.Minute))
		}
		return b.Alerts()[0]
	}
	fired, told := until(StateFiring), b.firing()[0]
	assert.Equal(t, fired.Last, fired.Evidence)
	require.Equal(t, "queue", told.Verdict.Ownership.Owner)
	require.NotEmpty(t, told.TraceURLs)
	for b.state() == StateFiring {
		now := b.Alerts()[0]
		assert.Equal(t, now.Last, now.Evidence, "while it holds, the newest counts")
		told.LastTrue = now.Last.At
		minute++
		b.at(testNow.Add(time.Duration(minute) * time.Minute))
	}
	require.Equal(t, StateRecovering, b.state())
	require.True(t, told.LastTrue.After(fired.Last.At))

	kept := func() {
		t.Helper()
		now := b.Alerts()[0]
		assert.Equal(t, fired.Evidence, now.Evidence)
		assert.Equal(t, fired.Cause, now.Cause)
		assert.Equal(t, fired.Compare, now.Compare)
		assert.NotEqual(t, ConditionTrue, now.Last.Verdict.Condition)
		assert.Equal(t, []Message{told}, b.firing(), "what is sent again")
	}
	kept()
	b.stop()
	b = startEngine(t, cfg, &clock)
	minute++
	b.at(testNow.Add(time.Duration(minute) * time.Minute))
	require.Equal(t, StateRecovering, b.state())
	kept()

	resolved := until(StateInactive)
	assert.Equal(t, resolved.Last, resolved.Evidence)
	require.Eventually(t, func() bool { return len(target.messages()) == 2 }, 5*time.Second, time.Millisecond)
	last := target.messages()[1]
	told.Event, told.EndsAt = EventResolved, testNow.Add(time.Duration(minute)*time.Minute)
	assert.Equal(t, told, last)
	assert.Contains(t, last.Summary(), "resolved, last seen at "+told.LastTrue.Format(time.RFC3339))
	assert.Contains(t, last.Summary(), "queue +")

	evaluations, _, _ := ledger.Evaluations(t.Context(), Page{})
	seen := evaluations[0]
	assert.Equal(t, resolved.Last, seen)
	assert.NotEqual(t, ConditionTrue, seen.Verdict.Condition, "what was evaluated is kept as it was")
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
	accepted, err := b.AcceptBaseline(t.Context(), "quiet", Baseline{Since: testNow})
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

// What is accepted for one group leaves the others their past.
func TestANewNormalOfOneGroupIsNotThatOfAnother(t *testing.T) {
	cfg, _, _ := traffic(t, "{name: slow, kind: regression, group_by: [service], keep_firing_for: 1m}",
		"group service=chat", "load 60/min ttft=300ms from=-30h", "load 60/min ttft=900ms from=0m",
		"group service=search", "load 60/min ttft=300ms from=-30h", "load 60/min ttft=900ms from=0m")
	var clock atomic.Int64
	clock.Store(testNow.Unix())
	b := startEngine(t, cfg, &clock)
	b.at(testNow.Add(10 * time.Minute))
	states := func() map[string]State {
		all := map[string]State{}
		for _, a := range b.Alerts() {
			all[a.Group[0].Value] = a.Status.State
		}
		return all
	}
	require.Equal(t, map[string]State{"chat": StateFiring, "search": StateFiring}, states())

	_, err := b.AcceptBaseline(t.Context(), "slow", Baseline{Groups: []GroupSince{{Group: map[string]string{"model": "m"}, Since: testNow}}})
	require.ErrorIs(t, err, ErrInvalidRule)
	accepted, err := b.AcceptBaseline(t.Context(), "slow", Baseline{Groups: []GroupSince{{Group: map[string]string{"service": "chat"}, Since: testNow}}})
	require.NoError(t, err)
	require.Len(t, accepted.Rule.Baseline.Groups, 1)
	assert.Zero(t, accepted.Rule.Baseline.Since)
	b.at(testNow.Add(11 * time.Minute))
	b.at(testNow.Add(12 * time.Minute))
	assert.Equal(t, map[string]State{"chat": StateInsufficient, "search": StateFiring}, states())
	b.stop()

	b = startEngine(t, cfg, &clock)
	b.at(testNow.Add(13 * time.Minute))
	assert.Equal(t, map[string]State{"chat": StateInsufficient, "search": StateFiring}, states(), "also after a restart")
}

func TestBaselinesAreAccepted(t *testing.T) {
	group := func(service string, since time.Time) GroupSince {
		return GroupSince{map[string]string{"service": service}, since}
	}
	later := now.Add(time.Hour)
	b := Baseline{}.accept(Baseline{Groups: []GroupSince{group("chat", now), group("search", now)}})
	b = b.accept(Baseline{Groups: []GroupSince{group("chat", later)}})
	assert.Equal(t, Baseline{Groups: []GroupSince{group("search", now), group("chat", later)}}, b)
	assert.Equal(t, Baseline{Since: now, Groups: []GroupSince{group("chat", later)}}, b.accept(Baseline{Since: now}), "what the whole rule accepts says all of the earlier")

	r := Rule{GroupBy: []string{"service"}, Baseline: b}
	assert.Equal(t, later, r.of([]Label{{"service", "chat"}}).Baseline.Since)
	assert.Zero(t, r.of([]Label{{"service", "mail"}}).Baseline.Since)
}
