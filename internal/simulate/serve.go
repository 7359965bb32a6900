package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// ServerConfig of an OpenAI-compatible server on a simulated engine.
type ServerConfig struct {
	Model   string // the name it serves
	Engine  EngineConfig
	Service string // service.name of its spans
	// Waiting is how many requests may queue; further ones get 503. Default 1000.
	Waiting int
	// Export receives vLLM's span of each completed request; nil writes none.
	Export func(ptrace.Traces)
}

// Server answers /v1/chat/completions, streamed or not, and /v1/models at the
// speed of its engine, in real time. What it says is filler; when it says it is
// the point. It reads the inbound traceparent as vLLM does.
type Server struct {
	config ServerConfig
	began  int64

	mu      sync.Mutex
	wake    chan struct{} // a request has come
	engine  *replica
	streams map[*job]*stream
	number  uint64
}

// stream is how a handler learns of its request's progress.
type stream struct {
	changed   chan struct{} // capacity 1
	made      bool          // the engine has booked the last token, which may lie ahead
	generated int           // tokens whose time has come
	ended     bool          // all of them
}

// NewServer starts the engine; it stops with ctx.
func NewServer(ctx context.Context, c ServerConfig) *Server {
	if c.Waiting == 0 {
		c.Waiting = 1000
	}
	s := &Server{config: c, began: time.Now().UnixNano(), wake: make(chan struct{}, 1), streams: map[*job]*stream{}}
	s.engine = newReplica(c.Engine, rand.New(rand.NewPCG(uint64(s.began), 1)), func(j *job) { s.streams[j].made = true })
	go s.run(ctx)
	return s
}

// run takes the engine's steps, each when its time has come.
func (s *Server) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.mu.Lock()
		idle := s.engine.load() == 0
		if !idle {
			if len(s.engine.running) == 0 {
				s.engine.now = max(s.engine.now, s.engine.waiting[0].queued)
			}
			s.engine.advance(s.engine.now + 1) // exactly one step
		}
		until := s.engine.now
		s.mu.Unlock()
		if idle {
			select {
			case <-s.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		timer.Reset(time.Until(time.Unix(0, until)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		for j, st := range s.streams {
			if j.generated > st.generated {
				st.generated, st.ended = j.generated, st.made
				select {
				case st.changed <- struct{}{}:
				default:
				}
			}
		}
		s.mu.Unlock()
	}
}

// submit queues a job, or returns nil if the queue is full.
func (s *Server) submit(j *job) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.engine.waiting) >= s.config.Waiting {
		return nil
	}
	j.queued = time.Now().UnixNano()
	if s.engine.load() == 0 {
		s.engine.now = j.queued
	}
	st := &stream{changed: make(chan struct{}, 1)}
	s.streams[j] = st
	s.engine.submit(j)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return st
}

// leave forgets a job. One that has not ended is aborted: vLLM writes no span.
func (s *Server) leave(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.engine.waiting = slices.DeleteFunc(s.engine.waiting, func(o *job) bool { return o == j })
	if i := slices.Index(s.engine.running, j); i >= 0 {
		s.engine.kv -= j.prompt + j.generated
		s.engine.running = slices.Delete(s.engine.running, i, i+1)
	}
	delete(s.streams, j)
}

// progress returns how many tokens there are and whether they are all.
func (s *Server) progress(st *stream) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return st.generated, st.ended
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /v1/chat/completions":
		s.chat(w, r)
	case "GET /v1/models":
		writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": []any{
			map[string]any{"id": s.config.Model, "object": "model", "created": s.began / 1e9, "owned_by": "phaseline-simulate"},
		}})
	case "GET /health":
		w.WriteHeader(http.StatusOK)
	default:
		refuse(w, http.StatusNotFound, "this server has POST /v1/chat/completions, GET /v1/models and GET /health")
	}
}

type chatRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Stream        bool `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens           int `json:"max_tokens"`
	MaxCompletionTokens int `json:"max_completion_tokens"`
	N                   int `json:"n"`
}

// defaultOutput is how many tokens an answer has if the caller sets no limit.
const defaultOutput = 128

// job checks a chat request and sizes it: four bytes of text are a token.
func (c *chatRequest) job(config ServerConfig) (*job, error) {
	if len(c.Messages) == 0 {
		return nil, errors.New("messages must have at least one message")
	}
	if c.N > 1 {
		return nil, errors.New("n above 1 is not simulated")
	}
	if c.MaxTokens < 0 || c.MaxCompletionTokens < 0 {
		return nil, errors.New("max_tokens must not be negative")
	}
	k := &call{truth: &Truth{}}
	tokens, last := 0, 0
	hash := fnv.New64a()
	for i, m := range c.Messages {
		last = 4 + (len(m.Content)+3)/4
		tokens += last
		if i < 2 {
			hash.Write(m.Content)
		}
		if i == 0 {
			k.systemKey, k.systemTokens = hash.Sum64(), last
		}
	}
	k.sessionKey, k.historyTokens = hash.Sum64()^1, tokens-last
	output := c.MaxCompletionTokens
	if output == 0 {
		output = c.MaxTokens
	}
	if output == 0 {
		output = defaultOutput
	}
	if tokens+output > config.Engine.KVTokens {
		return nil, fmt.Errorf("%d input and %d output tokens are more than the KV cache holds (%d)", tokens, output, config.Engine.KVTokens)
	}
	k.truth.InputTokens = tokens
	return &job{call: k, prompt: tokens, target: output, slow: 1}, nil
}

// maxBody of a chat request in bytes.
const maxBody = 8 << 20

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now().UnixNano()
	var c chatRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&c); err != nil {
		refuse(w, http.StatusBadRequest, "the body is not a chat completion request: "+err.Error())
		return
	}
	if c.Model != "" && c.Model != s.config.Model {
		refuse(w, http.StatusNotFound, fmt.Sprintf("the model %q does not exist; this server has %q", c.Model, s.config.Model))
		return
	}
	j, err := c.job(s.config)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	st := s.submit(j)
	if st == nil {
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "the waiting queue is full: try again later")
		return
	}
	defer s.leave(j)
	s.mu.Lock()
	s.number++
	j.call.id = uint64(s.began)/1e3 + s.number
	s.mu.Unlock()

	answer := newAnswer(w, requestID(j.call), s.config.Model, c.Stream)
	var first, written int64
	for {
		select {
		case <-st.changed:
		case <-r.Context().Done():
			return
		}
		n, ended := s.progress(st)
		if first == 0 && n > 0 {
			first = time.Now().UnixNano()
		}
		if err := answer.tokens(n - int(written)); err != nil {
			return
		}
		written = int64(n)
		if ended {
			break
		}
	}
	last := time.Now().UnixNano()
	err = answer.end(j.prompt, j.generated, j.cached, c.StreamOptions.IncludeUsage)
	if err == nil && s.config.Export != nil {
		s.config.Export(s.span(j, r.Header.Get("Traceparent"), arrived, first, last))
	}
}

// answer writes a completion, in one piece or as server-sent events.
type answer struct {
	w       http.ResponseWriter
	id      string
	model   string
	stream  bool
	created int64
	text    strings.Builder
}

func newAnswer(w http.ResponseWriter, id, model string, stream bool) *answer {
	return &answer{w: w, id: id, model: model, stream: stream, created: time.Now().Unix()}
}

func (a *answer) tokens(n int) error {
	for range n {
		if !a.stream {
			a.text.WriteString("token ")
			continue
		}
		a.w.Header().Set("Content-Type", "text/event-stream")
		choice := map[string]any{"index": 0, "delta": map[string]string{"content": "token "}, "finish_reason": nil}
		if err := a.event(map[string]any{"choices": []any{choice}}); err != nil {
			return err
		}
	}
	return nil
}

func (a *answer) event(fields map[string]any) error {
	fields["id"], fields["object"], fields["created"], fields["model"] = a.id, "chat.completion.chunk", a.created, a.model
	text, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(a.w, "data: %s\n\n", text); err != nil {
		return err
	}
	return http.NewResponseController(a.w).Flush()
}

func (a *answer) end(input, output, cached int, usage bool) error {
	used := map[string]any{
		"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
		"prompt_tokens_details": map[string]int{"cached_tokens": cached},
	}
	if !a.stream {
		choice := map[string]any{"index": 0, "finish_reason": "length",
			"message": map[string]string{"role": "assistant", "content": a.text.String()}}
		writeJSON(a.w, http.StatusOK, map[string]any{"id": a.id, "object": "chat.completion", "created": a.created,
			"model": a.model, "choices": []any{choice}, "usage": used})
		return nil
	}
	choice := map[string]any{"index": 0, "delta": map[string]string{}, "finish_reason": "length"}
	if err := a.event(map[string]any{"choices": []any{choice}}); err != nil {
		return err
	}
	if usage {
		if err := a.event(map[string]any{"choices": []any{}, "usage": used}); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(a.w, "data: [DONE]\n\n")
	return err
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// refuse answers in the shape of OpenAI's errors, which client libraries read.
func refuse(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{"message": message, "type": "invalid_request_error", "code": status}})
}
