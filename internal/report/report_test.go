package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
)

const sample = "../dialect/testdata/litellm/v1_between_client_and_engine/input.json"

var reader = dialect.NewReader(dialect.Options{})

func TestFilesAreOneSetOfSpans(t *testing.T) {
	data, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(data)
	if err != nil {
		t.Fatal(err)
	}
	// The client's half as JSON, the rest as protobuf, the whole once more from stdin.
	folder := t.TempDir()
	half := ptrace.NewTraces()
	td.ResourceSpans().At(0).CopyTo(half.ResourceSpans().AppendEmpty())
	rest := ptrace.NewTraces()
	for i := 1; i < td.ResourceSpans().Len(); i++ {
		td.ResourceSpans().At(i).CopyTo(rest.ResourceSpans().AppendEmpty())
	}
	client, _ := (&ptrace.JSONMarshaler{}).MarshalTraces(half)
	servers, _ := (&ptrace.ProtoMarshaler{}).MarshalTraces(rest)
	files := []string{filepath.Join(folder, "client.json"), filepath.Join(folder, "servers.binpb"), "-"}
	for i, content := range [][]byte{client, servers} {
		if err := os.WriteFile(files[i], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spans, err := ReadFiles(files, bytes.NewReader(data), reader)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ReadFiles([]string{sample}, nil, reader)
	if err != nil {
		t.Fatal(err)
	}
	got, whole := phase.Decompose(spans), phase.Decompose(want)
	if len(got.Requests) != 1 || got.Requests[0].Network != whole.Requests[0].Network || got.Requests[0].Version != whole.Requests[0].Version {
		t.Errorf("%+v\n%+v", got.Requests, whole.Requests)
	}
}

func TestSeveralDocumentsInOneFile(t *testing.T) {
	data, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	one, err := read(data, reader)
	if err != nil {
		t.Fatal(err)
	}
	two, err := read(append(append(data, '\n'), data...), reader)
	if err != nil || len(two) != 2*len(one) {
		t.Errorf("%d spans of one document, %d of two: %v", len(one), len(two), err)
	}
}

func TestBadFilesSayWhatIsExpected(t *testing.T) {
	for want, data := range map[string]string{
		"empty":                     " \n",
		"neither OTLP/JSON":         "hello",
		"no resourceSpans":          `{"traces":[]}`,
		"not valid JSON":            `{"resourceSpans":[`,
		"not an OTLP trace export ": `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}`,
	} {
		if _, err := read([]byte(data), reader); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", data, err, want)
		}
	}
	if _, err := ReadFiles([]string{"missing.json"}, nil, reader); err == nil || !strings.Contains(err.Error(), "missing.json") {
		t.Errorf("missing file: %v", err)
	}
}

func TestTextShowsPhasesAndTheirSources(t *testing.T) {
	spans, err := ReadFiles([]string{sample}, nil, reader)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Text(&b, len(spans), phase.Decompose(spans), phase.Explain(spans)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"on vllm", "network 100.000 ms 10.0% derived", "decode 650.000 ms 65.0% measured", "|NNNNNNQQPPPPPPPPPPPP",
		"client to gateway", "gen_ai.latency.time_in_model_prefill of span", "total - retry - server window",
	} {
		if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

func TestTextNamesWhatWasNotBelieved(t *testing.T) {
	spans, err := ReadFiles([]string{"../dialect/testdata/semconv/ttft_in_milliseconds/input.json"}, nil, reader)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Text(&b, len(spans), phase.Decompose(spans), phase.Explain(spans)); err != nil {
		t.Fatal(err)
	}
	if want := "unit_implausible: not believed: gen_ai.response.time_to_first_chunk of span"; !strings.Contains(b.String(), want) {
		t.Errorf("%q is not in\n%s", want, b.String())
	}
}

func TestBarIsAsWideAsItShould(t *testing.T) {
	for _, r := range []phase.Request{
		{Total: 0, Network: -1, Queue: -1, Prefill: -1, Decode: -1},
		{Total: 3, Network: 1, Queue: -1, Prefill: 1, Decode: 1},
		{Total: 1 << 56, Network: -1, Queue: -1, Prefill: -1, Decode: -1, Unattributed: 1 << 56},
	} {
		if b := bar(&r); len(b) != barWidth {
			t.Errorf("%q has %d characters", b, len(b))
		}
	}
}

// TestHostileTextIsEscaped: nothing a span says may reach the terminal as a command.
func TestHostileTextIsEscaped(t *testing.T) {
	const evil = "m\x1b]0;title\x07\u009b2J\u202egpt\r\n\u2066"
	r := phase.Request{Model: evil, Provider: evil, Service: evil, ErrorType: evil, Session: evil, TTFT: 1, TTFTSource: evil,
		Network: -1, Queue: -1, Prefill: -1, Decode: -1}
	result := phase.Result{Requests: []phase.Request{r}}
	explained := []phase.Explanation{{Facts: []phase.ExplainedFact{{Fact: "x", SpanID: "1", Attribute: evil, SpanService: evil}}}}
	var text, js bytes.Buffer
	if err := Text(&text, 1, result, explained); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&js, result, explained); err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]string{"text": text.String(), "json": js.String()} {
		if i := strings.IndexAny(out, "\x1b\x07\r\u009b\u202e\u2066"); i >= 0 {
			t.Errorf("%s holds %q", name, out[i:min(i+10, len(out))])
		}
	}
	var back struct{ Requests []struct{ Model string } }
	if err := json.Unmarshal(js.Bytes(), &back); err != nil || back.Requests[0].Model != evil {
		t.Errorf("JSON does not say the same: %v %q", err, back.Requests)
	}
}

func TestNoRequests(t *testing.T) {
	var text, js bytes.Buffer
	if err := Text(&text, 3, phase.Result{AbortedWithoutSpan: 1}, nil); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&js, phase.Result{}, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "No requests in 3 spans") || !strings.Contains(text.String(), "1 call without") || strings.Join(strings.Fields(js.String()), "") != `{"requests":[]}` {
		t.Errorf("%s%s", text.String(), js.String())
	}
}
