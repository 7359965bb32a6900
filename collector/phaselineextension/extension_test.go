package phaselineextension

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"

	"github.com/phaseline/phaseline/internal/embedded"
	"github.com/phaseline/phaseline/internal/sample"
)

func TestMain(m *testing.M) {
	embedded.MaybeChild()
	goleak.VerifyTestMain(m)
}

// testConfig is the default on a folder and a port of the test's own.
func testConfig(t *testing.T) *Config {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	cfg := defaultConfig()
	cfg.DataDir = t.TempDir()
	cfg.API.Endpoint = l.Addr().String()
	return cfg
}

func create(t *testing.T, cfg *Config, opts ...Option) extension.Extension {
	ext, err := NewFactory(opts...).Create(t.Context(), extensiontest.NewNopSettings(Type), cfg)
	require.NoError(t, err)
	return ext
}

// run calls the extension as a collector does at start.
func run(t *testing.T, ext extension.Extension) {
	require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
	conf := confmap.NewFromStringMap(map[string]any{"receivers": map[string]any{
		"otlp": map[string]any{"protocols": map[string]any{"grpc": map[string]any{"endpoint": "127.0.0.1:4317"}}}}})
	require.NoError(t, ext.(extensioncapabilities.ConfigSnapshotWatcher).
		NotifyConfigSnapshot(t.Context(), extensioncapabilities.NewConfigSnapshot(conf, conf)))
	require.NoError(t, ext.(extensioncapabilities.PipelineWatcher).Ready())
}

func get(t *testing.T, address string) (int, string) {
	resp, err := http.Get(address)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestFromStartToShutdown(t *testing.T) {
	cfg := testConfig(t)
	registry := prometheus.NewRegistry()
	ready := make(chan Ready, 1)
	ext := create(t, cfg, WithRegistry(registry), WithReady(func(r Ready) { ready <- r }))
	run(t, ext)
	var said Ready
	select {
	case said = <-ready:
	case <-time.After(time.Minute):
		t.Fatal("not ready within a minute")
	}
	assert.Equal(t, Ready{Receivers: []Receiver{{protocolGRPC, "http://127.0.0.1:4317"}}, UI: "http://" + cfg.API.Endpoint,
		Storage: "embedded ClickHouse", DataDir: cfg.DataDir}, said)

	td, err := sample.Trace(time.Now())
	require.NoError(t, err)
	require.NoError(t, insertTraces(t, ext, td))
	require.Eventually(t, func() bool {
		status, body := get(t, said.UI+"/api/v1/requests")
		return status == http.StatusOK && strings.Contains(body, `"total_ns":3412407000`)
	}, 10*time.Second, 100*time.Millisecond)
	_, metrics := get(t, said.UI+"/metrics")
	assert.Contains(t, metrics, "phaseline_spans_stored_total 4")
	http.DefaultClient.CloseIdleConnections()

	require.NoError(t, ext.Shutdown(t.Context()))
	require.NoError(t, ext.Shutdown(t.Context()), "a second time")
	lock, err := openDataDir(cfg.DataDir)
	require.NoError(t, err, "the folder is free again")
	require.NoError(t, lock.Close())
}

func insertTraces(t *testing.T, ext extension.Extension, td ptrace.Traces) error {
	e := ext.(*phaselineExtension)
	return e.Insert(t.Context(), e.Encode(td))
}

func TestSpansAreRefusedWhileTheStoreIsNotReady(t *testing.T) {
	cfg := testConfig(t)
	cfg.ClickHouse.DSN = "clickhouse://127.0.0.1:1" // nothing listens there
	ext := create(t, cfg)
	run(t, ext)
	td, err := sample.Trace(time.Now())
	require.NoError(t, err)
	assert.ErrorIs(t, insertTraces(t, ext, td), errNotPrepared)
	status, body := get(t, "http://"+cfg.API.Endpoint+"/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.NotEmpty(t, body)
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, ext.Shutdown(t.Context()))
}

// A collector calls Shutdown after a Start that failed.
func TestStartThatFailsLeavesNothing(t *testing.T) {
	cfg := testConfig(t)
	busy, err := net.Listen("tcp", cfg.API.Endpoint)
	require.NoError(t, err)
	defer busy.Close()
	ext := create(t, cfg)
	assert.ErrorContains(t, ext.Start(t.Context(), componenttest.NewNopHost()), "address already in use")
	require.NoError(t, ext.Shutdown(t.Context()))
	lock, err := openDataDir(cfg.DataDir)
	require.NoError(t, err)
	require.NoError(t, lock.Close())
}

func TestCauseIsWhatPeopleCanActOn(t *testing.T) {
	refused := errors.New("connection refused")
	assert.Equal(t, refused, cause(&url.Error{Op: "Post", URL: "http://host/?a=1&b=2", Err: refused}))
	assert.Equal(t, refused, cause(refused))
}
