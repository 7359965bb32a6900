package alert

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed rules.yaml
var defaultRules []byte

// DefaultRules is the text of the rules that are in force without a rule file.
func DefaultRules() string { return string(defaultRules) }

// maxRuleFile bounds what is read of a rule file.
const maxRuleFile = 1 << 20

// ParseRules reads a rule file whole: every mistake in it is reported, and one
// mistake refuses it.
func ParseRules(text []byte) ([]Rule, error) {
	var file struct {
		Rules []Rule `yaml:"rules"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("not a rule file: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if file.Rules == nil {
		return nil, errors.New("not a rule file: it has no `rules:`; write `rules: []` for none")
	}
	var mistakes []error
	names := map[string]bool{}
	for i, r := range file.Rules {
		r = r.WithDefaults()
		file.Rules[i] = r
		if err := r.Validate(); err != nil {
			mistakes = append(mistakes, err)
		}
		if names[r.Name] {
			mistakes = append(mistakes, fmt.Errorf("rule %q: the name is used twice", r.Name))
		}
		names[r.Name] = true
	}
	return file.Rules, errors.Join(mistakes...)
}

// ruleFile is the rule file as it was last read.
type ruleFile struct {
	path     string
	modified time.Time
	size     int64
	rules    []Rule
	seen     string // what the file looked like last time: it is read once that stays
}

func (f ruleFile) name() string {
	if f.path == "" {
		return "default"
	}
	return f.path
}

// read reads the file if it changed since f was read; the default rules without
// a path.
func (f ruleFile) read(path string) (now ruleFile, changed bool, err error) {
	if path == "" {
		if f.rules != nil {
			return f, false, nil
		}
		rules, err := ParseRules(defaultRules)
		return ruleFile{rules: rules}, true, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return f, false, err
	}
	if info.ModTime().Equal(f.modified) && info.Size() == f.size {
		return f, false, nil
	}
	if look := fmt.Sprint(info.ModTime(), info.Size()); f.path != "" && f.seen != look {
		f.seen = look // it may be half written
		return f, false, nil
	}
	if info.Size() > maxRuleFile {
		return f, true, fmt.Errorf("%s is larger than %d bytes", path, maxRuleFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return f, true, err
	}
	rules, err := ParseRules(text)
	return ruleFile{path: path, modified: info.ModTime(), size: info.Size(), rules: rules}, true, err
}
