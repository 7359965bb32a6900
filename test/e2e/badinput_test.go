package e2e

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"

	"github.com/phaseline/phaseline/internal/sample"
)

func TestMalformedOTLPIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, test := range map[string]struct {
		contentType, body string
		status            int
	}{
		"not JSON":       {"application/json", "{", http.StatusBadRequest},
		"JSON, not OTLP": {"application/json", `{"resourceSpans": 5}`, http.StatusBadRequest},
		"bad trace id":   {"application/json", `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}`, http.StatusBadRequest},
		"not protobuf":   {"application/x-protobuf", "\xff\xff\xff", http.StatusBadRequest},
		"another type":   {"text/plain", "hello", http.StatusUnsupportedMediaType},
	} {
		status, body, err := s.post(test.contentType, []byte(test.body))
		require.NoError(t, err, name)
		assert.Equal(t, test.status, status, "%s: %s", name, body)
	}

	conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	var answer []byte
	err = conn.Invoke(t.Context(), "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		[]byte("\xff\xff\xff"), &answer, grpc.ForceCodec(raw{}))
	assert.Error(t, err)

	// And it works as before.
	td, err := sample.Trace(time.Now())
	require.NoError(t, err)
	require.NoError(t, s.sendHTTP(td))
	s.waitRequests(10*time.Second, 1)
}

// Nonsense is stored or skipped under a counted reason; it never fails the good
// spans that come with it.
func TestNonsenseHarmsNothingElse(t *testing.T) {
	t.Parallel()
	s := start(t)
	now := time.Now()
	td, err := sample.Trace(now)
	require.NoError(t, err)
	good := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)

	// Each nonsense is a copy of a good span in a trace of its own.
	for i, spoil := range []func(ptrace.Span){
		func(s ptrace.Span) { s.SetEndTimestamp(s.StartTimestamp() - 1) },
		func(s ptrace.Span) { s.SetStartTimestamp(0); s.SetEndTimestamp(0) },
		func(s ptrace.Span) { s.SetStartTimestamp(math.MaxUint64 - 5); s.SetEndTimestamp(math.MaxUint64) },
		func(s ptrace.Span) { s.SetStartTimestamp(1) }, // lasts since 1970
		func(s ptrace.Span) { s.Attributes().PutDouble("gen_ai.response.time_to_first_chunk", math.NaN()) },
		func(s ptrace.Span) { s.Attributes().PutDouble("gen_ai.response.time_to_first_chunk", math.Inf(1)) },
		func(s ptrace.Span) { s.Attributes().PutDouble("gen_ai.response.time_to_first_chunk", -3) },
		func(s ptrace.Span) { s.Attributes().PutInt("gen_ai.usage.output_tokens", math.MinInt64) },
		func(s ptrace.Span) { s.Attributes().PutStr("gen_ai.request.model", strings.Repeat("x", 10<<20)) },
		func(s ptrace.Span) { s.Attributes().PutStr("gen_ai.request.model", "\xff\xfe\x00") },
		func(s ptrace.Span) { s.SetName("\xff\xfe"); s.Attributes().PutStr("\xff", "\xff") },
		func(s ptrace.Span) {
			for i := range 20_000 {
				s.Attributes().PutInt("key."+strings.Repeat("k", i%50)+string(rune('a'+i%26)), int64(i))
			}
		},
		func(s ptrace.Span) { s.SetTraceID(pcommon.TraceID{}) },
		func(s ptrace.Span) { s.SetSpanID(pcommon.SpanID{}) },
		func(s ptrace.Span) { s.SetParentSpanID(s.SpanID()) },
	} {
		bad := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().AppendEmpty()
		good.CopyTo(bad)
		id := bad.TraceID()
		id[0] ^= byte(i + 1)
		bad.SetTraceID(id)
		spoil(bad)
	}
	body, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	require.NoError(t, err)
	status, answer, err := s.post("application/x-protobuf", body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, string(answer))

	s.eventually(15*time.Second, "the good request", func() error {
		return s.getJSON("/api/v1/requests/"+good.TraceID().String()+"/"+good.SpanID().String(), &row{})
	})
	rows, err := s.requests()
	require.NoError(t, err)
	for _, r := range rows {
		var sum float64
		for _, phase := range []string{"network_ns", "queue_ns", "prefill_ns", "decode_ns", "unattributed_ns"} {
			if ns, known := r[phase].(float64); known {
				assert.GreaterOrEqual(t, ns, 0.0, phase)
				sum += ns
			}
		}
		assert.Equal(t, r["total_ns"], sum, "the parts of %v add up", r["trace_id"])
	}
	_, metrics, err := s.get("/metrics")
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^phaseline_spans_refused_total\{.*\} [1-9]`, string(metrics), "what was refused is counted")

	td, err = sample.Trace(time.Now())
	require.NoError(t, err)
	require.NoError(t, s.sendHTTP(td))
	after := len(rows) + 1
	s.waitRequests(10*time.Second, after)
}

// raw sends and receives bytes as they are.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)   { return v.([]byte), nil }
func (raw) Unmarshal(b []byte, v any) error { *v.(*[]byte) = b; return nil }
func (raw) Name() string                    { return "proto" }

var _ encoding.Codec = raw{}
