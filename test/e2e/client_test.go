package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

var httpClient = &http.Client{Timeout: 15 * time.Second}

// row is a request as the API gives it.
type row map[string]any

// get reads one path of the API server.
func (s *server) get(path string) (status int, body []byte, err error) {
	req, err := http.NewRequest(http.MethodGet, "http://"+s.api+path, nil)
	if err != nil {
		return 0, nil, err
	}
	return s.do(req)
}

// do sends a request, with the token if there is one.
func (s *server) do(req *http.Request) (status int, body []byte, err error) {
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// getJSON reads an answer of the API; any status but 200 is an error.
func (s *server) getJSON(path string, into any) error {
	status, body, err := s.get(path)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("GET %s: %d: %s", path, status, body)
	}
	return json.Unmarshal(body, into)
}

// requests returns the rows of the last hour, newest first, of any outcome.
func (s *server) requests(filters ...string) ([]row, error) {
	query := url.Values{"limit": {"1000"}, "include_failed": {"true"}, "filter": filters}
	var page struct {
		Requests []row `json:"requests"`
	}
	err := s.getJSON("/api/v1/requests?"+query.Encode(), &page)
	return page.Requests, err
}

// waitRequests waits until the API shows n requests in the last hour.
func (s *server) waitRequests(limit time.Duration, n int) []row {
	s.t.Helper()
	var rows []row
	s.eventually(limit, fmt.Sprintf("%d requests", n), func() (err error) {
		if rows, err = s.requests(); err == nil && len(rows) != n {
			err = fmt.Errorf("there are %d", len(rows))
		}
		return err
	})
	return rows
}

// sendHTTP sends traces as OTLP/HTTP protobuf; nil means acknowledged.
func (s *server) sendHTTP(td ptrace.Traces) error {
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		return err
	}
	status, answer, err := s.post("application/x-protobuf", body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("OTLP/HTTP answered %d: %s", status, answer)
	}
	return err
}

// post sends a body to the OTLP/HTTP traces endpoint as it is.
func (s *server) post(contentType string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequest(http.MethodPost, "http://"+s.http+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", contentType)
	return s.do(req)
}

// grpcClient connects to the OTLP/gRPC receiver.
func (s *server) grpcClient(t *testing.T) ptraceotlp.GRPCClient {
	conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return ptraceotlp.NewGRPCClient(conn)
}
