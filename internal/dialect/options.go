package dialect

import (
	"fmt"
	"sort"
	"strings"
)

// MaxAttributes is how many attributes an operator may choose as dimensions.
const MaxAttributes = 16

// Options are what an operator can add without code.
type Options struct {
	// Mappings read attributes that no dialect knows, or correct one that does.
	Mappings []Mapping
	// Attributes are span or resource attributes kept as dimensions, at most MaxAttributes.
	Attributes []string
	// TenantAttribute names the resource or span attribute that holds the tenant. Default none.
	TenantAttribute string
}

// Mapping says what an attribute means.
type Mapping struct {
	Attribute string
	// Fact is one of FactNames.
	Fact string
	// Unit is s, ms, us or ns for durations and empty otherwise.
	Unit string
}

// Validate reports the first mistake in o.
func (o Options) Validate() error {
	if len(o.Attributes) > MaxAttributes {
		return fmt.Errorf("%d attributes are chosen as dimensions, at most %d are kept: remove %d", len(o.Attributes), MaxAttributes, len(o.Attributes)-MaxAttributes)
	}
	for _, m := range o.Mappings {
		if _, _, err := m.parse(); err != nil {
			return err
		}
	}
	return nil
}

func (m Mapping) parse() (fact, Unit, error) {
	if m.Attribute == "" {
		return nil, 0, fmt.Errorf("a mapping to %q names no attribute", m.Fact)
	}
	to, ok := factNames[m.Fact]
	if !ok {
		return nil, 0, fmt.Errorf("attribute %q is mapped to the unknown fact %q: use one of %s", m.Attribute, m.Fact, strings.Join(FactNames(), ", "))
	}
	n, isNumber := to.(Number)
	if !isNumber || n >= InputTokens {
		if m.Unit != "" {
			return nil, 0, fmt.Errorf("attribute %q is mapped to %s, which has no unit: leave unit out", m.Attribute, m.Fact)
		}
		return to, Plain, nil
	}
	switch m.Unit {
	case "s":
		return to, Seconds, nil
	case "ms":
		return to, Millis, nil
	case "us":
		return to, Micros, nil
	case "ns":
		return to, Nanos, nil
	}
	return nil, 0, fmt.Errorf("attribute %q is mapped to %s with unit %q: use s, ms, us or ns", m.Attribute, m.Fact, m.Unit)
}

// FactNames lists the facts that a mapping can name.
func FactNames() []string {
	names := make([]string, 0, len(factNames))
	for name := range factNames {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

var factNames = map[string]fact{}

func init() {
	for n := range numberCount {
		switch n {
		case FirstChunkAt, LastChunkAt, QueueStartAt, ComputeStartAt:
			// These come from events only.
		default:
			factNames[n.Label()] = n
		}
	}
	for t := range textCount {
		factNames[t.Label()] = t
	}
	factNames[Streamed.Label()] = Streamed
}

var numberLabels = [numberCount]string{
	TTFT: "ttft", FirstAnswer: "first_answer", ServerTTFT: "server_ttft",
	Queue: "queue", Prefill: "prefill", Decode: "decode", Inference: "inference", EngineTotal: "engine_total",
	ServerTotal: "server_total", HeaderTotal: "header_total", ModelDuration: "model_duration", FinishAt: "finish_at",
	FirstChunkAt: "first_chunk_at", LastChunkAt: "last_chunk_at", QueueStartAt: "queue_start_at", ComputeStartAt: "compute_start_at",
	Connect: "connect", InputTokens: "input_tokens", CachedTokens: "cached_input_tokens", CacheWriteTokens: "cache_write_tokens",
	OutputTokens: "output_tokens", ReasoningTokens: "reasoning_tokens", Attempt: "attempt", Resends: "resends",
	Choices: "choices", MaxTokens: "max_tokens", HTTPStatus: "http_status",
}

// Label is the fact's name in configuration and documentation.
func (n Number) Label() string { return numberLabels[n] }

var textLabels = [textCount]string{
	Model: "model", ResponseModel: "response_model", Provider: "provider", Operation: "operation",
	ResponseID: "response_id", RequestID: "request_id", FinishReason: "finish_reason", ErrorType: "error_type",
	Session: "session", User: "user", PromptName: "prompt_name", PromptVersion: "prompt_version",
	ServerAddress: "server_address", URLPath: "url_path",
}

// Label is the fact's name in configuration and documentation.
func (t Text) Label() string { return textLabels[t] }

var signalLabels = [...]string{
	Streamed: "streaming", StreamedIfTrue: "streaming (if true)", IsCacheHit: "cache_hit (if present)",
	CacheStatus: "cache_hit (if HIT)", IsError: "error", IsCancelled: "cancelled (if true)", IsTruncated: "phase truncated", IsReused: "connection reused",
}

// Label is the fact's name in configuration and documentation.
func (s Signal) Label() string { return signalLabels[s] }
