package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Delays of the fake OpenAI server, counted from the arrival of a request.
const (
	headersAfter    = 30 * time.Millisecond
	roleChunkAfter  = 150 * time.Millisecond // a chunk that carries no text
	firstTokenAfter = 400 * time.Millisecond
	tokenEvery      = 20 * time.Millisecond
	tokens          = 20
	promptTokens    = 123
	cachedTokens    = 64

	lastTokenAfter = firstTokenAfter + (tokens-1)*tokenEvery
)

const usage = `{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}}`

// fakeOpenAI answers POST …/chat/completions with the delays above, streamed
// or at once as the request asks.
func fakeOpenAI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		arrival := time.Now()
		body, err := io.ReadAll(r.Body)
		var request struct {
			Stream bool `json:"stream"`
		}
		if err != nil || json.Unmarshal(body, &request) != nil {
			http.Error(w, "not a chat completion request", http.StatusBadRequest)
			return
		}
		until := func(after time.Duration) { time.Sleep(time.Until(arrival.Add(after))) }
		usage := fmt.Sprintf(usage, promptTokens, tokens, promptTokens+tokens, cachedTokens)
		if !request.Stream {
			until(lastTokenAfter)
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"fake-model","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":%s}`, usage)
			return
		}
		send := func(choices, usage string) {
			fmt.Fprintf(w, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"fake-model","choices":[%s],"usage":%s}`+"\n\n", choices, usage)
			w.(http.Flusher).Flush()
		}
		until(headersAfter)
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		until(roleChunkAfter)
		send(`{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}`, "null")
		for i := range tokens {
			until(firstTokenAfter + time.Duration(i)*tokenEvery)
			send(`{"index":0,"delta":{"content":"a "},"finish_reason":null}`, "null")
		}
		send(`{"index":0,"delta":{},"finish_reason":"stop"}`, "null")
		send("", usage)
		fmt.Fprint(w, "data: [DONE]\n\n")
	})
	return mux
}
