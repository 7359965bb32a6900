package api

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// docBlock is a fenced block of docs/api.md.
type docBlock struct{ language, text string }

func docBlocks(t *testing.T) []docBlock {
	t.Helper()
	raw, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []docBlock
	for _, match := range regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(string(raw), -1) {
		blocks = append(blocks, docBlock{match[1], match[2]})
	}
	return blocks
}

var (
	curlLine = regexp.MustCompile(`^curl (?:-X (\w+) )?'http://127\.0\.0\.1:8321([^']*)'(?: -H '([^:']+): ([^']*)')?(?: -d '([^']*)')?(?: # (\d+))?$`)
	traceID  = regexp.MustCompile(`\bTRACE_ID\b`)
	spanID   = regexp.MustCompile(`\bSPAN_ID\b`)
)

// checkDocumentedExamples runs every curl line of docs/api.md against a
// server with data. A comment after it is the status that is expected, 200
// without one. A JSON block shows an answer: every field in it must be in the
// answer of the line before, with a value of the same kind.
func checkDocumentedExamples(t *testing.T, s *testServer) {
	first := decode[RequestList](t, get(t, s, "/api/v1/requests?limit=1")).Requests[0]
	ran := 0
	var last response
	for _, block := range docBlocks(t) {
		switch block.language {
		case "sh":
			for line := range strings.Lines(block.text) {
				line = strings.TrimSpace(line)
				match := curlLine.FindStringSubmatch(line)
				if match == nil {
					t.Errorf("%q is no curl line that this test can run", line)
					continue
				}
				method, path, header, value, body, status := match[1], match[2], match[3], match[4], match[5], match[6]
				if method == "" {
					method = "GET"
				}
				if status == "" {
					status = "200"
				}
				path = spanID.ReplaceAllString(traceID.ReplaceAllString(path, first.TraceID), first.SpanID)
				var headers []string
				if header != "" {
					headers = []string{header, value}
				}
				last = send(t, s, method, path, body, headers...)
				if fmt.Sprint(last.status) != status {
					t.Errorf("%s: %d %s; want %s", line, last.status, last.body, status)
				}
				ran++
			}
		case "json":
			var want, got any
			if err := json.Unmarshal([]byte(block.text), &want); err != nil {
				t.Errorf("%v in\n%s", err, block.text)
			}
			if err := json.Unmarshal(last.body, &got); err != nil {
				t.Errorf("%v in\n%s", err, last.body)
			}
			for _, wrong := range sameShape(want, got, "$") {
				t.Error(wrong)
			}
		}
	}
	if ran < 15 {
		t.Errorf("only %d examples were run", ran)
	}
}

// sameShape lists what is shown but not in the answer, or of another kind.
func sameShape(shown, answered any, path string) []string {
	switch shown := shown.(type) {
	case map[string]any:
		object, ok := answered.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is shown as an object, answered as %v", path, answered)}
		}
		var wrong []string
		for key, value := range shown {
			inner, ok := object[key]
			if !ok {
				wrong = append(wrong, path+"."+key+" is shown, but not in the answer")
				continue
			}
			wrong = append(wrong, sameShape(value, inner, path+"."+key)...)
		}
		return wrong
	case []any:
		list, ok := answered.([]any)
		if !ok || len(shown) > len(list) {
			return []string{fmt.Sprintf("%s is shown with %d items, answered as %v", path, len(shown), answered)}
		}
		var wrong []string
		for i := range shown {
			wrong = append(wrong, sameShape(shown[i], list[i], fmt.Sprintf("%s[%d]", path, i))...)
		}
		return wrong
	case nil:
		return nil
	}
	if answered != nil && fmt.Sprintf("%T", shown) != fmt.Sprintf("%T", answered) {
		return []string{fmt.Sprintf("%s is shown as %T, answered as %T", path, shown, answered)}
	}
	return nil
}

// The scrape configurations in the documentation are ones that Prometheus takes.
func TestDocumentedScrapeConfigurations(t *testing.T) {
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is not installed: apt-get install prometheus")
	}
	checked := 0
	for _, block := range docBlocks(t) {
		if block.language != "yaml" {
			continue
		}
		var document struct {
			ScrapeConfigs []any `yaml:"scrape_configs"`
			Receivers     struct {
				Prometheus struct{ Config map[string]any }
			}
		}
		if err := yaml.Unmarshal([]byte(block.text), &document); err != nil {
			t.Fatalf("%v in\n%s", err, block.text)
		}
		config := any(document.Receivers.Prometheus.Config)
		if document.ScrapeConfigs != nil {
			config = map[string]any{"scrape_configs": document.ScrapeConfigs}
		}
		raw, err := yaml.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "prometheus.yml")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if output, err := exec.Command(path, "check", "config", file).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
		checked++
	}
	if checked != 2 {
		t.Errorf("%d configurations were checked, want Prometheus' and the collector's", checked)
	}
}
