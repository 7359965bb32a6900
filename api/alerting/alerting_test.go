package alerting_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap/zaptest"

	"github.com/phaseline/phaseline/api"
	"github.com/phaseline/phaseline/api/alerting"
	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/alert/ledger"
	"github.com/phaseline/phaseline/internal/alert/notify"
	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
	"github.com/phaseline/phaseline/internal/query"
	"github.com/phaseline/phaseline/internal/simulate"
	"github.com/phaseline/phaseline/migrations"
)

func TestMain(m *testing.M) {
	embeddedtest.Main(m, func() error { return goleak.Find() })
}

// fill stores a workload's requests.
func fill(t *testing.T, conn driver.Conn, w simulate.Workload, from, to time.Time) {
	t.Helper()
	batch, err := conn.PrepareBatch(t.Context(), `INSERT INTO requests (service, model, end, trace_id, span_id, version_name, total_ns, queue_ns, prefill_ns,
		ttft_ns, ttft_source, ttft_is_split, ttft_network_ns, input_tokens, version)`)
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(w.Seed, 1))
	id := func(words int) []byte {
		var raw []byte
		for range words {
			raw = binary.BigEndian.AppendUint64(raw, random.Uint64())
		}
		return raw
	}
	w.Run(from.UnixNano(), to.UnixNano(), func(s simulate.Sample) bool {
		end := time.Unix(0, s.End).UTC()
		require.NoError(t, batch.Append("chat", "m", end, id(2), id(1), s.Version, s.TTFT, s.Queue, s.Prefill,
			s.TTFT, "attribute", true, s.Network, int64(s.Input), uint64(1000)))
		return true
	})
	require.NoError(t, batch.Send())
}

// alertmanager starts a real one and returns its address.
func alertmanager(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		path, err = exec.LookPath("alertmanager")
	}
	require.NoError(t, err, "install Debian's prometheus-alertmanager")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	require.NoError(t, os.WriteFile(config, []byte("route: {receiver: none}\nreceivers: [{name: none}]\n"), 0o600))
	cmd := exec.Command(path, "--config.file="+config, "--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address=")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	url := "http://" + address
	require.Eventually(t, func() bool {
		response, err := http.Get(url + "/-/ready")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, 30*time.Second, 100*time.Millisecond)
	return url
}

type amAlert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

func received(t *testing.T, url string) []amAlert {
	t.Helper()
	response, err := http.Get(url + "/api/v2/alerts")
	require.NoError(t, err)
	defer response.Body.Close()
	var alerts []amAlert
	require.NoError(t, json.NewDecoder(response.Body).Decode(&alerts))
	return alerts
}

// hook counts what a webhook receives.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

func newHook(t *testing.T) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if want := "sha256=" + notify.Sign("secret", r.Header.Get(notify.TimestampHeader), body); want != r.Header.Get(notify.SignatureHeader) {
			http.Error(w, "wrong signature", http.StatusForbidden)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.bodies = append(h.bodies, string(body))
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) events(t *testing.T) (events []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.bodies {
		var m struct{ Event, Summary string }
		require.NoError(t, json.Unmarshal([]byte(b), &m))
		events = append(events, m.Event)
	}
	return events
}

// evaluator is an engine on a clock that the test moves.
type evaluator struct {
	*alert.Engine
	stop func()
}

