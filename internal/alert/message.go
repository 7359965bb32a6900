package alert

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"
)

// Label is one dimension of a group and its value.
type Label struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Message is what a notifier says about one alert.
type Message struct {
	Rule     Rule      `json:"rule"`
	Group    []Label   `json:"group"`
	Event    Event     `json:"event"`
	Verdict  Verdict   `json:"verdict"`
	StartsAt time.Time `json:"starts_at"`          // when the condition became true
	LastTrue time.Time `json:"last_true,omitzero"` // when it last was
	EndsAt   time.Time `json:"ends_at,omitzero"`   // set once resolved
	// Began is when the change itself began, by change-point dating, and
	// NewVersion the service.version first seen then; both may be unknown.
	Began      time.Time `json:"began,omitzero"`
	NewVersion string    `json:"new_version,omitempty"`
	// CompareURL shows the current window against the baseline; TraceURLs show
	// exemplary slow requests.
	CompareURL string   `json:"compare_url,omitempty"`
	TraceURLs  []string `json:"trace_urls,omitempty"`
}

// ID is the stable short name of an alert, 16 hexadecimal digits: the 64-bit
// FNV-1a hash of its fingerprint.
func ID(rule string, group []Label) string {
	h := fnv.New64a()
	h.Write([]byte(Fingerprint(rule, group)))
	return fmt.Sprintf("%016x", h.Sum64())
}

// Fingerprint identifies an alert: one group of one rule.
func Fingerprint(rule string, group []Label) string {
	parts := []string{rule}
	for _, l := range group {
		parts = append(parts, l.Name+"\x00"+l.Value)
	}
	return strings.Join(parts, "\x01")
}

// Summary is the one line that says what happened and which part owns it.
func (m Message) Summary() string {
	subject := m.Rule.Name
	if len(m.Group) > 0 {
		subject += " (" + m.groupText() + ")"
	}
	if m.Event == EventResolved {
		subject += ": resolved, last seen at " + stamp(m.LastTrue)
	}
	if finding := m.finding(); finding != "" {
		subject += ": " + finding
	}
	return subject
}

// finding says what was wrong.
func (m Message) finding() string {
	v := m.Verdict
	switch m.Rule.Kind {
	case KindRegression:
		return fmt.Sprintf("%s %s, was %s: %s", quantityText(m.Rule),
			Nanoseconds(v.Current.NS), Nanoseconds(v.Baseline.NS), v.Ownership)
	case KindThreshold:
		return fmt.Sprintf("%s %s, above %s", quantityText(m.Rule),
			Nanoseconds(v.Current.NS), m.Rule.Above)
	case KindSLO:
		for _, b := range v.Burns {
			if b.Burning {
				return fmt.Sprintf("the error budget of %v burns %.1f times too fast over %s (%d of %d requests)",
					m.Rule.SLO.Target, b.LongRate, b.Long, b.Bad, b.Requests)
			}
		}
	case KindAbsence:
		if m.Rule.CoverageBelow > 0 {
			return fmt.Sprintf("%.0f %% of requests carry a TTFT, below %.0f %%", 100*v.Coverage, 100*m.Rule.CoverageBelow)
		}
		return fmt.Sprintf("no requests in %s, usually %.0f", m.Rule.Window, v.Usual)
	}
	return ""
}

// Details are the facts behind the summary, a line each.
func (m Message) Details() []string {
	v := m.Verdict
	var lines []string
	if m.Rule.Kind == KindRegression || m.Rule.Kind == KindThreshold {
		lines = append(lines, "Seen at "+stamp(v.Window.To)+": "+v.Current.text())
	}
	if m.Rule.Kind == KindRegression {
		lines = append(lines,
			"Baseline, at the present mix: "+v.Baseline.text(),
			fmt.Sprintf("Tail: %.0f of %d requests above the baseline's %s, %.1f expected (z %.1f, needed %.1f at φ %.1f)",
				v.Surprise.Exceeding, v.Surprise.N, quantileText(m.Rule.Quantile), v.Surprise.Expected, v.Z, v.NeededZ, v.Phi),
			"Change: "+v.Ownership.String())
		for _, s := range v.Spans {
			if s.Surprised {
				lines = append(lines, fmt.Sprintf("Tail over %s: %.0f of %d, %.1f expected (z %.1f, needed %.1f at φ %.1f)",
					s.Length, s.Surprise.Exceeding, s.Surprise.N, s.Surprise.Expected, s.Z, math.Max(s.NeededZ, s.RecordZ), s.Phi))
			}
		}
	}
	if !m.Began.IsZero() {
		began := "Began: " + stamp(m.Began)
		if m.NewVersion != "" {
			began += ", when version " + m.NewVersion + " appeared"
		}
		lines = append(lines, began)
	}
	if m.Event == EventResolved {
		lines = append(lines, fmt.Sprintf("Ended: last seen at %s, resolved at %s", stamp(m.LastTrue), stamp(m.EndsAt)))
	}
	return lines
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (m Message) groupText() string {
	values := make([]string, len(m.Group))
	for i, l := range m.Group {
		values[i] = l.Name + "=" + l.Value
	}
	return strings.Join(values, ", ")
}

func (e Estimate) text() string {
	if e.N == 0 {
		return "unknown, no requests"
	}
	if e.HighNS == 0 {
		return fmt.Sprintf("%s, n %.0f (too few independent requests for an interval)", Nanoseconds(e.NS), e.N)
	}
	return fmt.Sprintf("%s [%s, %s], n %.0f", Nanoseconds(e.NS), Nanoseconds(e.LowNS), Nanoseconds(e.HighNS), e.N)
}

// String names the owner and the change of each part, the largest first:
// "queue +380 ms, prefill +20 ms".
func (o Ownership) String() string {
	order := []Part{PartNetwork, PartQueue, PartPrefill, PartDecode, PartRest}
	slices.SortStableFunc(order, func(a, b Part) int {
		return int(math.Copysign(1, math.Abs(o.Change[b])-math.Abs(o.Change[a])))
	})
	var parts []string
	for _, p := range order {
		if math.Abs(o.Change[p]) >= 1e6 {
			parts = append(parts, fmt.Sprintf("%s %s", p, signed(o.Change[p])))
		}
	}
	if len(parts) == 0 {
		return "no part changed by a millisecond"
	}
	return strings.Join(parts, ", ")
}

func quantileText(q float64) string { return fmt.Sprintf("p%g", math.Round(q*1e4)/100) }

// quantityText names what a rule looks at as people write it: p95 TTFT, p99 queue.
func quantityText(r Rule) string {
	metric := r.Metric
	if metric == "ttft" || metric == "tpot" {
		metric = strings.ToUpper(metric)
	}
	return quantileText(r.Quantile) + " " + metric
}

func signed(ns float64) string {
	if ns >= 0 {
		return "+" + Nanoseconds(ns)
	}
	return "−" + Nanoseconds(-ns)
}

// Nanoseconds writes a duration with three significant digits and its unit.
func Nanoseconds(ns float64) string {
	switch {
	case ns < 1e6:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	case ns < 999.5e6:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	}
	return fmt.Sprintf("%.3g s", ns/1e9)
}
