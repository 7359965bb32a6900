// Package deploy_test checks what Phaseline ships for other people's Prometheus
// and Grafana against the real programs.
package deploy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
	"github.com/phaseline/phaseline/migrations"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func promtool(t *testing.T, arguments ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is not installed: apt-get install prometheus")
	}
	command := exec.Command(path, arguments...)
	command.Dir = "prometheus"
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
}

func TestPrometheusRules(t *testing.T) {
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "recording.yml", "alerting.yml")
	promtool(t, "test", "rules", "rules_test.yml")
}

// every returns the values of a key anywhere in a JSON document.
func every(document any, key string) []string {
	var found []string
	switch d := document.(type) {
	case map[string]any:
		for name, value := range d {
			if text, ok := value.(string); ok && name == key {
				found = append(found, text)
			}
			found = append(found, every(value, key)...)
		}
	case []any:
		for _, value := range d {
			found = append(found, every(value, key)...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func dashboard(t *testing.T, name string) any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("grafana", name))
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return document
}

// replacer fills in Grafana's variables.
func replacer(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

func TestPrometheusDashboard(t *testing.T) {
	expressions := every(dashboard(t, "phaseline-prometheus.json"), "expr")
	if len(expressions) == 0 {
		t.Fatal("the dashboard asks nothing")
	}
	fill := replacer("$__rate_interval", "5m", "$service", ".*", "$model", ".*")
	var rules bytes.Buffer
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	for _, expression := range expressions {
		quoted, err := json.Marshal(fill(expression))
		if err != nil {
			t.Fatal(err)
		}
		rules.WriteString("      - record: checked\n        expr: " + string(quoted) + "\n")
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, rules.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", "--lint=none", file)
}

// metric finds the names of metrics in PromQL: those of Phaseline begin so.
var metric = regexp.MustCompile(`\b(?:phaseline|gen_ai)_[a-z_]+\b`)

// recorded finds the names that recording rules make.
var recorded = regexp.MustCompile(`\bphaseline:[a-z0-9_:]+\b`)

// Every metric that rules and dashboards use is one that the metrics package
// registers; every recorded series is made by a rule.
func TestMetricsExist(t *testing.T) {
	source, err := os.ReadFile("../api/metrics/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	recording, err := os.ReadFile("prometheus/recording.yml")
	if err != nil {
		t.Fatal(err)
	}
	alerting, err := os.ReadFile("prometheus/alerting.yml")
	if err != nil {
		t.Fatal(err)
	}
	uses := append(every(dashboard(t, "phaseline-prometheus.json"), "expr"), string(recording), string(alerting))
	labels := []string{"gen_ai_request_model", "gen_ai_provider_name", "gen_ai_token_type"}
	groups := regexp.MustCompile(`name: phaseline_[a-z]+`)
	for _, use := range uses {
		for _, name := range metric.FindAllString(groups.ReplaceAllString(use, ""), -1) {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			if !slices.Contains(labels, name) && !strings.Contains(string(source), `"`+base+`"`) {
				t.Errorf("%s is used, but api/metrics does not register %s", name, base)
			}
		}
		for _, name := range recorded.FindAllString(use, -1) {
			if !strings.Contains(string(recording), "- record: "+name+"\n") {
				t.Errorf("%s is used, but recording.yml does not make it", name)
			}
		}
	}
}

func TestClickHouseDashboard(t *testing.T) {
	queries := every(dashboard(t, "phaseline-clickhouse.json"), "rawSql")
	if len(queries) == 0 {
		t.Fatal("the dashboard asks nothing")
	}
	conn := embeddedtest.Start(t)
	if err := migrations.Run(t.Context(), conn, migrations.Options{}); err != nil {
		t.Fatal(err)
	}
	fill := replacer(
		"$__timeInterval(end)", "toStartOfInterval(end, INTERVAL 60 second)",
		"$__fromTime", "toDateTime(0)", "$__toTime", "toDateTime(4000000000)",
		"${service:singlequote}", "'a', 'b'",
	)
	for _, query := range queries {
		rows, err := conn.Query(t.Context(), fill(query))
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if err := rows.Close(); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}
