// Package alert decides when a group of requests has become slower than it
// should be, and says why. It knows its data only through function types, so
// that the same code judges live traffic, a replay of the past and a text file
// of test series.
package alert

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Kind is what a rule compares.
type Kind string

const (
	KindThreshold  Kind = "threshold"  // a quantile above a fixed value
	KindRegression Kind = "regression" // a quantile above the group's own past
	KindSLO        Kind = "slo"        // goodput burning its error budget
	KindAbsence    Kind = "absence"    // no requests, or too few with a TTFT
)

// Defaults of a rule's optional fields.
const (
	DefaultQuantile        = 0.95
	DefaultWindow          = 5 * time.Minute
	DefaultEvaluationDelay = 30 * time.Second // late spans: SDKs flush every 5 s, derive takes seconds
	DefaultKeepFiringFor   = 10 * time.Minute
	DefaultMinRelative     = 0.20
	DefaultMinAbsolute     = 50 * time.Millisecond
	DefaultAbsenceWindow   = 15 * time.Minute
)

// Rule is one alert rule. Each group of GroupBy is an alert of its own, and no
// group influences another.
type Rule struct {
	Name string `yaml:"name" json:"name"`
	Kind Kind   `yaml:"kind" json:"kind"`
	// Metric is the duration compared: ttft, tpot, total, network, queue,
	// prefill, decode or unattributed. Not used by slo and absence.
	Metric   string   `yaml:"metric,omitempty" json:"metric,omitempty"`
	Quantile float64  `yaml:"quantile,omitempty" json:"quantile,omitempty"`
	Filters  []string `yaml:"filters,omitempty" json:"filters,omitempty"` // as in the API: "environment=prod"
	GroupBy  []string `yaml:"group_by,omitempty" json:"group_by,omitempty"`

	Window          Duration `yaml:"window,omitempty" json:"window,omitempty"`
	For             Duration `yaml:"for,omitempty" json:"for,omitempty"`
	KeepFiringFor   Duration `yaml:"keep_firing_for,omitempty" json:"keep_firing_for,omitempty"`
	EvaluationDelay Duration `yaml:"evaluation_delay,omitempty" json:"evaluation_delay,omitempty"`

	// Above is the limit of a threshold rule.
	Above Duration `yaml:"above,omitempty" json:"above,omitempty"`
	// MinRelative and MinAbsolute are the smallest changes of the quantile that
	// a regression rule reports; both must be exceeded.
	MinRelative float64  `yaml:"min_relative,omitempty" json:"min_relative,omitempty"`
	MinAbsolute Duration `yaml:"min_absolute,omitempty" json:"min_absolute,omitempty"`
	// Baseline bounds what a regression rule compares with.
	Baseline Baseline `yaml:"baseline,omitempty" json:"baseline,omitzero"`
	// SLO is the objective of an slo rule.
	SLO *Objective `yaml:"slo,omitempty" json:"slo,omitempty"`
	// CoverageBelow makes an absence rule fire on the share of requests that
	// carry a TTFT instead of on their number.
	CoverageBelow float64 `yaml:"coverage_below,omitempty" json:"coverage_below,omitempty"`

	Severity    string            `yaml:"severity,omitempty" json:"severity,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty" json:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty" json:"annotations,omitempty"`
}

// Objective is a service level objective on single requests: a request is good
// if it did not fail and meets every limit that is set. A limit on a duration
// that the request does not carry is not met.
type Objective struct {
	Target float64  `yaml:"target" json:"target"` // share of good requests, for example 0.99
	TTFT   Duration `yaml:"ttft,omitempty" json:"ttft,omitempty"`
	TPOT   Duration `yaml:"tpot,omitempty" json:"tpot,omitempty"`
	Total  Duration `yaml:"total,omitempty" json:"total,omitempty"`
}

// Duration is a time.Duration written as text ("5m", "250ms").
type Duration time.Duration

// String leaves out what is zero: 5m, not 5m0s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration; write for example 250ms, 5m or 1h30m", text)
	}
	*d = Duration(v)
	return nil
}

// Metrics are the durations that a rule can watch.
var Metrics = []string{"ttft", "tpot", "total", "network", "queue", "prefill", "decode", "unattributed"}

