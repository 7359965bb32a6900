// Package phase decomposes the spans of one trace into LLM requests whose
// time is split into network, queue, prefill, decode and a remainder.
//
// The package is pure: it reads no clock, does no I/O and logs nothing, so the
// same set of spans gives the same requests in any order and however often.
package phase

// Revision counts changes of the decomposition rules. It is the low part of a
// stored row's version, so that rows written under newer rules win.
const Revision = 1

// Duration is a non-negative length of time in integer nanoseconds, or Unknown.
type Duration int64

// Unknown marks a duration or a count for which there is no evidence. It is
// never shown as a number: it is null in JSON and NULL in ClickHouse.
const Unknown = -1

// Known reports whether d is a duration rather than Unknown.
func (d Duration) Known() bool { return d >= 0 }

// Provenance says what a number rests on.
type Provenance uint8

const (
	// ProvenanceUnknown: there is no number.
	ProvenanceUnknown Provenance = iota
	// ProvenanceMeasured: one value, one span's duration, or two timestamps of
	// one clock that bracket exactly that phase.
	ProvenanceMeasured
	// ProvenanceDerived: arithmetic over independent evidence.
	ProvenanceDerived
	// ProvenanceEstimated: rests on an assumption. Phaseline makes none by default.
	ProvenanceEstimated
)

// Vantage is where a request's total was observed.
type Vantage uint8

const (
	VantageClient Vantage = iota
	VantageGateway
	VantageServer
)

// Outcome is how a request ended.
type Outcome uint8

const (
	OutcomeOK Outcome = iota
	OutcomeError
	OutcomeCancelled
	OutcomeCacheHit
)

// TTFTKind says what the first thing was that the observer's TTFT waited for.
type TTFTKind uint8

const (
	TTFTKindUnknown TTFTKind = iota
	TTFTKindFirstChunk
	TTFTKindFirstToken
	TTFTKindFirstAnswerToken
)

// Tri is a truth value that may be unknown.
type Tri int8

const (
	TriUnknown Tri = iota
	TriFalse
	TriTrue
)

// Provenances holds the provenance of each phase and of TTFT.
type Provenances struct {
	Network, Queue, Prefill, Decode, TTFT Provenance
}

// Hop is one leg of the network time, for example client_to_gateway.
type Hop struct {
	Name string   `json:"hop"`
	NS   Duration `json:"ns"`
}

// Attribute is an operator-chosen span attribute kept as a dimension.
type Attribute struct{ Key, Value string }

// Request is one generative LLM call as its most upstream observer saw it.
//
// Network + Queue + Prefill + Decode + Unattributed = Total, exactly, an
// unknown phase counting as nothing.
type Request struct {
	TraceID [16]byte
	SpanID  [8]byte

	Tenant           string
	ServiceNamespace string
	Service          string
	ServiceVersion   string // service.version
	Environment      string // deployment.environment.name
	Start, End       int64  // Unix nanoseconds on the observer's clock

	Operation     string // chat, text_completion, generate_content
	Model         string
	ResponseModel string
	Provider      string
	Engine        string // vllm, sglang, tgi, … when a span of the engine was seen
	ServerAddress string
	Streaming     Tri
	Outcome       Outcome
	Vantage       Vantage
	CacheHit      bool // answered by a response cache, no model ran
	ErrorType     string
	FinishReason  string
	Session       string
	User          string
	PromptName    string
	PromptVersion string

	// Phases of the total.
	Total, Network, Queue, Prefill, Decode, Unattributed Duration

	// TTFT as the observer at Vantage saw it, and its parts:
	// TTFT = TTFTNetwork + TTFTQueue + TTFTPrefill + TTFTRest.
	TTFT                                          Duration
	TTFTKind                                      TTFTKind
	TTFTSource                                    string // the attribute or event it was read from
	TTFTNetwork, TTFTQueue, TTFTPrefill, TTFTRest Duration
	FirstAnswer                                   Duration // to the first token that is not reasoning

	Server     Duration // the server window S
	ServerTTFT Duration
	Retry      Duration // time before the last attempt started
	Connect    Duration // DNS, TCP and TLS; a part of Network
	Hops       []Hop    // parts of Network

	// Token counts, Unknown where the instrumentation sends none.
	InputTokens       int64 // cached tokens included
	CachedInputTokens int64
	OutputTokens      int64 // reasoning tokens included
	ReasoningTokens   int64
	TPOT              Duration // Decode / (OutputTokens - 1)

	Provenance Provenances
	Flags      Flags
	Dialect    string // the dialect that read the anchoring span
	Attributes []Attribute

	// Version orders rows of one request: distinct spans of the trace × 1000 + Revision.
	Version uint64
}

// Tombstone says that a span that could anchor a request does not. It carries
// the sort key of the row that it deletes.
type Tombstone struct {
	TraceID [16]byte
	SpanID  [8]byte
	Tenant  string
	Service string
	End     int64 // Unix nanoseconds
	Version uint64
}
