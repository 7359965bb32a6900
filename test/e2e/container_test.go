package e2e

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/embedded"
	"github.com/phaseline/phaseline/internal/sample"
)

// The container's configuration, with nothing changed but folders and ports, on
// a ClickHouse that is reached over TCP. It stands in for a server: the same
// engine, HTTP only, without users.
func TestContainerConfigurationOnAServer(t *testing.T) {
	t.Parallel()
	const token = "t0ken"
	config, err := filepath.Abs("../../collector/container.yaml")
	require.NoError(t, err)
	clickhouse := freeAddress(t)
	s := prepare(t)
	s.token = token
	s.env = []string{"PHASELINE_TOKEN=" + token, "PHASELINE_CLICKHOUSE_DSN=http://" + clickhouse}
	port := func(address string) string {
		_, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		return "0.0.0.0:" + port
	}
	s.args = []string{
		"--config", config,
		"--set", "extensions.phaseline.data_dir=" + s.dir,
		"--set", "extensions.file_storage.directory=" + filepath.Join(s.dir, "queue"),
		"--set", "receivers.otlp.protocols.grpc.endpoint=" + port(s.grpc),
		"--set", "receivers.otlp.protocols.http.endpoint=" + port(s.http),
		"--set", "extensions.phaseline.api.endpoint=" + port(s.api),
	}
	s.launch()

	// The server is not there yet.
	td, err := sample.Trace(time.Now())
	require.NoError(t, err)
	s.eventually(30*time.Second, "OTLP is accepted without a server", func() error { return s.sendHTTP(td) })
	status, _, err := s.get("/readyz")
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, status, "/readyz")

	serveClickHouse(t, clickhouse)
	s.waitReady(60 * time.Second)
	s.waitRequests(20*time.Second, 1)

	for _, wrong := range []string{"", "another"} {
		s.token = wrong
		status, _, err = s.get("/api/v1/requests")
		require.NoError(t, err)
		assert.Equal(t, http.StatusUnauthorized, status, "API with token %q", wrong)
		status, _, err = s.post("application/json", []byte("{}"))
		require.NoError(t, err)
		assert.Equal(t, http.StatusUnauthorized, status, "OTLP with token %q", wrong)
	}
}

// serveClickHouse runs an engine whose HTTP interface is at the address.
func serveClickHouse(t *testing.T, address string) {
	engine, err := embedded.Start(t.Context(), embedded.Config{DataDir: t.TempDir()})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() {
		listener.Close()
		engine.Shutdown(t.Context())
	})
	dial := engine.Options().DialContext
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				server, err := dial(t.Context(), "")
				if err != nil {
					return
				}
				defer server.Close()
				go func() {
					defer server.Close()
					io.Copy(server, client)
				}()
				io.Copy(client, server)
			}()
		}
	}()
}
