// Package simulate is an LLM serving system whose every request's true phases
// are known: applications in several regions, gateways, and engines that batch
// continuously. It speaks as real senders do, in their dialects, with their
// separate clocks and exporters, so what Phaseline makes of the spans can be
// held against what truly happened.
//
// The same seed gives the same requests and the same spans. Time is virtual:
// two weeks take seconds, and a live stream is virtual time released by a clock.
package simulate

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Unknown is a duration that does not exist, such as the TTFT of an answer
// that was not streamed.
const Unknown = -1

// Dialect is an instrumentation's way of writing a call down.
type Dialect string

// Client dialects.
const (
	Semconv       Dialect = "otel-semconv"  // OpenTelemetry's own GenAI instrumentation, Python
	OpenLLMetry   Dialect = "openllmetry"   // Traceloop's, Python
	OpenInference Dialect = "openinference" // Arize's, Python, under LangChain
	VercelAI      Dialect = "vercel-ai"     // the AI SDK, version 6
	PlainHTTP     Dialect = "plain-http"    // otelhttp and httptrace in Go, nothing that knows LLMs
)

// Gateway and server dialects.
const (
	LiteLLMv1 Dialect = "litellm-v1"
	LiteLLMv2 Dialect = "litellm-v2"
	EnvoyAI   Dialect = "envoy-ai-gateway"

	VLLM        Dialect = "vllm"
	VLLMFastAPI Dialect = "vllm-fastapi" // vLLM with FastAPI's instrumentation in its process
	SGLang      Dialect = "sglang"
	Hosted      Dialect = "hosted" // a provider that sends no spans
	NoDialect   Dialect = "-"
)

// Outcome is how a request ended.
type Outcome uint8

const (
	OK Outcome = iota
	Failed
	Cancelled
	CacheHit
)

// Roles is the set of spans that carry evidence about one request.
type Roles uint16

const (
	RoleClient     Roles = 1 << iota // the anchor: the client's LLM span, or its HTTP span in PlainHTTP
	RoleAttempt                      // HTTP attempts under the client's span
	RoleGateway                      // the gateway's SERVER or LLM span
	RoleServerHTTP                   // the HTTP SERVER span of the engine's process
	RoleEngine                       // llm_request, or SGLang's root span
	RoleQueue                        // SGLang's slices
	RolePrefill
	RoleDecode
)

// Truth is what happened to one request. Durations are integer nanoseconds of
// true time, Unknown where the thing does not exist.
type Truth struct {
	TraceID pcommon.TraceID
	SpanID  pcommon.SpanID // the span a complete trace is anchored at

	Client, Gateway, Server         Dialect
	Service, Version, Region, Model string
	Streaming                       bool
	Outcome                         Outcome
	Start, End                      int64 // Unix nanoseconds of true time
	InputTokens, CachedTokens       int
	OutputTokens                    int
	Attempts, Preemptions           int
	Total, Retry                    int64
	Network                         int64 // outside the engine's HTTP server, gateway included
	ServerTime                      int64 // inside it
	BeforeSpan, AfterSpan           int64 // parts of ServerTime outside the engine's own span
	Queue, Prefill, Decode          int64 // in the engine's core
	TTFT, ServerTTFT, ClientDecode  int64 // as each side sees it
	GatewayTime                     int64
	ToolInside                      bool // a client-side tool ran inside the client's span

	Emitted, Lost Roles
}

// Delivery is one export request as it reaches the receiver.
type Delivery struct {
	At       int64 // Unix nanoseconds of true time
	Exporter string
	Traces   ptrace.Traces // shared with a duplicate: read only
}

// call is a request under way: its truth and the true instants it passes.
type call struct {
	truth   *Truth
	client  *clientState
	gateway *gatewayState
	pool    *poolState
	replica int
	region  *Region

	user, session            string
	systemKey, sessionKey    uint64
	systemTokens             int
	historyTokens            int
	slowdown                 float64
	id                       uint64
	text                     bool // a text completion, not a chat
	limit                    int  // tokens the caller allows at most; 0: it does not say
	connect                  connectTimes
	failures                 []attempt // attempts before the last
	sent                     int64     // the last attempt leaves the client
	gatewayStart, gatewayEnd int64
	serverStart, serverEnd   int64
	spanStart, spanEnd       int64 // of the engine's own span
	queued, scheduled        int64
	first, last              int64 // tokens, in the engine core
	frontFirst, frontLast    int64 // tokens, in the engine's frontend
	clientFirst, clientLast  int64
	errorType                string
	status                   int
}

// attempt is one try that failed.
type attempt struct {
	start, end int64
	status     int
}

// connectTimes are the parts of opening a connection; zero on a reused one.
type connectTimes struct{ dns, tcp, tls int64 }

func (c connectTimes) total() int64 { return c.dns + c.tcp + c.tls }
