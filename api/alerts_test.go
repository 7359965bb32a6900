package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/query"
)

// rulesInMemory is an evaluator with one rule from a file and one alert.
type rulesInMemory struct {
	rules map[string]StoredRule
	asked AlertPage
}

func newRulesInMemory() *rulesInMemory {
	file := alert.Rule{Name: "ttft_regression", Kind: alert.KindRegression, GroupBy: []string{"service"}}.WithDefaults()
	return &rulesInMemory{rules: map[string]StoredRule{
		file.Name: {Rule: file, Source: "rules.yaml", ReadOnly: true, States: map[string]int{"firing": 1}},
	}}
}

func (m *rulesInMemory) evaluation() Evaluation {
	at := time.Date(2026, 3, 1, 14, 5, 0, 0, time.UTC)
	value, low, share, z, phi, holds := int64(806e6), int64(775e6), 0.2, 9.1, 2.5, true
	return Evaluation{
		Rule: "ttft_regression", Fingerprint: "0123456789abcdef", Group: Group{"service": "chat"}, At: at, State: AlertStateFiring,
		Current:  Measured{ValueNs: &value, LowNs: &low, Share: &share, N: 812, From: &at, To: &at},
		Baseline: Measured{N: 11000}, Z: &z, Overdispersion: &phi, Owner: OwnerQueue,
		Parts:      []PartDifference{{Part: query.PartQueue, Estimate: query.Estimate{NS: 380e6}}},
		Conditions: []Condition{{Name: "tail_exceedance", Holds: &holds, Value: &z, Detail: "z above 3.7·√φ"}, {Name: "past_maximum"}},
		Reason:     "p95 TTFT rose by 380 ms, in the queue",
	}
}

func (m *rulesInMemory) Alerts(_ context.Context, states []AlertState) ([]Alert, error) {
	e := m.evaluation()
	return []Alert{{
		Rule: e.Rule, Kind: "regression", Severity: "warning", Fingerprint: e.Fingerprint, Group: e.Group, State: AlertStateFiring, Since: e.At, Last: e,
		Labels: map[string]string{}, Annotations: map[string]string{},
		Exemplars: []RequestRef{{TraceId: strings.Repeat("a", 32), SpanId: strings.Repeat("b", 16), End: e.At, Model: "m"}},
	}}, nil
}

func (m *rulesInMemory) History(_ context.Context, page AlertPage) (AlertHistory, error) {
	m.asked = page
	e := m.evaluation()
	return AlertHistory{Rows: []Transition{{
		Rule: e.Rule, Fingerprint: e.Fingerprint, Group: e.Group, At: e.At, From: AlertStatePending, To: AlertStateFiring,
		Notified: []Delivery{{Target: "alertmanager", Ok: true}}, Evaluation: e,
	}}}, nil
}

func (m *rulesInMemory) Evaluations(_ context.Context, page AlertPage) (EvaluationList, error) {
	m.asked = page
	return EvaluationList{Rows: []Evaluation{m.evaluation()}}, nil
}

func (m *rulesInMemory) Rules(context.Context) (RuleList, error) {
	list := RuleList{Rules: []StoredRule{}, Enabled: true}
	for _, rule := range m.rules {
		list.Rules = append(list.Rules, rule)
	}
	return list, nil
}

func (m *rulesInMemory) Rule(_ context.Context, name string) (StoredRule, error) {
	rule, ok := m.rules[name]
	if !ok {
		return rule, &query.Error{Code: query.CodeNotFound, Parameter: "name", Message: "there is no rule " + name}
	}
	return rule, nil
}

func (m *rulesInMemory) Create(ctx context.Context, rule alert.Rule) (StoredRule, error) {
	if _, err := m.Rule(ctx, rule.Name); err == nil {
		return StoredRule{}, &query.Error{Code: CodeConflict, Parameter: "name", Message: "there is a rule of this name"}
	}
	m.rules[rule.Name] = StoredRule{Rule: rule, Source: "api", States: map[string]int{}}
	return m.rules[rule.Name], nil
}

func (m *rulesInMemory) writable(ctx context.Context, name string) error {
	rule, err := m.Rule(ctx, name)
	if err == nil && rule.ReadOnly {
		err = &query.Error{Code: CodeConflict, Parameter: "name", Message: "it comes from " + rule.Source}
	}
	return err
}

func (m *rulesInMemory) Replace(ctx context.Context, rule alert.Rule) (StoredRule, error) {
	if err := m.writable(ctx, rule.Name); err != nil {
		return StoredRule{}, err
	}
	m.rules[rule.Name] = StoredRule{Rule: rule, Source: "api", States: map[string]int{}}
	return m.rules[rule.Name], nil
}

func (m *rulesInMemory) Delete(ctx context.Context, name string) error {
	err := m.writable(ctx, name)
	if err == nil {
		delete(m.rules, name)
	}
	return err
}

func (m *rulesInMemory) AcceptBaseline(ctx context.Context, name string, b alert.Baseline) (StoredRule, error) {
	rule, err := m.Rule(ctx, name)
	rule.Rule.Baseline = b
	return rule, err
}

func (m *rulesInMemory) Preview(_ context.Context, rule alert.Rule) (RulePreview, error) {
	e := m.evaluation()
	return RulePreview{From: e.At.Add(-7 * 24 * time.Hour), To: e.At, Groups: 1, Evaluations: 2016, Episodes: []Episode{{Group: e.Group, Fired: e.At, Peak: e}}}, nil
}

