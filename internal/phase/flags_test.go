package phase

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"sort"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/flags.md")

func TestFlagsAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	var all Flags
	for i, d := range FlagDocs {
		if d.Flag != 1<<i {
			t.Errorf("%s is not in its place", d.Name)
		}
		if d.Name == "" || d.Meaning == "" || d.Advice == "" || seen[d.Name] {
			t.Errorf("flag %d is not documented once: %+v", i, d)
		}
		seen[d.Name] = true
		all |= d.Flag
	}
	if all != flagEnd-1 {
		t.Errorf("%b are documented, %b exist", all, flagEnd-1)
	}
	names := all.Names()
	if !sort.StringsAreSorted(names) || ParseFlags(names) != all {
		t.Errorf("names do not lead back to their flags: %v", names)
	}
	if Flags(0).Names() != nil || ParseFlags([]string{"of_the_future", "error"}) != FlagError {
		t.Error("no flags, or an unknown one, are not read as such")
	}
}

// TestEnumsAreTheTables: names of enums are those of the ClickHouse columns.
func TestEnumsAreTheTables(t *testing.T) {
	sql, err := os.ReadFile("../../migrations/0002_requests.sql")
	if err != nil {
		t.Fatal(err)
	}
	for column, names := range map[string][]string{
		"outcome": outcomeNames[:], "vantage": vantageNames[:], "ttft_kind": ttftKindNames[:], "network_provenance": provenanceNames[:],
	} {
		m := regexp.MustCompile(`(?m)^\s*` + column + `\s+Enum8\(([^)]*)\)`).FindSubmatch(sql)
		var want []string
		for i, name := range names {
			want = append(want, fmt.Sprintf("'%s' = %d", name, i))
		}
		if m == nil || string(m[1]) != strings.Join(want, ", ") {
			t.Errorf("%s: %s, want %s", column, m, strings.Join(want, ", "))
		}
	}
}

// TestFlagsPageIsCurrent compares docs/flags.md with the vocabulary; -update writes it.
func TestFlagsPageIsCurrent(t *testing.T) {
	const path = "../../docs/flags.md"
	var b strings.Builder
	b.WriteString(`<!-- Generated from internal/phase/flags.go by go test ./internal/phase -run TestFlagsPageIsCurrent -update -->
# Flags of a request

A flag says what was refused, or what is unusual, about a request. There are no others.

| Flag | Means | What to do |
|---|---|---|
`)
	docs := append([]FlagDoc(nil), FlagDocs...)
	sort.Slice(docs, func(i, j int) bool { return docs[i].Name < docs[j].Name })
	for _, d := range docs {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.Name, d.Meaning, d.Advice)
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != b.String() {
		t.Errorf("%s is not current (%v): run go test ./internal/phase -run TestFlagsPageIsCurrent -update", path, err)
	}
}
