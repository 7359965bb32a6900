package simulate

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"
)

// serve starts a server on an engine and returns its URL and the spans it exports.
func serve(t *testing.T, engine EngineConfig, waiting int) (string, <-chan ptrace.Span) {
	t.Helper()
	spans := make(chan ptrace.Span, 100)
	ctx, cancel := context.WithCancel(context.Background())
	s := NewServer(ctx, ServerConfig{Model: "m", Engine: engine, Service: "vllm", Waiting: waiting, Export: func(td ptrace.Traces) {
		spans <- td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	}})
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		h.Close()
		cancel()
		http.DefaultClient.CloseIdleConnections()
		time.Sleep(20 * time.Millisecond)
		goleak.VerifyNone(t)
	})
	return h.URL, spans
}

func chat(t *testing.T, ctx context.Context, url, body string) *http.Response {
	t.Helper()
	return post(t, ctx, url+"/v1/chat/completions", body)
}

func post(t *testing.T, ctx context.Context, url, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Traceparent", "00-0102030405060708090a0b0c0d0e0f10-1112131415161718-01")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// readEvents returns the data of server-sent events; first is called at the first one.
func readEvents(body io.Reader, first func()) (events []string) {
	for lines := bufio.NewScanner(body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if len(events) == 0 {
				first()
			}
			events = append(events, data)
		}
	}
	return events
}

func attribute(t *testing.T, span ptrace.Span, key string) float64 {
	t.Helper()
	v, ok := span.Attributes().Get(key)
	if !ok {
		t.Fatalf("no %s on the span", key)
	}
	return v.Double()
}

func TestServeStream(t *testing.T) {
	url, spans := serve(t, Engine(Llama8B, H100), 0)
	start := time.Now()
	resp := chat(t, t.Context(), url, `{"model":"m","stream":true,"stream_options":{"include_usage":true},"max_tokens":20,"messages":[{"role":"user","content":"Hello"}]}`)
	var ttft time.Duration
	events := readEvents(resp.Body, func() { ttft = time.Since(start) })
	total := time.Since(start)
	// A role, 20 tokens, the reason for the end, usage, and the end.
	if len(events) != 24 || !strings.Contains(events[0], `"role":"assistant"`) || !strings.Contains(events[21], `"finish_reason":"length"`) ||
		!strings.Contains(events[22], `"completion_tokens":20`) || events[23] != "[DONE]" {
		t.Fatalf("%d events: %q", len(events), events)
	}
	span := <-spans
	if span.TraceID().String() != "0102030405060708090a0b0c0d0e0f10" || span.ParentSpanID().String() != "1112131415161718" {
		t.Errorf("trace %s, parent %s: the traceparent was not read", span.TraceID(), span.ParentSpanID())
	}
	phases := attribute(t, span, "gen_ai.latency.time_in_queue") + attribute(t, span, "gen_ai.latency.time_in_model_prefill") + attribute(t, span, "gen_ai.latency.time_in_model_decode")
	e2e := attribute(t, span, "gen_ai.latency.e2e")
	if phases > e2e || e2e > total.Seconds() || attribute(t, span, "gen_ai.latency.time_to_first_token") > ttft.Seconds() {
		t.Errorf("phases %.4f s, e2e %.4f s, the client saw %v; its TTFT %v", phases, e2e, total, ttft)
	}
	// 19 decode steps of about 6.5 ms.
	if decode := attribute(t, span, "gen_ai.latency.time_in_model_decode"); decode < 0.1 || decode > 0.16 {
		t.Errorf("decode took %.3f s for 19 steps of about 6.5 ms", decode)
	}
}