func TestAlerts(t *testing.T) {
	rules := newRulesInMemory()
	s := newTestServer(t, Options{Alerts: rules})
	const slow = `{"name":"slow","kind":"threshold","metric":"ttft","above":"2s","group_by":["service"],"filters":["environment=prod"]}`
	for _, step := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/alerts", "", 200, `"enabled":true`},
		{"GET", "/alerts?state=firing&state=pending", "", 200, `"fingerprint":"0123456789abcdef"`},
		{"GET", "/alerts/rules", "", 200, `"read_only":true`},
		{"POST", "/alerts/rules", slow, 201, `"above":"2s"`},
		{"POST", "/alerts/rules", slow, 409, `there is a rule of this name`},
		{"GET", "/alerts/rules/slow", "", 200, `"quantile":0.95`},
		{"PUT", "/alerts/rules/slow", strings.Replace(slow, "2s", "3s", 1), 200, `"above":"3s"`},
		{"PUT", "/alerts/rules/other", slow, 400, `the body names the rule`},
		{"PUT", "/alerts/rules/ttft_regression", `{"name":"ttft_regression","kind":"regression"}`, 409, `rules.yaml`},
		{"PUT", "/alerts/rules/ttft_regression/baseline", `{"since":"2026-03-01T14:00:00Z"}`, 200, `"since":"2026-03-01T14:00:00Z"`},
		{"PUT", "/alerts/rules/slow/baseline", `{}`, 200, `"since":"`},
		{"PUT", "/alerts/rules/none/baseline", `{}`, 404, `there is no rule none`},
		{"POST", "/alerts/rules/preview", slow, 200, `"episodes":[{`},
		{"GET", "/alerts/rules/slow/evaluations?limit=5&fingerprint=0123456789abcdef", "", 200, `"conditions":[{`},
		{"GET", "/alerts/history?rule=slow&from=now-7d", "", 200, `"from":"pending"`},
		{"GET", "/alerts/history?from=now&to=now-1h", "", 400, `not before`},
		{"DELETE", "/alerts/rules/slow", "", 204, ``},
		{"DELETE", "/alerts/rules/slow", "", 404, ``},
		{"DELETE", "/alerts/rules/ttft_regression", "", 409, ``},
	} {
		r := send(t, s, step.method, prefix+step.path, step.body)
		if r.status != step.status || !strings.Contains(string(r.body), step.says) {
			t.Errorf("%s %s: %d %s; want %d with %s", step.method, step.path, r.status, r.body, step.status, step.says)
		}
	}
	if rules.asked.Rule != "slow" || rules.asked.Limit != defaultAlertPage || rules.asked.Range.To.Sub(rules.asked.Range.From) != 7*24*time.Hour {
		t.Errorf("the last page asked for was %+v", rules.asked)
	}
}

func TestWrongRulesAreNamed(t *testing.T) {
	s := newTestServer(t, Options{Alerts: newRulesInMemory()})
	for body, parameter := range map[string]string{
		`{"name":"x","kind":"trend"}`:                                          "kind",
		`{"kind":"regression"}`:                                                "",
		`{"name":"x","kind":"regression","windw":"5m"}`:                        "",
		`{"name":"x","kind":"regression","window":"5 minutes"}`:                "window",
		`{"name":"x","kind":"regression","filters":["model"]}`:                 "filters",
		`{"name":"x","kind":"regression","filters":["nothing=1"]}`:             "filters",
		`{"name":"x","kind":"regression","group_by":["nothing"]}`:              "group_by",
		`{"name":"x","kind":"regression","filters":"model=x"}`:                 "filters",
		`{"name":"bad name","kind":"regression"}`:                              "name",
		`{"name":"x","kind":"threshold"}`:                                      "body",
		`{"name":"x","kind":"slo","slo":{"target":1.5}}`:                       "slo.target",
		`{"name":"x","kind":"regression","group_by":["a","b","c","d"]}`:        "group_by",
		`{"name":"x","kind":"regression"`:                                      "body",
		`[]`:                                                                   "body",
		`null`:                                                                 "body",
		`{"name":"x","kind":"regression","labels":{"a":1}}`:                    "labels.a",
		`{"name":"x","kind":"regression","baseline":{"since":"last tuesday"}}`: "baseline.since",
	} {
		for _, path := range []string{"/alerts/rules", "/alerts/rules/preview"} {
			r := send(t, s, http.MethodPost, prefix+path, body)
			p := r.problem(t)
			if r.status != http.StatusBadRequest || p.Parameter == nil || parameter != "" && *p.Parameter != parameter {
				t.Errorf("%s: %d %s; want 400 that names %s", body, r.status, r.body, parameter)
			}
		}
	}
	large, err := json.Marshal(map[string]any{"name": "x", "kind": "regression", "filters": []string{strings.Repeat("x", maxBody)}})
	if err != nil {
		t.Fatal(err)
	}
	if r := send(t, s, http.MethodPost, "/api/v1/alerts/rules", string(large)); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body over the limit: %d %s", r.status, r.body)
	}
	if r := send(t, s, http.MethodPost, "/api/v1/alerts/rules", "name: x", "Content-Type", "application/yaml"); r.status != http.StatusUnsupportedMediaType {
		t.Errorf("YAML: %d %s", r.status, r.body)
	}
}

func TestAlertsSwitchedOff(t *testing.T) {
	s := newTestServer(t, Options{})
	for _, path := range []string{"/alerts", "/alerts/rules", "/alerts/history"} {
		if r := get(t, s, prefix+path); r.status != http.StatusOK || !strings.Contains(string(r.body), `[]`) {
			t.Errorf("%s: %d %s; want an empty list", path, r.status, r.body)
		}
	}
	for _, path := range []string{"/alerts/rules/x", "/alerts/rules/x/evaluations"} {
		if r := get(t, s, prefix+path); r.status != http.StatusNotFound || !strings.Contains(r.problem(t).Detail, "switched off") {
			t.Errorf("%s: %d %s; want 404 that says why", path, r.status, r.body)
		}
	}
}
