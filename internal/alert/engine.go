package alert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Config of an [Engine].
type Config struct {
	Source Source
	// Oldest is when the first stored request of a range ended; the zero time
	// without any.
	Oldest func(context.Context, Range) (time.Time, error)
	// Investigate finds requests that show a change since began, and the
	// service.version that appeared with it.
	Investigate func(ctx context.Context, r Rule, group []Label, began, end time.Time) (version string, exemplars []Exemplar, err error)
	Ledger      Ledger
	Targets     []Target

	// RulesFile is read instead of the default rules unless empty, and again
	// when it changes.
	RulesFile string
	// ExternalURL is where people reach the UI, for the links in messages.
	ExternalURL string
	Logger      *zap.Logger
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Poll is how often the clock and the rule file are looked at. Default 2 s.
	Poll time.Duration
}

// Engine evaluates rules once a minute and tells targets what changes.
type Engine struct {
	cfg    Config
	outbox *outbox
	counts counts

	mu        sync.Mutex
	followers map[string]*follower
	file      ruleFile
	fileError string
	accepted  map[string]Baseline // what was accepted for the rule file's rules, by name
	standings map[string]Standing // of rules not followed yet, by fingerprint
	started   bool
	ctx       context.Context // of Run
	running   sync.WaitGroup
	replaying sync.Mutex // one rule reads its past at a time
}

// Times of the engine.
const (
	every       = time.Minute      // between evaluations
	pastOf      = 7 * day          // that a new rule is replayed over
	lookBack    = 3 * time.Hour    // in which the beginning of a change is looked for
	retryAfter  = 15 * time.Second // when the store fails
	checkOldest = time.Minute      // between looks for history that came late
)

// New returns an engine that has not started yet.
func New(cfg Config) *Engine {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Poll == 0 {
		cfg.Poll = 2 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	e := &Engine{cfg: cfg, followers: map[string]*follower{}, accepted: map[string]Baseline{}}
	e.outbox = newOutbox(cfg.Targets, cfg.Ledger, cfg.Now, cfg.Logger, &e.counts)
	return e
}

// Run evaluates until ctx ends. It waits for a store that is away.
func (e *Engine) Run(ctx context.Context) error {
	e.ctx = ctx
	defer e.running.Wait()
	for {
		err := e.start(ctx)
		if err == nil {
			break
		}
		e.cfg.Logger.Warn("alert rules wait for the store", zap.Error(err))
		if !sleep(ctx, retryAfter) {
			return nil
		}
	}
	e.running.Go(func() { e.outbox.run(ctx, e.firing) })
	for sleep(ctx, e.cfg.Poll) {
		e.reload(false)
	}
	return nil
}

// start loads what was stored and follows every rule.
func (e *Engine) start(ctx context.Context) error {
	standings, err := e.cfg.Ledger.Standings(ctx)
	if err != nil {
		return err
	}
	rules, err := e.cfg.Ledger.Rules(ctx)
	if err != nil {
		return err
	}
	waiting, err := e.cfg.Ledger.Undelivered(ctx, e.cfg.Now().Add(-giveUpAfter))
	if err != nil {
		return err
	}
	for _, t := range waiting {
		e.outbox.add(t)
	}
	e.mu.Lock()
	e.standings = map[string]Standing{}
	for _, s := range standings {
		e.standings[Fingerprint(s.Rule, s.Group)] = s
	}
	e.started = true
	for _, r := range rules {
		if r.Kind == "" {
			e.accepted[r.Name] = r.Baseline
			continue
		}
		e.follow(r, SourceAPI)
	}
	e.mu.Unlock()
	e.reload(true)
	return nil
}

// reload takes the rule file's rules, if it changed or must. A file with any
// mistake changes nothing.
func (e *Engine) reload(must bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	file, changed, err := e.file.read(e.cfg.RulesFile)
	if !changed && !must && err == nil {
		e.file = file
		return
	}
	if err == nil {
		for _, r := range file.rules {
			if f := e.followers[r.Name]; f != nil && f.origin == SourceAPI {
				err = fmt.Errorf("rule %q exists already, made through the API: delete it there, or choose another name", r.Name)
			}
		}
	}
	if err != nil {
		if text := err.Error(); text != e.fileError {
			e.fileError = text
			e.cfg.Logger.Error("the rule file has a mistake, the rules before stay in force", zap.String("file", e.cfg.RulesFile), zap.Error(err))
		}
		return
	}
	e.file, e.fileError = file, ""
	names := map[string]bool{}
	for _, r := range file.rules {
		names[r.Name] = true
		e.follow(e.withAccepted(r), file.name())
	}
	for name, f := range e.followers {
		if f.origin != SourceAPI && !names[name] {
			e.drop(name)
		}
	}
}

// follow evaluates a rule from now on, in place of one of the same name. The
// lock is held.
func (e *Engine) follow(r Rule, origin string) {
	if old := e.followers[r.Name]; old != nil {
		if old.origin == origin && sameRule(old.rule, r) {
			return
		}
		maps.Copy(e.standings, old.standings())
		e.drop(r.Name)
	}
	ctx, stop := context.WithCancel(e.ctx)
	f := &follower{engine: e, rule: r, origin: origin, stop: stop, progress: "waiting to read its past"}
	e.followers[r.Name] = f
	standings := maps.Clone(e.standings)
	e.running.Go(func() { f.run(ctx, standings) })
}

// drop stops a rule. The lock is held.
func (e *Engine) drop(name string) {
	e.followers[name].stop()
	delete(e.followers, name)
}

// SourceAPI is the origin of rules made through the API.
const SourceAPI = "api"

// RuleStatus is a rule, where it comes from and how it does.
type RuleStatus struct {
	Rule    Rule
	Origin  string // a file's path, "default" or "api"
	Problem string // why it cannot be evaluated now
	// Progress is how far it has read its past; empty when it has.
	Progress string
	// Missed is how many evaluations did not take place: while this process was
	// busy or stopped, and between it and the one before.
	Missed int64
	States map[State]int
}

// Errors about rules.
var (
	ErrUnknownRule  = errors.New("there is no such rule")
	ErrRuleExists   = errors.New("a rule of this name exists already")
	ErrRuleReadOnly = errors.New("the rule comes from the rule file: change it there")
	ErrInvalidRule  = errors.New("the rule would not be valid")
	ErrStarting     = errors.New("the alert rules are not loaded yet: try again in a few seconds")
)

// Rules returns every rule by name, and why the rule file on disk is not the
// one in use, if it is not.
func (e *Engine) Rules() (rules []RuleStatus, fileProblem string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(e.followers)) {
		rules = append(rules, e.followers[name].status())
	}
	return rules, e.fileError
}

