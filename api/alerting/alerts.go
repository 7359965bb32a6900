package alerting

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/phaseline/phaseline/api"
	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/query"
)

// alerts answers the API from an engine.
type alerts struct{ engine *alert.Engine }

// New returns what the API asks of the evaluator.
func New(engine *alert.Engine) api.Alerts { return alerts{engine} }

// readLimit is how long the ledger reads for one page.
const readLimit = 10 * time.Second

// failed turns the engine's errors into the caller's, and those of the store
// into what the API says of it.
func failed(ctx context.Context, err error) error {
	codes := map[error]query.Code{
		alert.ErrUnknownRule: query.CodeNotFound, alert.ErrRuleExists: api.CodeConflict,
		alert.ErrRuleReadOnly: api.CodeConflict, alert.ErrStarting: query.CodeUnavailable,
	}
	if errors.Is(err, alert.ErrInvalidRule) {
		return &query.Error{Code: query.CodeInvalid, Parameter: "body", Message: err.Error()}
	}
	for known, code := range codes {
		if errors.Is(err, known) {
			return &query.Error{Code: code, Parameter: "name", Message: known.Error()}
		}
	}
	if errors.As(err, new(*clickhouse.Exception)) || errors.As(err, new(net.Error)) || ctx.Err() != nil {
		return query.Classify(ctx, err, readLimit)
	}
	return err
}

