package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/phaseline/phaseline/api/metrics"
	"github.com/phaseline/phaseline/internal/phase"
)

// observed is how many requests the scraped process has seen.
const observed = 200

// newScrapedServer serves the metrics of requests whose TTFT is 10 ms to 2 s.
func newScrapedServer(t *testing.T, token string) *testServer {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector())
	requests, err := metrics.NewRequests(registry, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range observed {
		ttft := phase.Duration((i + 1) * 10 * int(time.Millisecond))
		requests.Observe(&phase.Request{
			TraceID: [16]byte{1, byte(i)}, SpanID: [8]byte{2}, Service: `chat "a"` + "\n", Model: "gpt-4o", Provider: "openai",
			Total: 2 * ttft, Network: ttft / 10, Queue: ttft / 2, Prefill: ttft * 4 / 10, Decode: ttft, TTFT: ttft,
			Server: phase.Unknown, ServerTTFT: phase.Unknown, TPOT: phase.Unknown, InputTokens: 1, OutputTokens: 1,
		})
	}
	return newTestServer(t, Options{Gatherer: registry, Token: token})
}

func TestMetricsPassPromtool(t *testing.T) {
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is not installed: apt-get install prometheus")
	}
	s := newScrapedServer(t, "")
	text := get(t, s, "/metrics").body
	check := exec.Command(path, "check", "metrics")
	check.Stdin = bytes.NewReader(text)
	if output, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	if strings.Contains(string(text), "trace_id=") {
		t.Error("the text format has exemplars, which it cannot carry")
	}
	open := get(t, s, "/metrics", "Accept", "application/openmetrics-text; version=1.0.0")
	if !strings.Contains(string(open.body), `# {span_id="0200000000000000",trace_id="0100`) && !strings.Contains(string(open.body), `trace_id="0100`) {
		t.Error("OpenMetrics has no exemplar with a trace id")
	}
	if !strings.Contains(string(text), "go_goroutines") {
		t.Error("the Go runtime's metrics are not served")
	}
}

// TestPrometheusScrapes runs a real Prometheus twice: it keeps either the
// classic or the native buckets of a histogram.
func TestPrometheusScrapes(t *testing.T) {
	const ttft = "gen_ai_client_operation_time_to_first_chunk_seconds"
	for name, tt := range map[string]struct {
		arguments []string
		median    string
	}{
		"classic": {nil, "histogram_quantile(0.5, sum by (le) (" + ttft + "_bucket))"},
		"native":  {[]string{"--enable-feature=native-histograms"}, "histogram_quantile(0.5, sum(" + ttft + "))"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScrapedServer(t, "secret")
			p := startPrometheus(t, s, tt.arguments...)
			p.wait(t, `up == 1`)
			p.wait(t, `phaseline_requests_total{outcome="ok",gen_ai_request_model="gpt-4o"} == `+fmt.Sprint(observed))
			if value := p.value(t, tt.median); value < 0.9 || value > 1.1 {
				t.Errorf("median TTFT %v s, want 1 s within a bucket", value)
			}
		})
	}
}

type prometheusServer struct{ url string }

func startPrometheus(t *testing.T, target *testServer, arguments ...string) *prometheusServer {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatal("prometheus is not installed: apt-get install prometheus")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	dir := t.TempDir()
	config := fmt.Sprintf(`
scrape_configs:
  - job_name: phaseline
    scrape_interval: 1s
    authorization: { credentials: secret }
    static_configs: [{ targets: [%q] }]
`, strings.TrimPrefix(target.URL, "http://"))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var log bytes.Buffer
	command := exec.CommandContext(ctx, path, append([]string{
		"--config.file=" + filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + address,
	}, arguments...)...)
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("prometheus said:\n%s", log.Bytes())
		}
	})
	return &prometheusServer{url: "http://" + address}
}

// ask returns the value of an instant query, if there is one.
func (p *prometheusServer) ask(query string) (value float64, found bool, err error) {
	answer, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return 0, false, err
	}
	defer answer.Body.Close()
	var body struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || len(body.Data.Result) == 0 {
		return 0, false, err
	}
	_, err = fmt.Sscan(fmt.Sprint(body.Data.Result[0].Value[1]), &value)
	return value, true, err
}

func (p *prometheusServer) wait(t *testing.T, query string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		_, found, err := p.ask(query)
		if found {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never held: %v", query, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (p *prometheusServer) value(t *testing.T, query string) float64 {
	t.Helper()
	value, found, err := p.ask(query)
	if err != nil || !found {
		t.Fatalf("%s: found %v, %v", query, found, err)
	}
	return value
}