// Rule returns one rule.
func (e *Engine) Rule(name string) (RuleStatus, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.followers[name]
	if f == nil {
		return RuleStatus{}, ErrUnknownRule
	}
	return f.status(), nil
}

// Create stores and follows a new rule.
func (e *Engine) Create(ctx context.Context, r Rule) (RuleStatus, error) { return e.put(ctx, r, false) }

// Replace changes a rule that was made through the API.
func (e *Engine) Replace(ctx context.Context, r Rule) (RuleStatus, error) { return e.put(ctx, r, true) }

func (e *Engine) put(ctx context.Context, r Rule, exists bool) (RuleStatus, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.followers[r.Name]
	switch {
	case !e.started:
		return RuleStatus{}, ErrStarting
	case exists && old == nil:
		return RuleStatus{}, ErrUnknownRule
	case exists && old.origin != SourceAPI:
		return RuleStatus{}, ErrRuleReadOnly
	case !exists && old != nil:
		return RuleStatus{}, ErrRuleExists
	}
	if err := e.cfg.Ledger.PutRule(ctx, r); err != nil {
		return RuleStatus{}, err
	}
	e.follow(r, SourceAPI)
	return e.followers[r.Name].status(), nil
}

// Delete forgets a rule that was made through the API.
func (e *Engine) Delete(ctx context.Context, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.followers[name]
	switch {
	case f == nil:
		return ErrUnknownRule
	case f.origin != SourceAPI:
		return ErrRuleReadOnly
	}
	if err := e.cfg.Ledger.DeleteRule(ctx, name); err != nil {
		return err
	}
	e.drop(name)
	return nil
}

// withAccepted is a rule of the file with what was accepted for it; where the file
// says something itself, that counts. The lock is held.
func (e *Engine) withAccepted(r Rule) Rule {
	r.Baseline = e.accepted[r.Name].accept(r.Baseline)
	return r
}

// AcceptBaseline makes what a rule, or one group of it, sees since a time its new
// normal. For a rule of the rule file that is kept beside the file.
func (e *Engine) AcceptBaseline(ctx context.Context, name string, b Baseline) (RuleStatus, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.followers[name]
	if f == nil {
		return RuleStatus{}, ErrUnknownRule
	}
	b = b.inSeconds()
	rule := f.rule
	rule.Baseline = rule.Baseline.accept(b)
	if err := rule.Validate(); err != nil {
		return RuleStatus{}, fmt.Errorf("%w: %w", ErrInvalidRule, err)
	}
	stored := rule
	if f.origin != SourceAPI {
		stored = Rule{Name: name, Baseline: e.accepted[name].accept(b)} // without a kind: only the baseline
	}
	if err := e.cfg.Ledger.PutRule(ctx, stored); err != nil {
		return RuleStatus{}, err
	}
	if f.origin != SourceAPI {
		e.accepted[name] = stored.Baseline
	}
	e.follow(rule, f.origin)
	return e.followers[name].status(), nil
}

// Current is one alert as it stands.
type Current struct {
	Rule   Rule
	Group  []Label
	Status Status
	Last   Evaluation // the newest
	// Evidence is what the alert rests on: the newest evaluation, or, while it
	// recovers, the one that it fired by.
	Evidence Evaluation
	Cause    *Cause
	Compare  string // URL path of the compare page; empty without two windows
}

// Alerts returns every alert, the firing ones first.
func (e *Engine) Alerts() []Current {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Current
	for _, f := range e.followers {
		all = append(all, f.alerts()...)
	}
	order := []State{StateFiring, StateRecovering, StatePending, StateError, StateNoData, StateInsufficient, StateInactive}
	slices.SortFunc(all, func(a, b Current) int {
		if d := slices.Index(order, a.Status.State) - slices.Index(order, b.Status.State); d != 0 {
			return d
		}
		return strings.Compare(Fingerprint(a.Rule.Name, a.Group), Fingerprint(b.Rule.Name, b.Group))
	})
	return all
}

// firing are the messages of the alerts that fire now.
func (e *Engine) firing() []Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Message
	for _, f := range e.followers {
		all = append(all, f.messages()...)
	}
	return all
}

// Transitions and Evaluations read pages from the ledger.
func (e *Engine) Transitions(ctx context.Context, p Page) ([]Transition, string, error) {
	return e.cfg.Ledger.Transitions(ctx, p)
}

func (e *Engine) Evaluations(ctx context.Context, p Page) ([]Evaluation, string, error) {
	return e.cfg.Ledger.Evaluations(ctx, p)
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