func (a alerts) Alerts(_ context.Context, states []api.AlertState) ([]api.Alert, error) {
	list := []api.Alert{}
	for _, c := range a.engine.Alerts() {
		if len(states) > 0 && !slices.Contains(states, api.AlertState(c.Status.State)) {
			continue
		}
		shown := api.Alert{
			Rule: c.Rule.Name, Kind: api.AlertKind(c.Rule.Kind), Severity: api.AlertSeverity(c.Rule.Severity),
			Fingerprint: alert.ID(c.Rule.Name, c.Group), Group: group(c.Group),
			State: api.AlertState(c.Status.State), Since: c.Status.Since, Last: evaluation(c.Rule, c.Evidence),
			Labels: orEmpty(c.Rule.Labels), Annotations: orEmpty(c.Rule.Annotations),
			Exemplars: []api.RequestRef{}, CompareUrl: c.Compare,
		}
		if c.Cause != nil {
			if !c.Cause.Began.IsZero() {
				shown.Began = &c.Cause.Began
			}
			shown.BeganVersion = c.Cause.NewVersion
			for _, x := range c.Cause.Exemplars {
				shown.Exemplars = append(shown.Exemplars, api.RequestRef{TraceId: x.TraceID, SpanId: x.SpanID, End: x.End, Model: x.Model, TotalNs: x.TotalNS, TtftNs: x.TTFTNS})
			}
		}
		list = append(list, shown)
	}
	return list, nil
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func group(labels []alert.Label) api.Group {
	g := api.Group{}
	for _, l := range labels {
		g[l.Name] = l.Value
	}
	return g
}

func page(p api.AlertPage) alert.Page {
	return alert.Page{Range: alert.Range(p.Range), Rule: p.Rule, Fingerprint: p.Fingerprint, Limit: p.Limit, Before: p.Cursor}
}

func cursor(next string) *string {
	if next == "" {
		return nil
	}
	return &next
}

func (a alerts) History(ctx context.Context, p api.AlertPage) (api.AlertHistory, error) {
	found, next, err := a.engine.Transitions(ctx, page(p))
	if err != nil {
		return api.AlertHistory{}, failed(ctx, err)
	}
	h := api.AlertHistory{Rows: []api.Transition{}, NextCursor: cursor(next)}
	for _, t := range found {
		row := api.Transition{
			Rule: t.Rule, Fingerprint: alert.ID(t.Rule, t.Group), Group: group(t.Group), At: t.At,
			From: api.AlertState(t.From), To: api.AlertState(t.To),
			Notified: []api.Delivery{}, Evaluation: evaluation(a.rule(t.Rule), t.Evaluation),
		}
		for _, d := range t.Deliveries {
			detail := d.Error
			if !d.Done && detail == "" {
				detail = "waiting"
			}
			row.Notified = append(row.Notified, api.Delivery{Target: d.Target, Ok: d.Done, Detail: detail})
		}
		h.Rows = append(h.Rows, row)
	}
	return h, nil
}

// rule is the rule of that name now; one that is gone has only its name.
func (a alerts) rule(name string) alert.Rule {
	s, err := a.engine.Rule(name)
	if err != nil {
		return alert.Rule{Name: name}
	}
	return s.Rule
}

func (a alerts) Evaluations(ctx context.Context, p api.AlertPage) (api.EvaluationList, error) {
	found, next, err := a.engine.Evaluations(ctx, page(p))
	if err != nil {
		return api.EvaluationList{}, failed(ctx, err)
	}
	if len(found) == 0 && p.Cursor == "" {
		if _, err := a.engine.Rule(p.Rule); err != nil { // one that is gone may have a history
			return api.EvaluationList{}, failed(ctx, err)
		}
	}
	list := api.EvaluationList{Rows: []api.Evaluation{}, NextCursor: cursor(next)}
	rule := a.rule(p.Rule)
	for _, e := range found {
		list.Rows = append(list.Rows, evaluation(rule, e))
	}
	return list, nil
}

func stored(s alert.RuleStatus) api.StoredRule {
	states := map[string]int{}
	for state, n := range s.States {
		states[string(state)] = n
	}
	return api.StoredRule{Rule: s.Rule, Source: s.Origin, ReadOnly: s.Origin != alert.SourceAPI, Problem: s.Problem, Progress: s.Progress, Missed: s.Missed, States: states}
}

func (a alerts) Rules(context.Context) (api.RuleList, error) {
	rules, problem := a.engine.Rules()
	list := api.RuleList{Rules: []api.StoredRule{}, Enabled: true, Problem: problem}
	for _, r := range rules {
		list.Rules = append(list.Rules, stored(r))
	}
	return list, nil
}

func (a alerts) Rule(ctx context.Context, name string) (api.StoredRule, error) {
	s, err := a.engine.Rule(name)
	return stored(s), failed(ctx, err)
}

func (a alerts) Create(ctx context.Context, rule alert.Rule) (api.StoredRule, error) {
	s, err := a.engine.Create(ctx, rule)
	return stored(s), failed(ctx, err)
}

func (a alerts) Replace(ctx context.Context, rule alert.Rule) (api.StoredRule, error) {
	s, err := a.engine.Replace(ctx, rule)
	return stored(s), failed(ctx, err)
}

func (a alerts) Delete(ctx context.Context, name string) error {
	return failed(ctx, a.engine.Delete(ctx, name))
}

func (a alerts) AcceptBaseline(ctx context.Context, name string, b alert.Baseline) (api.StoredRule, error) {
	s, err := a.engine.AcceptBaseline(ctx, name, b)
	return stored(s), failed(ctx, err)
}

func (a alerts) Preview(ctx context.Context, rule alert.Rule) (api.RulePreview, error) {
	p, err := a.engine.Preview(ctx, rule)
	if err != nil {
		return api.RulePreview{}, failed(ctx, err)
	}
	shown := api.RulePreview{From: p.Range.From, To: p.Range.To, Groups: int64(p.Groups), Evaluations: p.Evaluations, Episodes: []api.Episode{}}
	for _, e := range slices.Backward(p.Episodes) {
		episode := api.Episode{Group: group(e.Group), Fired: e.Fired, Peak: evaluation(rule, e.Peak)}
		if !e.Resolved.IsZero() {
			episode.Resolved = &e.Resolved
		}
		shown.Episodes = append(shown.Episodes, episode)
	}
	return shown, nil
}
