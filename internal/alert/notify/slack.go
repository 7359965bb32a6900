package notify

import (
	"context"
	"fmt"
	"strings"

	"github.com/phaseline/phaseline/internal/alert"
)

// Slack posts each message to an incoming webhook, as blocks.
type Slack struct {
	URL string
}

func (Slack) Name() string { return "slack" }

// Resends is false: one message for each transition.
func (Slack) Resends() bool { return false }

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type slackBlock struct {
	Type string     `json:"type"`
	Text *slackText `json:"text,omitempty"`
}

// Send posts one request for each message, in order.
func (s Slack) Send(ctx context.Context, messages []alert.Message) error {
	for _, m := range messages {
		if err := post(ctx, s.URL, slackBody(m), nil); err != nil {
			return err
		}
	}
	return nil
}

// slackLimit is the largest text that Slack takes in one section.
const slackLimit = 3000

func slackBody(m alert.Message) map[string]any {
	sign := "🔴"
	if m.Event == alert.EventResolved {
		sign = "🟢"
	}
	lines := []string{fmt.Sprintf("%s *%s*", sign, escapeSlack(m.Summary()))}
	for _, line := range m.Details() {
		lines = append(lines, escapeSlack(line))
	}
	var links []string
	if m.CompareURL != "" {
		links = append(links, "<"+m.CompareURL+"|Compare with the baseline>")
	}
	for i, url := range m.TraceURLs {
		links = append(links, fmt.Sprintf("<%s|Trace %d>", url, i+1))
	}
	if len(links) > 0 {
		lines = append(lines, strings.Join(links, " · "))
	}
	text := strings.Join(lines, "\n")
	if len(text) > slackLimit {
		text = strings.ToValidUTF8(text[:slackLimit-len("…")], "") + "…"
	}
	return map[string]any{
		"text":   escapeSlack(m.Summary()),
		"blocks": []slackBlock{{Type: "section", Text: &slackText{Type: "mrkdwn", Text: text}}},
	}
}

// escapeSlack keeps span attributes from becoming mentions and links.
func escapeSlack(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
