package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sendersDir holds the instrumentations, at the versions of its lock file.
const sendersDir = "../senders"

// TestRealSenders calls a server of known delays through real instrumentations
// that export to a running phaseline, and holds the rows against the delays.
//
// What bounds a total is the server below (the last token leaves it 780 ms after
// the call) and the application's own span above (the call cannot last longer
// than what surrounds it): no tolerance is needed. A span of a JavaScript SDK
// starts on a whole millisecond, so both bounds give way by one.
func TestRealSenders(t *testing.T) {
	if _, err := os.Stat(filepath.Join(sendersDir, "node_modules")); err != nil {
		t.Fatal("the instrumentations are not installed: npm ci --prefix test/senders, or make test")
	}
	openai := httptest.NewServer(fakeOpenAI())
	defer openai.Close()
	s := start(t)

	for _, sender := range []struct {
		name, mode string
		streaming  any  // what the row must say; nil: the sender does not tell
		ttft       bool // whether the sender carries a first-token time that is one
		flag       string
		tokens     bool
		cached     bool // whether it carries the count of cached tokens
		outcome    string
	}{
		{name: "vercel-ai", mode: "stream", streaming: true, ttft: true, tokens: true, cached: true},
		{name: "vercel-ai", mode: "plain", tokens: true, cached: true},
		{name: "openllmetry", mode: "stream"},
		{name: "openllmetry", mode: "plain", tokens: true},
		{name: "openinference", mode: "stream", streaming: true},
		{name: "openinference", mode: "plain", tokens: true, cached: true},
		{name: "openlit", mode: "stream", streaming: true, tokens: true, cached: true, flag: "ttft_untrusted"},
		{name: "openlit", mode: "plain", streaming: false, tokens: true, cached: true},
		{name: "openlit", mode: "abort", outcome: "cancelled", flag: "cancelled"},
		{name: "otel-openai", mode: "stream", tokens: true},
		{name: "otel-openai", mode: "plain", tokens: true},
	} {
		t.Run(sender.name+"/"+sender.mode, func(t *testing.T) {
			sent := runSender(t, s, openai.URL, sender.name, sender.mode)
			row := s.onlyRequest(t, sent.TraceID)

			total, atLeast := row.duration(t, "total_ns"), lastTokenAfter
			if sender.mode == "abort" {
				atLeast = firstTokenAfter
			}
			assert.GreaterOrEqual(t, total, atLeast-time.Millisecond, "the last token that the application took had not left the server")
			assert.LessOrEqual(t, total, time.Duration(sent.Duration)+time.Millisecond, "longer than the application's span around it")
			assert.Equal(t, "fake-model", row["model"])
			assert.Equal(t, sender.streaming, row["streaming"], "streaming")

			if sender.ttft {
				ttft := row.duration(t, "ttft_ns")
				assert.GreaterOrEqual(t, ttft, firstTokenAfter-time.Millisecond, "the first token had not left the server")
				assert.LessOrEqual(t, ttft, total-row.duration(t, "decode_ns"))
			} else {
				assert.Nil(t, row["ttft_ns"], "this sender carries no time to first token")
				assert.Nil(t, row["decode_ns"], "without a first token there is no decode")
			}
			for _, phase := range []string{"network_ns", "queue_ns", "prefill_ns"} {
				assert.Nil(t, row[phase], "no server was seen: %s", phase)
			}
			assert.Equal(t, cmp.Or(sender.outcome, "ok"), row["outcome"])
			if sender.flag != "" {
				assert.Contains(t, row["flags"], sender.flag)
			}
			assertTokens(t, row, "input_tokens", sender.tokens, promptTokens)
			assertTokens(t, row, "output_tokens", sender.tokens, tokens)
			assertTokens(t, row, "cached_input_tokens", sender.cached, cachedTokens)
		})
	}
}

// sent is what sender.cjs prints: its trace, and how long the application's
// span around the call was, in nanoseconds.
type sent struct {
	TraceID  string `json:"trace_id"`
	Duration int64  `json:"duration_ns"`
}

func runSender(t *testing.T, s *server, openai, name, mode string) (result sent) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "sender.cjs", name, mode)
	cmd.Dir = sendersDir
	cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+openai+"/v1", "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+s.http)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "sender.cjs says:\n%s", &stderr)
	require.NoError(t, json.Unmarshal(out, &result))
	return result
}

// onlyRequest waits for the one request of a trace.
func (s *server) onlyRequest(t *testing.T, traceID string) (found row) {
	t.Helper()
	s.eventually(15*time.Second, "the request of trace "+traceID, func() error {
		rows, err := s.requests()
		if err != nil {
			return err
		}
		var matching []row
		for _, r := range rows {
			if r["trace_id"] == traceID {
				matching = append(matching, r)
			}
		}
		if len(matching) != 1 {
			return fmt.Errorf("it has %d", len(matching))
		}
		found = matching[0]
		return nil
	})
	return found
}

func (r row) duration(t *testing.T, key string) time.Duration {
	t.Helper()
	ns, ok := r[key].(float64)
	require.True(t, ok, "%s is %v", key, r[key])
	return time.Duration(ns)
}

func assertTokens(t *testing.T, r row, key string, carried bool, want float64) {
	t.Helper()
	if carried {
		assert.Equal(t, want, r[key], key)
	} else {
		assert.Nil(t, r[key], key)
	}
}
