// Package dialect reads one span, whatever instrumentation wrote it, into the
// facts that decomposition needs.
//
// A dialect is one file of tables: which scopes it is known by, which
// attributes it sends, in which unit, and what they really measure. Nothing is
// guessed from the name of an attribute: the same name means seconds in one
// instrumentation and nanoseconds in the next.
package dialect

import (
	"math/bits"
	"slices"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Number is a numeric fact. Durations are integer nanoseconds, rounded to
// nearest; the others are counts.
type Number uint8

const (
	// TTFT is the caller's time from issuing the request to the first chunk or token.
	TTFT Number = iota
	// FirstAnswer is the caller's time to the first token that is not reasoning.
	FirstAnswer
	// ServerTTFT is the server's time from arrival to the first token.
	ServerTTFT
	// Queue is waiting at the server until first scheduled.
	Queue
	// Prefill is first scheduled to first token.
	Prefill
	// Decode is first token to last token.
	Decode
	// Inference is first scheduled to last token.
	Inference
	// EngineTotal is the engine's own arrival to last token.
	EngineTotal
	// ServerTotal is the provider's own statement of its whole time.
	ServerTotal
	// HeaderTotal is a processing-time response header: the whole time only if
	// the call was not streamed, otherwise the time to the headers.
	HeaderTotal
	// ModelDuration is the caller's time with the model, without tools.
	ModelDuration
	// FinishAt is the caller's time from issuing the request to the finish part.
	FinishAt
	// FirstChunkAt and LastChunkAt are the offsets of chunk events.
	FirstChunkAt
	LastChunkAt
	// QueueStartAt and ComputeStartAt are Unix nanoseconds on the engine's clock.
	QueueStartAt
	ComputeStartAt
	// Connect is DNS, TCP and TLS.
	Connect

	// InputTokens includes cached ones.
	InputTokens
	CachedTokens
	CacheWriteTokens
	// OutputTokens includes reasoning.
	OutputTokens
	ReasoningTokens

	// Attempt is the number of the attempt that the span's TTFT belongs to, from 1.
	Attempt
	// Resends is how often the call, or this attempt of it, was sent again.
	Resends
	// Choices is how many answers were asked for (n).
	Choices
	MaxTokens
	HTTPStatus

	numberCount
)

// Text is a textual fact.
type Text uint8

const (
	Model Text = iota
	ResponseModel
	Provider
	Operation
	// ResponseID is the id of the answer as its receiver saw it.
	ResponseID
	// RequestID is the engine's id of the request, which it returns as the answer's id.
	RequestID
	FinishReason
	ErrorType
	Session
	User
	PromptName
	PromptVersion
	ServerAddress
	// URLPath is the path of an HTTP request, or its route.
	URLPath

	textCount
)

// Role is what a span can be in a decomposition; it follows from that span alone.
type Role uint8

const (
	// RoleOther spans are neither requests nor evidence; they connect others.
	RoleOther Role = iota
	// RoleLLM is a generative model call as its caller, or a gateway, saw it.
	RoleLLM
	// RoleWrapper aggregates model calls that have spans of their own.
	RoleWrapper
	// RoleEngine is a server's span of one generative request.
	RoleEngine
	// RolePart is a span below an engine's request span that carries a part of its timing.
	RolePart
	// RoleDetail is a span that only repeats its parent with the provider's raw fields.
	RoleDetail
	// RoleServer is a SERVER span that says nothing about the model.
	RoleServer
	// RoleHTTP is an HTTP CLIENT span, one attempt.
	RoleHTTP
	// RoleConnect is DNS, TCP or TLS below an HTTP attempt.
	RoleConnect
	// RoleTool is a tool run on the client's side.
	RoleTool

	// roleHTTPSide becomes RoleHTTP or RoleServer by the span's kind.
	roleHTTPSide
)

// Status is how the span says it ended.
type Status uint8

const (
	StatusUnset Status = iota
	StatusOK
	StatusError
	// StatusCancelled: the caller left; no error was recorded.
	StatusCancelled
)

// Kind says what a TTFT waited for.
type Kind uint8

const (
	KindUnknown Kind = iota
	KindFirstChunk
	KindFirstToken
	KindFirstAnswer
)

// Stage is the role of an engine that serves only a part of each request.
type Stage uint8

const (
	StageWhole Stage = iota
	StagePrefill
	StageDecode
)

// Marks are facts that are either there or not.
type Marks uint16

const (
	// Gateway: the span is of a known gateway or proxy.
	Gateway Marks = 1 << iota
	// CacheHit: a response cache answered.
	CacheHit
	// Preempted: the engine put the request back into its queue.
	Preempted
	// RateLimited: the answer was a 429 or a rate-limit error.
	RateLimited
	// ToolsBeside: sibling tool spans run inside this dialect's call spans.
	ToolsBeside
	// EndNotLastToken: the span's end does not stand for the last token.
	EndNotLastToken
	// EndsAtHeaders: the span ended when the stream began.
	EndsAtHeaders
	// PartsFirst: the engine's part spans are preferred to the attributes of its request span.
	PartsFirst
	// ArrivalClock: the engine counts from arrival, so prefill and decode are differences.
	ArrivalClock
	// StagesTogether: workers that only prefill and only decode get a request at the same time.
	StagesTogether
	// NeverClient: the gateway has no form that runs within a client.
	NeverClient
	// reused: the connection was there already.
	reused
)

// Refusals say which values on the span were not believed.
type Refusals uint8

const (
	// RefusedTTFT: what is called a TTFT does not measure one.
	RefusedTTFT Refusals = 1 << iota
	// RefusedUnit: a value is impossible for its span.
	RefusedUnit
	// RefusedEvents: events were dropped, so the first left is not the first.
	RefusedEvents
	// RefusedTruncated: the engine marked a phase as cut short.
	RefusedTruncated
	// Disagreement: two sources of one fact differ; the one with precedence was taken.
	Disagreement
	// RefusedTimes: the span ends before it starts.
	RefusedTimes

	refusalCount = iota
)

// Attribute is an operator-chosen span or resource attribute.
type Attribute struct{ Key, Value string }

// Origin is where a span comes from: what its resource and scope say.
type Origin struct {
	Service, ServiceNamespace string
	ServiceVersion            string
	Environment               string
	Instance                  string // service.instance.id
	Scope                     string
	// Engine names the inference engine of the process, if the resource or scope gives it away.
	Engine string

	attributes *[]Attribute // operator-chosen; nil if there are none
}

// choose adds attributes, to o alone.
func (o *Origin) choose(attributes ...Attribute) {
	if o.attributes != nil {
		attributes = slices.Concat(*o.attributes, attributes)
	}
	o.attributes = &attributes
}

// Facts is what one span tells. It aliases the strings of the span it was read from.
type Facts struct {
	TraceID  [16]byte
	SpanID   [8]byte
	ParentID [8]byte
	// Start and End are Unix nanoseconds on the sender's clock.
	Start, End int64
	Origin     *Origin // shared by the spans of a resource and scope
	Tenant     string
	dialect    *Dialect // that read the span, nil if none did

	Kind      ptrace.SpanKind
	Role      Role
	Stage     Stage
	Status    Status
	TTFTKind  Kind
	streaming int8
	Refused   Refusals
	Marks     Marks

	// What only some spans tell lies on a sheet shared with other spans, from
	// these places on: a number or a text for each bit that is set.
	firstNumber, firstText uint16
	has                    uint64
	sheet                  *sheet
}

// sheet is what a few spans tell, one after the other.
type sheet struct {
	reader  *Reader
	numbers [sheetSize]int64
	sources [sheetSize]sourceID // of the numbers
	texts   [sheetSize]string
}

// sheetSize makes a sheet 4 KiB: enough for several spans, and for one that tells everything.
const sheetSize = 156

// The bits of Facts.has: one for each Number, then for the source of each
// refusal, which is kept as if it were a number, then for each Text.
const (
	refusalBit = int(numberCount)
	figures    = refusalBit + refusalCount
	textBit    = figures
	numberBits = 1<<figures - 1
)

// Unknown is what Number returns when the span does not tell.
const Unknown = -1

// Number returns the fact n, or Unknown.
func (f *Facts) Number(n Number) int64 {
	if f.has&(1<<n) == 0 {
		return Unknown
	}
	return f.sheet.numbers[f.place(int(n))]
}

// Has reports whether the span tells n.
func (f *Facts) Has(n Number) bool { return f.has&(1<<n) != 0 }

// Text returns the fact t, or "".
func (f *Facts) Text(t Text) string {
	bit := textBit + int(t)
	if f.has&(1<<bit) == 0 {
		return ""
	}
	return f.sheet.texts[int(f.firstText)+bits.OnesCount64(f.has>>textBit&(1<<t-1))]
}

// place is where on the sheet the number of a bit is.
func (f *Facts) place(bit int) int {
	return int(f.firstNumber) + bits.OnesCount64(f.has&(1<<bit-1))
}

// Attributes are the operator-chosen ones, those of the resource first.
func (f *Facts) Attributes() []Attribute {
	if f.Origin.attributes == nil {
		return nil
	}
	return *f.Origin.attributes
}

// Dialect names the dialect that read the span, "" if none did.
func (f *Facts) Dialect() string {
	if f.dialect == nil {
		return ""
	}
	return f.dialect.Name
}

// Is reports whether any of the marks is set.
func (f *Facts) Is(m Marks) bool { return f.Marks&m != 0 }

// Streaming returns whether the call was streamed, and whether that is known.
func (f *Facts) Streaming() (streamed, known bool) { return f.streaming > 0, f.streaming != 0 }

// maxLength is the longest span that is believed, two years: sums of a few
// such durations do not overflow.
const maxLength = 1 << 56

// Duration is the span's length in nanoseconds, 0 if it ends before it starts
// or years after.
func (f *Facts) Duration() int64 {
	if f.End < f.Start || f.End-f.Start > maxLength {
		return 0
	}
	return f.End - f.Start
}

// Source names the attribute, event or extent that n was read from.
func (f *Facts) Source(n Number) string {
	if !f.Has(n) {
		return ""
	}
	return f.sheet.reader.sources[f.sheet.sources[f.place(int(n))]]
}

// RefusedSource names what the value that refusal tells of was read from, "" if
// it was none. Of several, it is the same one in whatever order they come.
func (f *Facts) RefusedSource(refusal Refusals) string {
	bit := refusalBit + bits.TrailingZeros8(uint8(refusal))
	if f.has&(1<<bit) == 0 {
		return ""
	}
	return f.sheet.reader.sources[f.sheet.sources[f.place(bit)]]
}