func TestServeWhole(t *testing.T) {
	url, spans := serve(t, Engine(Llama8B, H100), 0)
	resp := chat(t, t.Context(), url, `{"max_completion_tokens":5,"messages":[{"role":"user","content":"Hello"}]}`)
	var answer struct {
		Choices []struct {
			Message struct{ Content string }
		}
		Usage struct {
			CompletionTokens int `json:"completion_tokens"`
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Choices) != 1 || answer.Usage.CompletionTokens != 5 || answer.Choices[0].Message.Content == "" {
		t.Errorf("answer %+v", answer)
	}
	<-spans
}

// Load testers use the text completions. A prompt that was seen needs no prefill
// again, but for its last block.
func TestServeTextCompletion(t *testing.T) {
	url, spans := serve(t, Engine(Llama8B, H100), 0)
	for i, cached := range []int{0, 992} {
		resp := post(t, t.Context(), url+"/v1/completions", `{"max_tokens":3,"prompt":"`+strings.Repeat("abcd", 1000)+`"}`)
		var answer struct {
			ID, Object string
			Choices    []struct {
				Text   string
				Reason string `json:"finish_reason"`
			}
			Usage struct {
				PromptTokens int `json:"prompt_tokens"`
				Details      struct {
					Cached int `json:"cached_tokens"`
				} `json:"prompt_tokens_details"`
			}
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		if answer.Object != "text_completion" || len(answer.Choices) != 1 || answer.Choices[0].Text != "token token token " ||
			answer.Choices[0].Reason != "length" || answer.Usage.PromptTokens != 1000 || answer.Usage.Details.Cached != cached {
			t.Errorf("answer %d: %+v", i, answer)
		}
		span := <-spans
		if id, _ := span.Attributes().Get("gen_ai.request.id"); id.Str() != answer.ID || !strings.HasPrefix(answer.ID, "cmpl-") {
			t.Errorf("the answer is %s, the span's request %s", answer.ID, id.Str())
		}
	}

	resp := post(t, t.Context(), url+"/v1/completions", `{"stream":true,"prompt":[1,2,3]}`)
	events := readEvents(resp.Body, func() {})
	if len(events) != 18 || !strings.Contains(events[0], `"text":"token "`) || !strings.Contains(events[16], `"finish_reason":"stop"`) {
		t.Errorf("%d events: %q", len(events), events)
	}
	<-spans
	for _, prompt := range []string{`""`, `["a","b"]`, `[]`, `7`} {
		if resp := post(t, t.Context(), url+"/v1/completions", `{"prompt":`+prompt+`}`); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("prompt %s got %s", prompt, resp.Status)
		}
	}
}

func TestServeRefuses(t *testing.T) {
	url, _ := serve(t, Engine(Llama8B, H100), 0)
	for body, want := range map[string]int{
		`{`:             http.StatusBadRequest,
		`{"model":"m"}`: http.StatusBadRequest,
		`{"model":"other","messages":[{"role":"user","content":"x"}]}`:        http.StatusNotFound,
		`{"n":2,"messages":[{"role":"user","content":"x"}]}`:                  http.StatusBadRequest,
		`{"max_tokens":999999999,"messages":[{"role":"user","content":"x"}]}`: http.StatusBadRequest,
		`{"max_tokens":-1,"messages":[{"role":"user","content":"x"}]}`:        http.StatusBadRequest,
	} {
		resp := chat(t, t.Context(), url, body)
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != want || !strings.Contains(string(text), `"error"`) {
			t.Errorf("%s: %s %s, want %d", body, resp.Status, text, want)
		}
	}
}

// A caller that leaves frees its place, and vLLM writes no span for it. While
// the only place is taken others wait, and one too many is turned away.
func TestServeAbortAndOverload(t *testing.T) {
	engine := Engine(Llama8B, H100)
	engine.MaxSeqs = 1
	url, spans := serve(t, engine, 1)
	ctx, cancel := context.WithCancel(t.Context())
	long := chat(t, ctx, url, `{"stream":true,"max_tokens":5000,"messages":[{"role":"user","content":"x"}]}`)
	if _, err := io.ReadFull(long.Body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	var waited sync.WaitGroup
	waited.Go(func() {
		resp := chat(t, t.Context(), url, `{"max_tokens":2,"messages":[{"role":"user","content":"x"}]}`)
		_, _ = io.Copy(io.Discard, resp.Body)
	})
	time.Sleep(200 * time.Millisecond)
	if resp := chat(t, t.Context(), url, `{"messages":[{"role":"user","content":"x"}]}`); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a third request got %s, want 503", resp.Status)
	}
	cancel()
	waited.Wait()
	span := <-spans
	if q := attribute(t, span, "gen_ai.latency.time_in_queue"); q < 0.1 {
		t.Errorf("the second request waited %.3f s, at least 0.1 expected", q)
	}
	select {
	case <-spans:
		t.Error("an aborted request wrote a span")
	default:
	}
}
