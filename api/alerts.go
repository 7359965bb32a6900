package api

import (
	"context"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/query"
)

// Alerts is what the API asks of the alert evaluator. Its errors are
// *query.Error where the caller is to blame: CodeNotFound for an unknown rule,
// CodeConflict for one that exists already or is read-only, CodeInvalid.
type Alerts interface {
	// Alerts returns every alert in one of the states, firing first; without
	// states, all of them.
	Alerts(ctx context.Context, states []AlertState) ([]Alert, error)
	History(ctx context.Context, page AlertPage) (AlertHistory, error)
	Evaluations(ctx context.Context, page AlertPage) (EvaluationList, error)

	Rules(ctx context.Context) (RuleList, error)
	Rule(ctx context.Context, name string) (StoredRule, error)
	Create(ctx context.Context, rule alert.Rule) (StoredRule, error)
	Replace(ctx context.Context, rule alert.Rule) (StoredRule, error)
	Delete(ctx context.Context, name string) error
	// AcceptBaseline leaves what was before out of the past of the rule or of its groups.
	AcceptBaseline(ctx context.Context, name string, b alert.Baseline) (StoredRule, error)
	// Preview replays a rule over the last 7 days.
	Preview(ctx context.Context, rule alert.Rule) (RulePreview, error)
}

// AlertPage asks for a page of transitions or evaluations, newest first. Rule
// and Fingerprint narrow it unless they are empty.
type AlertPage struct {
	Range       query.Range
	Rule        string
	Fingerprint string
	Limit       int
	Cursor      string
}

const defaultAlertPage = 100

func (s *server) alertPage(from *From, to *To, rule, fingerprint, cursor *string, limit *int) (AlertPage, error) {
	r, err := parseRange(from, to, s.Now())
	if err == nil {
		err = r.Check("from", "to")
	}
	return AlertPage{
		Range: r, Rule: given(rule, ""), Fingerprint: given(fingerprint, ""),
		Limit: given(limit, defaultAlertPage), Cursor: given(cursor, ""),
	}, err
}

// alerts returns the evaluator, or the problem that there is none.
func (s *server) alerts() (Alerts, error) {
	if s.Alerts == nil {
		return nil, failure(query.CodeNotFound, "", "alerts are switched off here; set alert: {enabled: true} in the phaseline extension's configuration")
	}
	return s.Alerts, nil
}

