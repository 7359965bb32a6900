package simulate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// answer writes a completion as vLLM does, in one piece or as server-sent events.
type answer struct {
	w             http.ResponseWriter
	model         string
	job           *job
	stream, usage bool
	created       int64
	written       int
}

func newAnswer(w http.ResponseWriter, model string, j *job, stream, usage bool) *answer {
	return &answer{w: w, model: model, job: j, stream: stream, usage: usage, created: time.Now().Unix()}
}

// begin sends the headers of a stream, which do not wait for a token.
func (a *answer) begin() error {
	if !a.stream {
		return nil
	}
	a.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	a.w.WriteHeader(http.StatusOK)
	return a.flush()
}

// token is what every token reads like: what is said is filler.
const token = "token "

// tokens sends n more.
func (a *answer) tokens(n int) error {
	for range n {
		first := a.written == 0
		a.written++
		if !a.stream {
			continue
		}
		if first && !a.job.call.text {
			if err := a.event(a.choice("delta", map[string]string{"role": "assistant", "content": ""}, nil), nil); err != nil {
				return err
			}
		}
		if err := a.event(a.piece(token, nil), nil); err != nil {
			return err
		}
	}
	return nil
}

// end says why the answer ends, and what it took.
func (a *answer) end() error {
	input, output := a.job.prompt, a.job.generated
	used := map[string]any{
		"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
		"prompt_tokens_details": map[string]int{"cached_tokens": a.job.cached},
	}
	reason := "stop"
	if a.job.call.limit > 0 {
		reason = "length"
	}
	if !a.stream {
		text := strings.Repeat(token, a.written)
		object, choice := "chat.completion", a.choice("message", map[string]string{"role": "assistant", "content": text}, reason)
		if a.job.call.text {
			object, choice = "text_completion", a.piece(text, reason)
		}
		writeJSON(a.w, http.StatusOK, a.body(object, []any{choice}, used))
		return nil
	}
	if err := a.event(a.piece("", reason), nil); err != nil {
		return err
	}
	if a.usage {
		if err := a.event(nil, used); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprint(a.w, "data: [DONE]\n\n"); err != nil {
		return err
	}
	return a.flush()
}

// piece is a choice with a part of the text.
func (a *answer) piece(text string, reason any) map[string]any {
	if a.job.call.text {
		return a.choice("text", text, reason)
	}
	delta := map[string]string{}
	if text != "" {
		delta["content"] = text
	}
	return a.choice("delta", delta, reason)
}

func (a *answer) choice(key string, value, reason any) map[string]any {
	return map[string]any{"index": 0, key: value, "logprobs": nil, "finish_reason": reason}
}

func (a *answer) body(object string, choices []any, usage map[string]any) map[string]any {
	body := map[string]any{"id": requestID(a.job.call), "object": object, "created": a.created, "model": a.model, "choices": choices}
	if usage != nil {
		body["usage"] = usage
	}
	return body
}

// event sends a choice, or the usage that stands alone.
func (a *answer) event(choice, usage map[string]any) error {
	object, choices := "chat.completion.chunk", []any{}
	if a.job.call.text {
		object = "text_completion"
	}
	if choice != nil {
		choices = append(choices, choice)
	}
	text, err := json.Marshal(a.body(object, choices, usage))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(a.w, "data: %s\n\n", text); err != nil {
		return err
	}
	return a.flush()
}

func (a *answer) flush() error { return http.NewResponseController(a.w).Flush() }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// refuse answers in the shape of OpenAI's errors, which client libraries read.
func refuse(w http.ResponseWriter, status int, message string) {
	kind := "invalid_request_error"
	if status >= http.StatusInternalServerError {
		kind = "server_error"
	}
	writeJSON(w, status, map[string]any{"error": map[string]any{"message": message, "type": kind, "code": status}})
}