var namePattern = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_:-]{0,99}$`)

// WithDefaults returns the rule with its optional fields filled in.
func (r Rule) WithDefaults() Rule {
	setDuration := func(d *Duration, v time.Duration) {
		if *d == 0 {
			*d = Duration(v)
		}
	}
	if r.Severity == "" {
		r.Severity = "warning"
	}
	setDuration(&r.EvaluationDelay, DefaultEvaluationDelay)
	setDuration(&r.KeepFiringFor, DefaultKeepFiringFor)
	if r.Kind == KindAbsence {
		setDuration(&r.Window, DefaultAbsenceWindow)
		return r
	}
	setDuration(&r.Window, DefaultWindow)
	if r.Kind == KindSLO {
		return r
	}
	if r.Metric == "" {
		r.Metric = "ttft"
	}
	if r.Quantile == 0 {
		r.Quantile = DefaultQuantile
	}
	if r.Kind == KindRegression {
		if r.MinRelative == 0 {
			r.MinRelative = DefaultMinRelative
		}
		setDuration(&r.MinAbsolute, DefaultMinAbsolute)
	}
	return r
}

// Definition identifies what the rule's windows hold, so that windows of an
// earlier wording are not taken for those of this one.
func (r Rule) Definition() uint64 {
	text, err := json.Marshal(struct {
		Kind, Metric     any
		Quantile         float64
		Filters, GroupBy []string
		Window           Duration
		Baseline         Baseline
		SLO              *Objective
	}{r.Kind, r.Metric, r.Quantile, r.Filters, r.GroupBy, r.Window, r.Baseline, r.SLO})
	if err != nil {
		panic(err) // plain values
	}
	h := fnv.New64a()
	h.Write(text)
	return h.Sum64()
}

// Validate reports every mistake in the rule at once, each saying what is allowed.
func (r Rule) Validate() error {
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if !namePattern.MatchString(r.Name) {
		wrong("name %q: use a letter, then letters, digits, _ : or -, at most 100", r.Name)
	}
	if !slices.Contains([]Kind{KindThreshold, KindRegression, KindSLO, KindAbsence}, r.Kind) {
		wrong("kind %q: use threshold, regression, slo or absence", r.Kind)
	}
	if !slices.Contains([]string{"info", "warning", "critical"}, r.Severity) {
		wrong("severity %q: use info, warning or critical", r.Severity)
	}
	if len(r.GroupBy) > 3 {
		wrong("group_by: at most three dimensions, not %d", len(r.GroupBy))
	}
	for _, g := range r.Baseline.Groups {
		if names := slices.Sorted(maps.Keys(g.Group)); !slices.Equal(names, slices.Sorted(slices.Values(r.GroupBy))) || len(names) == 0 {
			wrong("baseline.groups: %v: name a value for each of group_by (%s), and nothing else", g.Group, strings.Join(r.GroupBy, ", "))
		}
	}
	if r.Window < Duration(time.Minute) || r.Window > Duration(24*time.Hour) || r.Window%Duration(time.Minute) != 0 {
		wrong("window %s: use whole minutes from 1m to 24h", r.Window)
	}
	for name, d := range map[string]Duration{"for": r.For, "keep_firing_for": r.KeepFiringFor, "evaluation_delay": r.EvaluationDelay} {
		if d < 0 || d > Duration(7*24*time.Hour) {
			wrong("%s %s: use 0s to 168h", name, d)
		}
	}
	if r.Kind == KindThreshold || r.Kind == KindRegression {
		if !slices.Contains(Metrics, r.Metric) {
			wrong("metric %q: use one of %s", r.Metric, strings.Join(Metrics, ", "))
		}
		if r.Quantile < 0.5 || r.Quantile > 0.999 {
			wrong("quantile %v: use 0.5 to 0.999", r.Quantile)
		}
	}
	switch {
	case r.Kind == KindThreshold && r.Above <= 0:
		wrong("above %s: a threshold rule needs a limit above 0, for example 2s", r.Above)
	case r.Kind == KindRegression && (r.MinRelative <= 0 || r.MinAbsolute <= 0):
		wrong("min_relative %v, min_absolute %s: both must be above 0", r.MinRelative, r.MinAbsolute)
	case r.Kind == KindSLO:
		if r.SLO == nil {
			wrong("slo: an slo rule needs target and at least one of ttft, tpot, total")
		} else if r.SLO.Target < 0.5 || r.SLO.Target > 0.9999 {
			wrong("slo.target %v: use 0.5 to 0.9999", r.SLO.Target)
		}
		if shortest := Duration(BurnWindows[0].Short); r.Window < 1 || shortest%r.Window != 0 {
			wrong("window %s: the shortest burn rate is that of %s, use 1m or 5m", r.Window, shortest)
		}
	case r.Kind == KindAbsence && (r.CoverageBelow < 0 || r.CoverageBelow > 1):
		wrong("coverage_below %v: use a share from 0 to 1", r.CoverageBelow)
	}
	if len(problems) == 0 {
		return nil
	}
	slices.Sort(problems)
	return fmt.Errorf("rule %q: %s", r.Name, strings.Join(problems, "; "))
}