func (s *server) ListAlerts(ctx context.Context, r ListAlertsRequestObject) (ListAlertsResponseObject, error) {
	answer := AlertList{Alerts: []Alert{}}
	if s.Alerts != nil {
		alerts, err := s.Alerts.Alerts(ctx, given(r.Params.State, nil))
		if err != nil {
			return nil, err
		}
		answer = AlertList{Alerts: alerts, Enabled: true}
	}
	if isCSV(r.Params.Format) {
		body, size := alertsTable(answer).csv()
		return ListAlerts200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return ListAlerts200JSONResponse(answer), nil
}

func (s *server) ListAlertHistory(ctx context.Context, r ListAlertHistoryRequestObject) (ListAlertHistoryResponseObject, error) {
	p := r.Params
	page, err := s.alertPage(p.From, p.To, p.Rule, p.Fingerprint, p.Cursor, p.Limit)
	if err != nil {
		return nil, err
	}
	history := AlertHistory{Rows: []Transition{}}
	if s.Alerts != nil {
		if history, err = s.Alerts.History(ctx, page); err != nil {
			return nil, err
		}
	}
	if isCSV(p.Format) {
		body, size := historyTable(history).csv()
		return ListAlertHistory200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return ListAlertHistory200JSONResponse(history), nil
}

func (s *server) ListEvaluations(ctx context.Context, r ListEvaluationsRequestObject) (ListEvaluationsResponseObject, error) {
	p := r.Params
	page, err := s.alertPage(p.From, p.To, &r.Name, p.Fingerprint, p.Cursor, p.Limit)
	if err != nil {
		return nil, err
	}
	alerts, err := s.alerts()
	if err != nil {
		return nil, err
	}
	list, err := alerts.Evaluations(ctx, page)
	if err != nil {
		return nil, err
	}
	if isCSV(p.Format) {
		body, size := evaluationsTable(list).csv()
		return ListEvaluations200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return ListEvaluations200JSONResponse(list), nil
}

func (s *server) ListRules(ctx context.Context, r ListRulesRequestObject) (ListRulesResponseObject, error) {
	rules := RuleList{Rules: []StoredRule{}}
	if s.Alerts != nil {
		var err error
		if rules, err = s.Alerts.Rules(ctx); err != nil {
			return nil, err
		}
	}
	if isCSV(r.Params.Format) {
		body, size := rulesTable(rules).csv()
		return ListRules200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return ListRules200JSONResponse(rules), nil
}

func (s *server) GetRule(ctx context.Context, r GetRuleRequestObject) (GetRuleResponseObject, error) {
	alerts, err := s.alerts()
	if err != nil {
		return nil, err
	}
	rule, err := alerts.Rule(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	return GetRule200JSONResponse(rule), nil
}

func (s *server) CreateRule(ctx context.Context, r CreateRuleRequestObject) (CreateRuleResponseObject, error) {
	alerts, err := s.alerts()
	if err != nil {
		return nil, err
	}
	rule, err := validRule(*r.Body)
	if err != nil {
		return nil, err
	}
	stored, err := alerts.Create(ctx, rule)
	if err != nil {
		return nil, err
	}
	return CreateRule201JSONResponse(stored), nil
}

func (s *server) ReplaceRule(ctx context.Context, r ReplaceRuleRequestObject) (ReplaceRuleResponseObject, error) {
	alerts, err := s.alerts()
	if err != nil {
		return nil, err
	}
	rule, err := validRule(*r.Body)
	if err != nil {
		return nil, err
	}
	if rule.Name != r.Name {
		return nil, failure(query.CodeInvalid, "name", "the body names the rule %q, the path %q", rule.Name, r.Name)
	}
	stored, err := alerts.Replace(ctx, rule)
	if err != nil {
		return nil, err
	}
	return ReplaceRule200JSONResponse(stored), nil
}

func (s *server) DeleteRule(ctx context.Context, r DeleteRuleRequestObject) (DeleteRuleResponseObject, error) {
	alerts, err := s.alerts()
	if err != nil {
		return nil, err
	}
	if err := alerts.Delete(ctx, r.Name); err != nil {
		return nil, err
	}
	return DeleteRule204Response{}, nil
}

func (s *server) AcceptBaseline(ctx context.Context, r AcceptBaselineRequestObject) (AcceptBaselineResponseObject, error) {
	alerts, err := s.alerts()
	if err != nil {
		return nil, err
	}
	accepted := *r.Body
	if accepted.Since.IsZero() && len(accepted.Groups) == 0 {
		accepted.Since = s.Now()
	}
	stored, err := alerts.AcceptBaseline(ctx, r.Name, accepted)
	if err != nil {
		return nil, err
	}
	return AcceptBaseline200JSONResponse(stored), nil
}

func (s *server) PreviewRule(ctx context.Context, r PreviewRuleRequestObject) (PreviewRuleResponseObject, error) {
	alerts, err := s.alerts()
	if err != nil {
		return nil, err
	}
	rule, err := validRule(*r.Body)
	if err != nil {
		return nil, err
	}
	preview, err := alerts.Preview(ctx, rule)
	if err != nil {
		return nil, err
	}
	return PreviewRule200JSONResponse(preview), nil
}

func validRule(rule alert.Rule) (alert.Rule, error) {
	rule = rule.WithDefaults()
	if err := rule.Validate(); err != nil {
		return rule, failure(query.CodeInvalid, "body", "%v", err)
	}
	if _, err := addFilters(nil, "filters", &rule.Filters); err != nil {
		return rule, err
	}
	return rule, query.CheckGroupBy(rule.GroupBy)
}
