package dialect

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// maxEvents bounds the events read of one span.
const maxEvents = 4096

// events reads the span's events. Their times are compared with their own
// span's only.
func (f *draft) events(span ptrace.Span) {
	events := span.Events()
	dropped := span.DroppedEventsCount() > 0
	var first, last int64
	chunks := 0
	var connectStart int64
	var chunkRule *compiledEvent
	var attempts int64
	var attemptRule *compiledEvent
	for i := range min(events.Len(), maxEvents) {
		event := events.At(i)
		rule := f.reader.event(event.Name())
		if rule == nil {
			continue
		}
		at := unixNano(event.Timestamp())
		switch rule.does {
		case eventFirstToken:
			if dropped {
				f.droppedEvents(rule)
			} else {
				f.duration(&rule.rule, at-f.Start)
			}
		case eventChunk:
			if chunks == 0 || at < first {
				first = at
			}
			if chunks == 0 || at > last {
				last = at
			}
			chunks++
			chunkRule = rule
		case eventPreempted:
			f.Marks |= Preempted
		case eventException:
			f.exception(event)
		case eventCancelled:
			// LangSmith sends it for failures too; those have the status as well.
			if f.Status != StatusError {
				f.Status = StatusCancelled
			}
		case eventQueueStart:
			f.set(&rule.rule, at)
		case eventComputeStart:
			f.set(&rule.rule, at)
		case eventConnectStart:
			connectStart = at
		case eventConnectDone:
			if v, ok := event.Attributes().Get("http.conn.reused"); ok && v.Bool() {
				f.Marks |= reused
			}
			if connectStart > 0 && at >= connectStart {
				f.set(&rule.rule, at-connectStart)
			}
		case eventAttempt:
			attempts++
			attemptRule = rule
			if v, ok := event.Attributes().Get("attempt"); ok {
				if n, ok := readNumber(v); ok && n.isInt {
					attempts = max(attempts, n.int)
				}
			}
		case eventFinish:
			if v, ok := event.Attributes().Get("finish_reason"); ok && f.Text(FinishReason) == "" {
				f.setText(FinishReason, readText(v))
			}
		}
	}
	if attemptRule != nil && attempts <= maxCount && !f.Has(Attempt) {
		f.setNumber(Attempt, attempts, attemptRule.rule.source)
	}
	if chunkRule == nil {
		return
	}
	if dropped {
		f.droppedEvents(chunkRule)
		return
	}
	f.duration(&chunkRule.rule, first-f.Start)
	if chunks > 1 && first >= f.Start && last <= f.Start+f.Duration()+Tolerance(f.Duration()) {
		f.setNumber(FirstChunkAt, first-f.Start, chunkRule.rule.source)
		f.setNumber(LastChunkAt, last-f.Start, chunkRule.rule.source)
	}
}

// droppedEvents: SDKs keep 128 events and drop the oldest, so that the first
// one left is not the first one sent.
func (f *draft) droppedEvents(rule *compiledEvent) {
	if !f.Has(TTFT) {
		f.refuse(RefusedEvents, rule.rule.source)
	}
}

func (f *draft) exception(event ptrace.SpanEvent) {
	v, ok := event.Attributes().Get("exception.type")
	if !ok {
		return
	}
	if f.Text(ErrorType) == "" {
		f.setText(ErrorType, readText(v))
	}
}

// settle draws the conclusions that need the whole span.
func (f *draft) settle(d *Dialect) {
	if p := f.Text(Provider); p != "" {
		f.setText(Provider, normalProvider(p, d))
	}
	if f.Text(Model) == "" {
		f.setText(Model, f.Text(ResponseModel))
	}
	if path := f.Text(URLPath); path != "" {
		f.setText(URLPath, urlPath(path))
	}
	if d != nil && d.InputExcludesCache && f.Has(InputTokens) {
		// input_tokens counts only what was not cached.
		f.numbers[InputTokens].value += max(f.Number(CachedTokens), 0) + max(f.Number(CacheWriteTokens), 0)
	}
	if e := f.Text(ErrorType); e != "" && (e == "429" || strings.Contains(e, "RateLimit") || strings.Contains(e, "TooManyRequests")) {
		f.Marks |= RateLimited
	}
	if status := f.Number(HTTPStatus); status >= 400 {
		f.Status = StatusError
		if status == 429 {
			f.Marks |= RateLimited
		}
	}
	switch f.Text(FinishReason) {
	case "error":
		f.Status = StatusError
	case "cancelled", "canceled":
		if f.Status != StatusError {
			f.Status = StatusCancelled
		}
	}
	if f.Has(TTFT) {
		switch {
		case f.streaming < 0:
			// The caller of a call that is not streamed never sees a first token.
			f.refuse(RefusedTTFT, f.numbers[TTFT].source)
			f.clear(TTFT)
		case f.streaming == 0:
			f.streaming = 1
		}
	}
	if f.Refused&RefusedTruncated != 0 {
		f.clear(Queue)
		f.clear(Prefill)
		f.clear(Decode)
	}
}

func normalProvider(p string, d *Dialect) string {
	p = strings.ToLower(p)
	if d != nil && d.CutProvider && !dottedProvider(p) {
		p, _, _ = strings.Cut(p, ".") // openai.responses, anthropic.messages
	}
	switch p { // names from before semantic conventions 1.37
	case "az.ai.openai":
		return "azure.ai.openai"
	case "az.ai.inference":
		return "azure.ai.inference"
	case "vertex_ai":
		return "gcp.vertex_ai"
	case "gemini":
		return "gcp.gemini"
	case "xai":
		return "x_ai"
	}
	return p
}

// dottedProvider reports whether the dots are part of a semantic convention's name.
func dottedProvider(p string) bool {
	switch p {
	case "aws.bedrock", "azure.ai.openai", "azure.ai.inference", "gcp.gemini",
		"gcp.gen_ai", "gcp.vertex_ai", "ibm.watsonx.ai", "az.ai.openai", "az.ai.inference":
		return true
	}
	return false
}

// pathByName takes the path from the name of an HTTP span, such as POST /v1/messages,
// if no attribute told it.
func (f *draft) pathByName(name string) {
	if f.Text(URLPath) != "" {
		return
	}
	if i := strings.Index(name, " /"); i >= 0 {
		f.setText(URLPath, clip(name[i+1:]))
	}
}

// urlPath returns the path of a URL, which may already be one.
func urlPath(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return "/"
		}
		url = rest[slash:]
	}
	if end := strings.IndexAny(url, "?#"); end >= 0 {
		url = url[:end]
	}
	return url
}
