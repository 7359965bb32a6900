package simulate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// Sender exports to an OTLP/HTTP receiver, as the SDKs' exporters do: it waits
// and tries again when the receiver is away or has no room.
type Sender struct {
	endpoint string // base URL, for example http://127.0.0.1:4318
	client   *http.Client
	spans    int64
	retried  int64
}

// NewSender sends to the receiver at that base URL.
func NewSender(endpoint string) *Sender {
	return &Sender{endpoint: endpoint, client: &http.Client{Timeout: 30 * time.Second}}
}

// Spans is how many were acknowledged, Retried how many requests were refused
// for the moment and sent again.
func (s *Sender) Spans() int64   { return s.spans }
func (s *Sender) Retried() int64 { return s.retried }

// Send exports until the receiver acknowledges, refuses for good, or ctx ends.
func (s *Sender) Send(ctx context.Context, td ptrace.Traces) error {
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		return fmt.Errorf("marshal spans: %w", err)
	}
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		again, after, err := s.post(ctx, body)
		if err == nil {
			s.spans += int64(td.SpanCount())
			return nil
		}
		if !again || ctx.Err() != nil {
			return err
		}
		s.retried++
		select {
		case <-time.After(max(wait, after)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// post sends once; again says whether the failure is the moment's.
func (s *Sender) post(ctx context.Context, body []byte) (again bool, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		return false, 0, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := s.client.Do(req)
	if err != nil {
		return true, 0, fmt.Errorf("send spans: %w", err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if resp.StatusCode == http.StatusOK {
		return false, 0, nil
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	return again, time.Duration(seconds) * time.Second, fmt.Errorf("send spans: %s answered %s: %.200q", s.endpoint, resp.Status, text)
}

// Merge joins deliveries into export requests of at least size spans each (the
// last may be smaller), so that a backfill is not thousands of small ones.
// Spans of one trace from several senders then arrive together.
func Merge(deliveries []Delivery, size int) []ptrace.Traces {
	var out []ptrace.Traces
	current, n := ptrace.NewTraces(), 0
	for _, d := range deliveries {
		n += d.Traces.SpanCount()
		for _, rs := range d.Traces.ResourceSpans().All() {
			rs.CopyTo(current.ResourceSpans().AppendEmpty())
		}
		if n >= size {
			out = append(out, current)
			current, n = ptrace.NewTraces(), 0
		}
	}
	if n > 0 {
		out = append(out, current)
	}
	return out
}
