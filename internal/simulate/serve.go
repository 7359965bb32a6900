package simulate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
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

// Server answers /v1/chat/completions and /v1/completions, streamed or not, and
// /v1/models at the speed of its engine, in real time. What it says is filler; when it says it is
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
	s.number++
	j.call.id = uint64(s.began)/1e3 + s.number
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
		s.complete(w, r, false)
	case "POST /v1/completions":
		s.complete(w, r, true)
	case "GET /v1/models":
		writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": []any{
			map[string]any{"id": s.config.Model, "object": "model", "created": s.began / 1e9, "owned_by": "phaseline-simulate"},
		}})
	case "GET /health":
		w.WriteHeader(http.StatusOK)
	default:
		refuse(w, http.StatusNotFound, "this server has POST /v1/chat/completions, POST /v1/completions, GET /v1/models and GET /health")
	}
}

// completionRequest is a chat, or the prompt of a text completion.
type completionRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Prompt        json.RawMessage `json:"prompt"`
	Stream        bool            `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens           int `json:"max_tokens"`
	MaxCompletionTokens int `json:"max_completion_tokens"`
	N                   int `json:"n"`
}

// How many tokens an answer has if the caller sets no limit.
const (
	defaultChat = 128
	defaultText = 16 // as in OpenAI's API
)

// job checks a request and sizes it: four bytes of text are a token.
func (c *completionRequest) job(config ServerConfig, text bool) (*job, error) {
	if c.N > 1 {
		return nil, errors.New("n above 1 is not simulated")
	}
	if c.MaxTokens < 0 || c.MaxCompletionTokens < 0 {
		return nil, errors.New("max_tokens must not be negative")
	}
	k := &call{truth: &Truth{}, text: text, limit: cmp.Or(c.MaxCompletionTokens, c.MaxTokens)}
	output := cmp.Or(k.limit, defaultChat)
	var err error
	if text {
		output = cmp.Or(k.limit, defaultText)
		err = c.prompt(k)
	} else {
		err = c.conversation(k)
	}
	if err != nil {
		return nil, err
	}
	tokens := k.truth.InputTokens
	if tokens+output > config.Engine.KVTokens {
		return nil, fmt.Errorf("%d input and %d output tokens are more than the KV cache holds (%d)", tokens, output, config.Engine.KVTokens)
	}
	return &job{call: k, prompt: tokens, target: output, slow: 1}, nil
}

// conversation sizes a chat. Its first message is a prefix that other chats may
// share, all but the last one what this chat has already sent.
func (c *completionRequest) conversation(k *call) error {
	if len(c.Messages) == 0 {
		return errors.New("messages must have at least one message")
	}
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
	k.truth.InputTokens = tokens
	return nil
}

// prompt sizes a text completion: a text, or a list of token numbers. The same
// prompt again is found in the prefix cache.
func (c *completionRequest) prompt(k *call) error {
	var text string
	var numbers []int
	switch {
	case json.Unmarshal(c.Prompt, &text) == nil && text != "":
		k.truth.InputTokens = (len(text) + 3) / 4
	case json.Unmarshal(c.Prompt, &numbers) == nil && len(numbers) > 0:
		k.truth.InputTokens = len(numbers)
	default:
		return errors.New("prompt must be one text or one list of tokens")
	}
	hash := fnv.New64a()
	hash.Write(c.Prompt)
	k.sessionKey, k.historyTokens = hash.Sum64(), k.truth.InputTokens
	return nil
}

// maxBody of a request in bytes.
const maxBody = 8 << 20

func (s *Server) complete(w http.ResponseWriter, r *http.Request, text bool) {
	arrived := time.Now().UnixNano()
	var c completionRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&c); err != nil {
		refuse(w, http.StatusBadRequest, "the body is not a completion request: "+err.Error())
		return
	}
	if c.Model != "" && c.Model != s.config.Model {
		refuse(w, http.StatusNotFound, fmt.Sprintf("the model %q does not exist; this server has %q", c.Model, s.config.Model))
		return
	}
	j, err := c.job(s.config, text)
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

	a := newAnswer(w, s.config.Model, j, c.Stream, c.StreamOptions.IncludeUsage)
	if err := a.begin(); err != nil {
		return
	}
	var first int64
	written := 0
	for ended := false; !ended; {
		select {
		case <-st.changed:
		case <-r.Context().Done():
			return
		}
		var n int
		if n, ended = s.progress(st); first == 0 && n > 0 {
			first = time.Now().UnixNano()
		}
		if err := a.tokens(n - written); err != nil {
			return
		}
		written = n
	}
	last := time.Now().UnixNano()
	if err := a.end(); err == nil && s.config.Export != nil {
		s.config.Export(s.span(j, r.Header.Get("Traceparent"), arrived, first, last))
	}
}
