package simulate

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

func oneSpan() ptrace.Traces {
	td := ptrace.NewTraces()
	td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("x")
	return td
}

func TestSenderRetriesWhatMayPass(t *testing.T) {
	answers := []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusOK}
	calls := 0
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s", r.URL.Path, r.Header.Get("Content-Type"))
		}
		w.WriteHeader(answers[calls])
		calls++
	}))
	defer h.Close()
	s := NewSender(h.URL)
	if err := s.Send(t.Context(), oneSpan()); err != nil || calls != 3 || s.Spans() != 1 || s.Retried() != 2 {
		t.Errorf("error %v after %d calls, %d spans, %d retried", err, calls, s.Spans(), s.Retried())
	}
}

func TestSenderGivesUp(t *testing.T) {
	status := http.StatusBadRequest
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer h.Close()
	s := NewSender(h.URL)
	if err := s.Send(t.Context(), oneSpan()); err == nil || s.Retried() != 0 {
		t.Errorf("a refusal for good gave %v and %d retries", err, s.Retried())
	}
	status = http.StatusServiceUnavailable
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Send(ctx, oneSpan()); err == nil || s.Spans() != 0 {
		t.Errorf("an end of time gave %v", err)
	}
}

func TestMerge(t *testing.T) {
	var deliveries []Delivery
	for range 10 {
		deliveries = append(deliveries, Delivery{Traces: oneSpan()})
	}
	merged := Merge(deliveries, 4)
	if len(merged) != 3 || merged[0].SpanCount() != 4 || merged[2].SpanCount() != 2 {
		t.Errorf("%d requests", len(merged))
	}
}

func TestTraceparent(t *testing.T) {
	for header, good := range map[string]bool{
		"00-0102030405060708090a0b0c0d0e0f10-1112131415161718-01": true,
		"00-0102030405060708090a0b0c0d0e0f10-1112131415161718":    false,
		"00-zz02030405060708090a0b0c0d0e0f10-1112131415161718-01": false,
		"nonsense": false, "": false,
	} {
		trace, span := parseTraceparent(header)
		if (!trace.IsEmpty() && !span.IsEmpty()) != good {
			t.Errorf("%q gave trace %s and span %s", header, trace, span)
		}
	}
}
