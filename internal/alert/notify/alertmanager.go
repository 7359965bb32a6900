package notify

import (
	"context"
	"strings"
	"time"

	"github.com/phaseline/phaseline/internal/alert"
)

// ResendEvery is how often Alertmanager wants to hear that an alert still
// fires; it takes an alert for resolved after four times that.
const ResendEvery = time.Minute

// Alertmanager posts to the v2 API of one Prometheus Alertmanager, where
// grouping, silences and routing live.
type Alertmanager struct {
	URL string // for example http://127.0.0.1:9093
	Now func() time.Time
}

func (Alertmanager) Name() string { return "alertmanager" }

// Resends is true: Alertmanager takes silence for the end of an alert.
func (Alertmanager) Resends() bool { return true }

type postableAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Send posts all messages in one request.
func (a Alertmanager) Send(ctx context.Context, messages []alert.Message) error {
	alerts := make([]postableAlert, len(messages))
	for i, m := range messages {
		alerts[i] = a.alert(m)
	}
	return post(ctx, strings.TrimRight(a.URL, "/")+"/api/v2/alerts", alerts, nil)
}

func (a Alertmanager) alert(m alert.Message) postableAlert {
	p := postableAlert{
		Labels:       map[string]string{},
		Annotations:  map[string]string{},
		StartsAt:     m.StartsAt,
		EndsAt:       m.EndsAt,
		GeneratorURL: m.CompareURL,
	}
	if m.EndsAt.IsZero() {
		p.EndsAt = a.Now().Add(4 * ResendEvery)
	}
	for k, v := range m.Rule.Labels {
		p.Labels[k] = v
	}
	for _, l := range m.Group {
		if l.Value != "" { // Alertmanager drops empty labels
			p.Labels[l.Name] = l.Value
		}
	}
	p.Labels["alertname"] = m.Rule.Name
	p.Labels["severity"] = m.Rule.Severity
	for k, v := range m.Rule.Annotations {
		p.Annotations[k] = v
	}
	p.Annotations["summary"] = m.Summary()
	p.Annotations["description"] = strings.Join(m.Details(), "\n")
	// A label would make another alert of every other owner.
	if owner := m.Verdict.Ownership.Owner; owner != "" {
		p.Annotations["owner"] = owner
	}
	for i, url := range m.TraceURLs {
		p.Annotations["trace_"+string(rune('1'+i))] = url
		if i == 2 {
			break
		}
	}
	return p
}
