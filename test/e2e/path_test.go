package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/phaseline/phaseline/internal/sample"
)

// What the README promises: the sample trace is a decomposed request within
// five seconds.
func TestSampleTraceIsDecomposed(t *testing.T) {
	t.Parallel()
	s := start(t)
	out := s.command("sample")
	sent := time.Now()
	status, body, err := s.post("application/json", out)
	require.NoError(t, err)
	require.Equal(t, 200, status, string(body))

	got := s.waitRequests(5*time.Second, 1)[0]
	t.Logf("shown %v after it was sent", time.Since(sent).Round(10*time.Millisecond))
	for key, want := range map[string]any{
		"model": "qwen3-32b", "service": "support-chat", "environment": "production", "engine": "vllm", "vantage": "client", "outcome": "ok", "streaming": true,
		"total_ns": 3_412_407_000.0, "network_ns": 65_895_000.0, "queue_ns": 204_518_000.0, "prefill_ns": 412_906_000.0, "decode_ns": 2_693_175_000.0,
		"unattributed_ns": 35_913_000.0, "ttft_ns": 731_264_000.0, "server_ttft_ns": 648_377_000.0, "input_tokens": 2310.0, "output_tokens": 187.0,
	} {
		assert.Equal(t, want, got[key], key)
	}

	var breakdown struct {
		Groups []struct {
			Total struct{ N int64 } `json:"total"`
		} `json:"groups"`
	}
	require.NoError(t, s.getJSON("/api/v1/breakdown?group_by=model", &breakdown))
	require.Len(t, breakdown.Groups, 1)
}

// Every fixture, over the wire, is the row that it should be. PHASELINE_FIXTURES
// names a folder with more of them.
func TestFixturesOverTheWire(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			fixtures := loadFixtures(t)
			client := s.grpcClient(t)
			want := 0
			for _, f := range fixtures {
				want += len(f.expected)
				if protocol == "http" {
					require.NoError(t, s.sendHTTP(f.traces), f.name)
					continue
				}
				_, err := client.Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(f.traces))
				require.NoError(t, err, f.name)
			}
			byID := make(map[string]row)
			for _, r := range s.waitRequests(20*time.Second, want) {
				byID[r["trace_id"].(string)+r["span_id"].(string)] = r
			}
			for _, f := range fixtures {
				for _, expected := range f.expected {
					id := expected["trace_id"].(string) + expected["span_id"].(string)
					if assert.Contains(t, byID, id, f.name) {
						assertRow(t, f.name, expected, byID[id])
					}
				}
			}
		})
	}
}

// The same spans a second time, in other batches and the other way round, are
// the same rows.
func TestSendingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	td, err := sample.Trace(time.Now())
	require.NoError(t, err)
	require.NoError(t, s.sendHTTP(td))
	before := s.waitRequests(10*time.Second, 1)
	for i := td.ResourceSpans().Len() - 1; i >= 0; i-- {
		part := ptrace.NewTraces()
		td.ResourceSpans().At(i).CopyTo(part.ResourceSpans().AppendEmpty())
		require.NoError(t, s.sendHTTP(part))
	}
	time.Sleep(3 * time.Second) // for what must not happen there is no signal
	after, err := s.requests()
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

// The two halves of a request come from two exporters; the server's half is a
// request of its own until the client's comes.
func TestHalvesThatArriveApart(t *testing.T) {
	t.Parallel()
	s := start(t)
	td, err := sample.Trace(time.Now())
	require.NoError(t, err)
	halves := []ptrace.Traces{ptrace.NewTraces(), ptrace.NewTraces()}
	for i := range td.ResourceSpans().Len() {
		half := 0
		if i == td.ResourceSpans().Len()-1 {
			half = 1 // the engine's
		}
		td.ResourceSpans().At(i).CopyTo(halves[half].ResourceSpans().AppendEmpty())
	}
	require.NoError(t, s.sendHTTP(halves[1]))
	assert.Equal(t, "server", s.waitRequests(10*time.Second, 1)[0]["vantage"])
	require.NoError(t, s.sendHTTP(halves[0]))
	s.eventually(15*time.Second, "one request, seen by the client", func() error {
		rows, err := s.requests()
		if err != nil {
			return err
		}
		if len(rows) != 1 || rows[0]["vantage"] != "client" || rows[0]["network_ns"] == nil {
			return fmt.Errorf("there are %v", rows)
		}
		return nil
	})
}

type fixture struct {
	name     string
	traces   ptrace.Traces // moved to the present
	expected []row
}

// loadFixtures reads NAME.json with its NAME.expected.json.
func loadFixtures(t *testing.T) []fixture {
	dirs := []string{"testdata"}
	if dir := os.Getenv("PHASELINE_FIXTURES"); dir != "" {
		dirs = append(dirs, dir)
	}
	var all []fixture
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.expected.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files, "fixtures in %s", dir)
		for _, file := range files {
			f := fixture{name: strings.TrimSuffix(filepath.Base(file), ".expected.json")}
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var expected struct {
				Requests []row `json:"requests"`
			}
			require.NoError(t, json.Unmarshal(text, &expected), file)
			f.expected = expected.Requests
			text, err = os.ReadFile(filepath.Join(dir, f.name+".json"))
			require.NoError(t, err)
			f.traces, err = new(ptrace.JSONUnmarshaler).UnmarshalTraces(text)
			require.NoError(t, err, f.name)
			sample.MoveTo(f.traces, time.Now())
			all = append(all, f)
		}
	}
	return all
}

// assertRow compares what is expected with what the API says. An empty text of
// the API is an expected null: a dimension without a value.
func assertRow(t *testing.T, name string, expected, got row) {
	for key, want := range expected {
		switch {
		case key == "cache_hit":
			assert.Equal(t, want, got["outcome"] == "cache_hit", "%s: %s", name, key)
		case want == nil && got[key] == "":
		case key == "flags":
			assert.ElementsMatch(t, want, got[key], "%s: %s", name, key)
		default:
			if number, isNumber := want.(float64); isNumber && number != math.Trunc(number) {
				assert.InDelta(t, number, got[key], 1e-9, "%s: %s", name, key)
				continue
			}
			assert.Equal(t, want, got[key], "%s: %s", name, key)
		}
	}
}
