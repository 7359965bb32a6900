package dialect

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"
)

const docsPath = "../../docs/dialects.md"

// TestDocsAreCurrent compares docs/dialects.md with the tables; -update writes it.
func TestDocsAreCurrent(t *testing.T) {
	want := markdown()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(docsPath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the tables say: run go test ./internal/dialect -run TestDocsAreCurrent -update", docsPath)
	}
}

func markdown() string {
	var b strings.Builder
	b.WriteString(`<!-- Generated from the tables of internal/dialect by go test ./internal/dialect -run TestDocsAreCurrent -update -->
# What Phaseline reads

For each instrumentation, engine and gateway: what Phaseline can split, what to switch on to get more, and which
attributes it reads. Nothing has to be configured; what a span is follows from its scope and attributes. The same
attribute may mean different things in different dialects: where a dialect has a meaning of its own, that holds for
its spans, and the shared meaning for all others.

What is unknown stays unknown: a phase without evidence is null, never 0 and never a guess. ` + "`phaseline decompose --explain`" + `
says for each number which span and attribute it was read from, and which values were not believed.

## An attribute that is not listed

Map it in the configuration of the ` + "`phaseline`" + ` extension:

` + "```yaml" + `
extensions:
  phaseline:
    mappings:
      - {attribute: my.first_token_ms, fact: ttft, unit: ms}
` + "```" + `

Units of durations are ` + "`s`, `ms`, `us` and `ns`" + `; other facts have none. Facts: ` + "`" + strings.Join(FactNames(), "`, `") + "`" + `.
` + "`phaseline decompose --config phaseline.yaml FILE`" + ` shows what comes of it.

`)
	b.WriteString("## Contents\n\n")
	all := All()
	sort.Slice(all, func(i, j int) bool { return strings.ToLower(all[i].Title) < strings.ToLower(all[j].Title) })
	for _, d := range all {
		fmt.Fprintf(&b, "* [%s](#%s)\n", d.Title, anchor(d.Title))
	}
	for _, d := range all {
		section(&b, d)
	}
	return b.String()
}

// anchor is the id that GitHub gives to a heading.
func anchor(title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			b.WriteRune(r)
		case r == ' ':
			b.WriteByte('-')
		}
	}
	return b.String()
}

func section(b *strings.Builder, d *Dialect) {
	fmt.Fprintf(b, "\n## %s\n\n", d.Title)
	fmt.Fprintf(b, "**Can be split:** %s\n\n**To get more:** %s\n\n", d.Splits, d.More)
	for _, note := range d.Notes {
		fmt.Fprintf(b, "* %s\n", note)
	}
	if d.InputExcludesCache {
		b.WriteString("* Its input tokens exclude cached ones, which are added.\n")
	}
	if len(d.Notes) > 0 || d.InputExcludesCache {
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "Stored as dialect `%s`. Known by %s.\n", d.Name, knownBy(d))
	if spans := spanRows(d); len(spans) > 0 {
		b.WriteString("\n| Span | Is |\n|---|---|\n" + strings.Join(spans, ""))
	}
	rows := ruleRows(d)
	if len(rows) == 0 {
		return
	}
	b.WriteString("\n| Attribute or event | Tells | Written in | |\n|---|---|---|---|\n" + strings.Join(rows, ""))
}

func knownBy(d *Dialect) string {
	var by []string
	for _, s := range d.Scopes {
		by = append(by, "scope `"+s+"`")
	}
	for _, s := range d.Signs {
		switch {
		case s.Key == "":
			by = append(by, "span name `"+s.SpanName+"`")
		case s.Value != "":
			by = append(by, "`"+s.Key+"` = `"+s.Value+"`")
		default:
			by = append(by, "`"+s.Key+"`")
		}
	}
	if len(by) == 0 {
		return "its attributes, in any dialect"
	}
	return strings.Join(by, ", ")
}

var roleLabels = map[Role]string{
	RoleLLM: "a request", RoleWrapper: "around requests", RoleEngine: "a request, as the engine saw it", RolePart: "part of the engine's request",
	RoleDetail: "evidence for its parent", RoleServer: "a server's window", RoleHTTP: "an HTTP attempt", RoleConnect: "connecting",
	RoleTool: "a tool's run", RoleOther: "no request", roleHTTPSide: "an HTTP attempt or a server's window, by its kind",
}

func spanRows(d *Dialect) []string {
	var rows []string
	for _, n := range d.Names {
		is := roleLabels[n.Role]
		if n.HasExtent {
			is += ": " + n.Extent.Label()
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", n.Name, is))
	}
	for _, k := range d.Kinds {
		values := make([]string, 0, len(k.Values))
		for v := range k.Values {
			values = append(values, v)
		}
		sort.Strings(values)
		for _, v := range values {
			rows = append(rows, fmt.Sprintf("| `%s` = `%s` | %s |\n", k.Key, v, roleLabels[k.Values[v]]))
		}
		rows = append(rows, fmt.Sprintf("| any other `%s` | %s |\n", k.Key, roleLabels[k.Else]))
	}
	return rows
}

func ruleRows(d *Dialect) []string {
	var rows []string
	for _, list := range [...]struct {
		rules []Rule
		own   bool
	}{{d.Own, true}, {d.Vocabulary, false}} {
		for _, r := range list.rules {
			if r.Fields == nil {
				rows = append(rows, ruleRow(r.Key, r, list.own))
				continue
			}
			for _, field := range r.Fields {
				rows = append(rows, ruleRow(r.Key+" › "+strings.ReplaceAll(field.Key, "/", "."), field, list.own))
			}
		}
	}
	for _, e := range d.Events {
		rows = append(rows, fmt.Sprintf("| event `%s` | %s | | %s |\n", e.Name, eventLabels[e.Does], e.Note))
	}
	return rows
}

var eventLabels = map[eventEffect]string{
	eventFirstToken: "ttft", eventChunk: "ttft and decode", eventPreempted: "preempted", eventException: "error_type", eventCancelled: "cancelled",
	eventQueueStart: "start of queue", eventComputeStart: "end of queue", eventConnectStart: "start of connect", eventConnectDone: "connect",
	eventFinish: "finish_reason", eventAttempt: "attempt",
}

func ruleRow(key string, r Rule, own bool) string {
	tells := "not used"
	switch {
	case r.Refuse != 0:
		tells = "refused"
	case !r.Ignore:
		tells = r.To.Label()
	}
	note := r.Note
	if own {
		note = strings.TrimSuffix("in this dialect; "+note, "; ")
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", key, tells, r.Unit.Label(), note)
}
