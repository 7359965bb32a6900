package notify

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/phaseline/phaseline/internal/alert"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

var (
	now     = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	message = alert.Message{
		Rule:  alert.Rule{Name: "ttft", Kind: alert.KindRegression, Metric: "ttft", Quantile: 0.95, Severity: "warning", Labels: map[string]string{"team": "llm"}},
		Group: []alert.Label{{Name: "service", Value: "<!channel>"}, {Name: "model", Value: ""}},
		Event: alert.EventFiring, StartsAt: now,
		Verdict:    alert.Verdict{Current: alert.Estimate{NS: 9e8, N: 100}, Baseline: alert.Estimate{NS: 3e8, N: 100}, Ownership: alert.Ownership{Change: alert.Parts{0, 6e8}, Owner: "queue"}},
		CompareURL: "https://p/compare", TraceURLs: []string{"https://p/1", "https://p/2", "https://p/3", "https://p/4"},
	}
)

// server records what it is sent and answers with the statuses in turn, the
// last one from then on.
func server(t *testing.T, statuses ...int) (url string, bodies *[]string, headers *[]http.Header) {
	bodies, headers = &[]string{}, &[]http.Header{}
	var calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*bodies, *headers = append(*bodies, string(body)), append(*headers, r.Header)
		status := statuses[min(int(calls.Add(1)), len(statuses))-1]
		if status == http.StatusFound {
			w.Header().Set("Location", "http://127.0.0.1:1/inside")
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL, bodies, headers
}

func TestWebhookIsSigned(t *testing.T) {
	url, bodies, headers := server(t, http.StatusNoContent)
	hook := Webhook{URL: url, Secret: "s3cret", Now: func() time.Time { return now }}
	require.NoError(t, hook.Send(t.Context(), []alert.Message{message}))
	require.Len(t, *bodies, 1)
	timestamp := (*headers)[0].Get(TimestampHeader)
	assert.Equal(t, "1772625600", timestamp)
	assert.Equal(t, "sha256="+Sign("s3cret", timestamp, []byte((*bodies)[0])), (*headers)[0].Get(SignatureHeader))
	assert.NotEqual(t, Sign("other", timestamp, []byte((*bodies)[0])), Sign("s3cret", timestamp, []byte((*bodies)[0])))
	// printf 1.a | openssl dgst -sha256 -hmac k
	assert.Equal(t, "940c074e1710d2683e9acd909d307f633c7f71f0264eb9cdb5dff5ea92d12a35", Sign("k", "1", []byte("a")))
	var body struct {
		Event, Summary string
		Details        []string
		Group          []alert.Label
	}
	require.NoError(t, json.Unmarshal([]byte((*bodies)[0]), &body))
	assert.Equal(t, "firing", body.Event)
	assert.Contains(t, body.Summary, "queue +600 ms")
}

func TestFailuresAreTriedAgainAndMistakesAreNot(t *testing.T) {
	url, bodies, _ := server(t, http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusOK)
	require.NoError(t, Webhook{URL: url, Now: time.Now}.Send(t.Context(), []alert.Message{message}))
	assert.Len(t, *bodies, 3)

	url, bodies, _ = server(t, http.StatusBadRequest)
	assert.ErrorContains(t, Webhook{URL: url, Now: time.Now}.Send(t.Context(), []alert.Message{message}), "400")
	assert.Len(t, *bodies, 1)

	url, bodies, _ = server(t, http.StatusFound)
	assert.ErrorContains(t, Webhook{URL: url, Now: time.Now}.Send(t.Context(), []alert.Message{message}), "302", "a redirect is not followed")
	assert.Len(t, *bodies, 1)

	err := Slack{URL: "http://127.0.0.1:1/services/T000/SECRET"}.Send(t.Context(), []alert.Message{message})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "SECRET")
}

func TestSlackCannotBeMadeToMention(t *testing.T) {
	url, bodies, _ := server(t, http.StatusOK)
	require.NoError(t, Slack{URL: url}.Send(t.Context(), []alert.Message{message}))
	var body struct {
		Text   string
		Blocks []struct{ Text struct{ Text string } }
	}
	require.NoError(t, json.Unmarshal([]byte((*bodies)[0]), &body))
	text := body.Blocks[0].Text.Text
	assert.NotContains(t, text, "<!channel>")
	assert.NotContains(t, body.Text, "<!channel>")
	assert.Contains(t, text, "&lt;!channel&gt;")
	assert.Contains(t, text, "<https://p/compare|Compare with the baseline>")

	long := message
	long.Rule.Name = strings.Repeat("ä", 5000)
	require.NoError(t, Slack{URL: url}.Send(t.Context(), []alert.Message{long}))
	require.NoError(t, json.Unmarshal([]byte((*bodies)[1]), &body))
	assert.LessOrEqual(t, len(body.Blocks[0].Text.Text), slackLimit)
}

func TestAlertmanagerLabels(t *testing.T) {
	a := Alertmanager{Now: func() time.Time { return now }}.alert(message)
	assert.Equal(t, map[string]string{"alertname": "ttft", "severity": "warning", "service": "<!channel>", "team": "llm"}, a.Labels)
	assert.Equal(t, now.Add(4*time.Minute), a.EndsAt)
	assert.Equal(t, "queue", a.Annotations["owner"])
	assert.Contains(t, a.Annotations, "trace_3")
	assert.NotContains(t, a.Annotations, "trace_4")

	resolved := message
	resolved.Event, resolved.EndsAt = alert.EventResolved, now.Add(time.Hour)
	assert.Equal(t, now.Add(time.Hour), Alertmanager{}.alert(resolved).EndsAt)
}