func start(t *testing.T, conn driver.Conn, clock *atomic.Int64, external string, targets ...alert.Target) evaluator {
	t.Helper()
	questions := query.New(conn, query.Limits{})
	e := alert.New(alert.Config{
		Source: alerting.Source(questions), Oldest: alerting.Oldest(questions), Investigate: alerting.Investigate(questions),
		Ledger: ledger.New(conn), Targets: targets, ExternalURL: external, Logger: zaptest.NewLogger(t),
		Now: func() time.Time { return time.Unix(clock.Load(), 0).UTC() }, Poll: 20 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = e.Run(ctx) }()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return evaluator{e, stop}
}

// at moves the clock and waits until the regression rule was evaluated then.
func (e evaluator) at(t *testing.T, clock *atomic.Int64, now time.Time) alert.Current {
	t.Helper()
	clock.Store(now.Unix())
	var found alert.Current
	require.Eventually(t, func() bool {
		for _, a := range e.Engine.Alerts() {
			if a.Rule.Kind == alert.KindRegression && !a.Last.At.Before(now.Add(-2*time.Minute)) && a.Last.Verdict.Reason != "" {
				found = a
				return true
			}
		}
		return false
	}, time.Minute, 20*time.Millisecond, "no evaluation at %s: %v", now, fmt.Sprint(e.Engine.Rules()))
	return found
}

// A bad deploy in requests of the real engine fires once, names its part and
// version, arrives at a real Alertmanager, survives a restart and is resolved.
func TestABadDeployFiresAndResolves(t *testing.T) {
	db := embeddedtest.Open(t)
	conn := db.Conn
	require.NoError(t, migrations.Run(t.Context(), conn, migrations.Options{Database: db.Name}))
	// Recent, since Alertmanager forgets alerts that ended long ago.
	deploy := time.Now().UTC().Truncate(time.Hour)
	load := simulate.Workload{PerMinute: 30, Utilisation: 0.05, Seed: 5, Input: simulate.Lognormal{Median: 3000, Sigma: 0.4, Max: 16000}, Network: 5 * time.Millisecond}
	load.Shift = func(at int64) simulate.Shift {
		if at >= deploy.UnixNano() && at < deploy.Add(10*time.Minute).UnixNano() {
			return simulate.Shift{Prefill: 3, Version: "2.0.0"}
		}
		return simulate.Shift{}
	}
	fill(t, conn, load, deploy.Add(-36*time.Hour), deploy.Add(30*time.Minute))

	am, webhook := alertmanager(t), newHook(t)
	var clock atomic.Int64
	now := func() time.Time { return time.Unix(clock.Load(), 0).UTC() }
	clock.Store(deploy.Add(-time.Minute).Unix())
	targets := []alert.Target{notify.Alertmanager{URL: am, Now: time.Now}, notify.Webhook{URL: webhook.URL, Secret: "secret", Now: now}}
	e := start(t, conn, &clock, "https://phaseline.example", targets...)

	var fired time.Duration
	var found alert.Current
	for minute := range 10 {
		found = e.at(t, &clock, deploy.Add(time.Duration(minute)*time.Minute+30*time.Second))
		t.Log(minute, found.Status.State, alert.Explain(found.Rule, found.Last.Verdict))
		if found.Status.State == alert.StateFiring {
			fired = time.Duration(minute) * time.Minute
			break
		}
	}
	require.Equal(t, alert.StateFiring, found.Status.State)
	assert.LessOrEqual(t, fired, 5*time.Minute)
	assert.Equal(t, "prefill", found.Last.Verdict.Ownership.Owner)
	require.NotNil(t, found.Cause)
	assert.Equal(t, "2.0.0", found.Cause.NewVersion)
	assert.WithinDuration(t, deploy, found.Cause.Began, 2*time.Minute)
	assert.Len(t, found.Cause.Exemplars, 3)

	var got []amAlert
	require.Eventually(t, func() bool { got = received(t, am); return len(got) == 1 }, 30*time.Second, 100*time.Millisecond)
	assert.Equal(t, map[string]string{"alertname": "ttft_p95_regression", "severity": "warning", "service": "chat", "model": "m"}, got[0].Labels)
	assert.Equal(t, "prefill", got[0].Annotations["owner"])
	assert.Contains(t, got[0].Annotations["description"], "version 2.0.0 appeared")
	t.Log(got[0].Annotations["summary"], "\n", got[0].Annotations["description"])

	answers := alerting.New(e.Engine)
	shown, err := answers.Alerts(t.Context(), []api.AlertState{"firing"})
	require.NoError(t, err)
	require.Len(t, shown, 1)
	assert.Equal(t, api.Owner("prefill"), shown[0].Last.Owner)
	assert.Contains(t, shown[0].CompareUrl, "/compare?a_from=")

	// A restart keeps what fires, and tells nobody again.
	e.stop()
	e = start(t, conn, &clock, "https://phaseline.example", targets...)
	found = e.at(t, &clock, deploy.Add(9*time.Minute+30*time.Second))
	assert.Equal(t, alert.StateFiring, found.Status.State)
	require.NotNil(t, found.Cause)
	assert.Equal(t, "2.0.0", found.Cause.NewVersion)

	recovered := 0
	for minute := 10; minute < 29 && found.Status.State != alert.StateInactive && found.Status.State != alert.StateInsufficient; minute++ {
		found = e.at(t, &clock, deploy.Add(time.Duration(minute)*time.Minute+30*time.Second))
		if found.Status.State == alert.StateRecovering {
			recovered++
			shown, err := alerting.New(e.Engine).Alerts(t.Context(), []api.AlertState{"recovering"})
			require.NoError(t, err)
			require.Len(t, shown, 1)
			assert.Equal(t, api.Owner("prefill"), shown[0].Last.Owner, "it is kept firing by what it fired by")
			assert.Equal(t, "2.0.0", shown[0].BeganVersion)
		}
	}
	assert.Positive(t, recovered)
	t.Log("resolved at", found.Last.At.Sub(deploy), found.Status.State)
	require.Eventually(t, func() bool { return len(webhook.events(t)) == 2 }, 30*time.Second, 50*time.Millisecond)
	assert.Equal(t, []string{"firing", "resolved"}, webhook.events(t))

	answers = alerting.New(e.Engine)
	history, err := answers.History(t.Context(), api.AlertPage{Range: query.Range{From: deploy.Add(-time.Hour), To: deploy.Add(time.Hour)}, Limit: 10})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(history.Rows), 2)
	told := slices.IndexFunc(history.Rows, func(row api.Transition) bool { return row.To == "firing" && len(row.Notified) > 0 })
	require.GreaterOrEqual(t, told, 0)
	for _, d := range history.Rows[told].Notified {
		assert.True(t, d.Ok, "%+v", d)
	}
	evaluations, err := answers.Evaluations(t.Context(), api.AlertPage{Range: query.Range{From: deploy.Add(-time.Hour), To: deploy.Add(time.Hour)}, Rule: "ttft_p95_regression", Limit: 5})
	require.NoError(t, err)
	assert.Len(t, evaluations.Rows, 5)
	assert.NotNil(t, evaluations.NextCursor)
	assert.NotEmpty(t, evaluations.Rows[0].Conditions)

	var wrong *query.Error
	_, err = answers.Evaluations(t.Context(), api.AlertPage{Range: query.Range{From: deploy, To: deploy.Add(time.Hour)}, Rule: "nobody's", Limit: 5})
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, query.CodeNotFound, wrong.Code)
	_, err = answers.History(t.Context(), api.AlertPage{Range: query.Range{From: deploy, To: deploy.Add(time.Hour)}, Limit: 5, Cursor: "nonsense"})
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, "cursor", wrong.Parameter)
}
