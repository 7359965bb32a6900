package query

import (
	"encoding/hex"
	"time"
)

// Requests asks for a page of requests.
type Requests struct {
	Scope
	// Sort is end, start, or a metric; a leading "-" means descending. Default -end.
	Sort string `json:"sort,omitempty"`
	// Selection narrows further, to a rectangle of the heatmap.
	Selection *Rectangle `json:"selection,omitempty"`
	Limit     int        `json:"limit,omitempty"` // default 50
	Cursor    string     `json:"cursor,omitempty"`
}

// RequestsAnswer is one page. Requests without the sorted metric are left out.
type RequestsAnswer struct {
	Range    Range     `json:"range"`
	Requests []Request `json:"requests"`
	// Next continues after the last request; empty on the last page.
	Next string `json:"next_cursor"`
}

// RequestID names one request.
type RequestID struct {
	Tenant  string `json:"tenant,omitempty"`
	TraceID string `json:"trace_id"` // 32 hex digits
	SpanID  string `json:"span_id"`  // 16 hex digits; empty asks for all of the trace
}

// Provenances says what each number rests on: measured, derived, estimated or
// unknown.
type Provenances struct {
	Network string `json:"network"`
	Queue   string `json:"queue"`
	Prefill string `json:"prefill"`
	Decode  string `json:"decode"`
	TTFT    string `json:"ttft"`
}

// Hop is one leg of the network time.
type Hop struct {
	Hop string `json:"hop"`
	NS  int64  `json:"ns"`
}

// Request is one stored request; see internal/phase.Request for the meaning of
// each field.
type Request struct {
	TraceID          string    `json:"trace_id"`
	SpanID           string    `json:"span_id"`
	Tenant           string    `json:"tenant,omitempty"`
	Start            time.Time `json:"start"`
	End              time.Time `json:"end"`
	ServiceNamespace string    `json:"service_namespace,omitempty"`
	Service          string    `json:"service"`
	Version          string    `json:"version"`
	Environment      string    `json:"environment"`
	Operation        string    `json:"operation"`
	Model            string    `json:"model"`
	ResponseModel    string    `json:"response_model,omitempty"`
	Provider         string    `json:"provider"`
	Engine           string    `json:"engine"`
	ServerAddress    string    `json:"server_address"`
	Dialect          string    `json:"dialect"`
	Streaming        *bool     `json:"streaming"`
	Outcome          string    `json:"outcome"`
	Vantage          string    `json:"vantage"`
	ErrorType        string    `json:"error_type,omitempty"`
	FinishReason     string    `json:"finish_reason,omitempty"`
	Session          string    `json:"session,omitempty"`
	User             string    `json:"user,omitempty"`
	PromptName       string    `json:"prompt_name,omitempty"`
	PromptVersion    string    `json:"prompt_version,omitempty"`

	TotalNS        int64  `json:"total_ns"`
	NetworkNS      *int64 `json:"network_ns"`
	QueueNS        *int64 `json:"queue_ns"`
	PrefillNS      *int64 `json:"prefill_ns"`
	DecodeNS       *int64 `json:"decode_ns"`
	UnattributedNS int64  `json:"unattributed_ns"`

	TTFTNS        *int64 `json:"ttft_ns"`
	TTFTKind      string `json:"ttft_kind"`
	TTFTSource    string `json:"ttft_source"`
	TTFTNetworkNS *int64 `json:"ttft_network_ns"`
	TTFTQueueNS   *int64 `json:"ttft_queue_ns"`
	TTFTPrefillNS *int64 `json:"ttft_prefill_ns"`
	TTFTRestNS    *int64 `json:"ttft_rest_ns"`

	FirstAnswerNS *int64 `json:"first_answer_ns"`
	ServerNS      *int64 `json:"server_ns"`
	ServerTTFTNS  *int64 `json:"server_ttft_ns"`
	RetryNS       *int64 `json:"retry_ns"`
	ConnectNS     *int64 `json:"connect_ns"`
	NetworkHops   []Hop  `json:"network_hops_ns,omitempty"`
	TPOTNS        *int64 `json:"tpot_ns"`

	InputTokens       *int64 `json:"input_tokens"`
	CachedInputTokens *int64 `json:"cached_input_tokens"`
	OutputTokens      *int64 `json:"output_tokens"`
	ReasoningTokens   *int64 `json:"reasoning_tokens"`

	Provenance Provenances       `json:"provenance"`
	Flags      []string          `json:"flags"`
	Attributes map[string]string `json:"attributes"`
}

// hexadecimal is an id as answers write it, scanned from its bytes.
type hexadecimal string

// UnmarshalBinary makes the driver hand the bytes over.
func (h *hexadecimal) UnmarshalBinary(raw []byte) error {
	*h = hexadecimal(hex.EncodeToString(raw))
	return nil
}

// versioned is one version of a request, with what is stored of it besides.
type versioned struct {
	Request
	version uint64
	deleted uint8

	hops       []string
	hopLengths []int64
	split      bool // the parts of TTFT do not exceed it
	// Where the network time does not give the server's; unknownTime: unknown.
	server, serverTTFT *int64
}

const unknownTime = -1

// complete computes what follows from other columns. The table has it as ALIAS columns,
// which cost a statement more to analyse than all else of it.
func (v *versioned) complete() {
	r := &v.Request
	r.Start, r.End = r.End.Add(-time.Duration(r.TotalNS)).UTC(), r.End.UTC()
	r.UnattributedNS = r.TotalNS - orZero(r.NetworkNS) - orZero(r.QueueNS) - orZero(r.PrefillNS) - orZero(r.DecodeNS)
	if v.split {
		r.TTFTQueueNS, r.TTFTPrefillNS = r.QueueNS, r.PrefillNS
		if r.TTFTNS != nil {
			r.TTFTRestNS = new(*r.TTFTNS - orZero(r.TTFTNetworkNS) - orZero(r.QueueNS) - orZero(r.PrefillNS))
		}
	}
	switch {
	case v.server == nil && r.NetworkNS != nil:
		r.ServerNS = new(r.TotalNS - orZero(r.RetryNS) - *r.NetworkNS)
	case v.server != nil && *v.server != unknownTime:
		r.ServerNS = v.server
	}
	switch {
	case v.serverTTFT == nil && r.TTFTNS != nil && r.TTFTNetworkNS != nil:
		r.ServerTTFTNS = new(*r.TTFTNS - *r.TTFTNetworkNS)
	case v.serverTTFT != nil && *v.serverTTFT != unknownTime:
		r.ServerTTFTNS = v.serverTTFT
	}
	for i, hop := range v.hops {
		r.NetworkHops = append(r.NetworkHops, Hop{hop, v.hopLengths[i]})
	}
}

// orZero is a duration, 0 if it is unknown.
func orZero(ns *int64) int64 {
	if ns == nil {
		return 0
	}
	return *ns
}

type requestColumn struct {
	sql  fragment
	dest func(*versioned) any
}

// requestColumns says where each column of a request goes. They are selected as
// they are, since each function would be analysed with every statement.
var requestColumns = []requestColumn{
	{"trace_id", func(r *versioned) any { return (*hexadecimal)(&r.TraceID) }},
	{"span_id", func(r *versioned) any { return (*hexadecimal)(&r.SpanID) }},
	{"tenant", func(r *versioned) any { return &r.Tenant }},
	{"end", func(r *versioned) any { return &r.End }},
	{"service_namespace", func(r *versioned) any { return &r.ServiceNamespace }},
	{"service", func(r *versioned) any { return &r.Service }},
	{"version_name", func(r *versioned) any { return &r.Version }},
	{"environment", func(r *versioned) any { return &r.Environment }},
	{"operation", func(r *versioned) any { return &r.Operation }},
	{"model", func(r *versioned) any { return &r.Model }},
	{"response_model", func(r *versioned) any { return &r.ResponseModel }},
	{"provider", func(r *versioned) any { return &r.Provider }},
	{"engine", func(r *versioned) any { return &r.Engine }},
	{"server_address", func(r *versioned) any { return &r.ServerAddress }},
	{"dialect", func(r *versioned) any { return &r.Dialect }},
	{"streaming", func(r *versioned) any { return &r.Streaming }},
	{"outcome", func(r *versioned) any { return &r.Outcome }},
	{"vantage", func(r *versioned) any { return &r.Vantage }},
	{"error_type", func(r *versioned) any { return &r.ErrorType }},
	{"finish_reason", func(r *versioned) any { return &r.FinishReason }},
	{"session", func(r *versioned) any { return &r.Session }},
	{"user", func(r *versioned) any { return &r.User }},
	{"prompt_name", func(r *versioned) any { return &r.PromptName }},
	{"prompt_version", func(r *versioned) any { return &r.PromptVersion }},
	{"total_ns", func(r *versioned) any { return &r.TotalNS }},
	{"network_ns", func(r *versioned) any { return &r.NetworkNS }},
	{"queue_ns", func(r *versioned) any { return &r.QueueNS }},
	{"prefill_ns", func(r *versioned) any { return &r.PrefillNS }},
	{"decode_ns", func(r *versioned) any { return &r.DecodeNS }},
	{"ttft_ns", func(r *versioned) any { return &r.TTFTNS }},
	{"ttft_kind", func(r *versioned) any { return &r.TTFTKind }},
	{"ttft_source", func(r *versioned) any { return &r.TTFTSource }},
	{"ttft_network_ns", func(r *versioned) any { return &r.TTFTNetworkNS }},
	{"first_answer_ns", func(r *versioned) any { return &r.FirstAnswerNS }},
	{"retry_ns", func(r *versioned) any { return &r.RetryNS }},
	{"connect_ns", func(r *versioned) any { return &r.ConnectNS }},
	{"tpot_ns", func(r *versioned) any { return &r.TPOTNS }},
	{"input_tokens", func(r *versioned) any { return &r.InputTokens }},
	{"cached_input_tokens", func(r *versioned) any { return &r.CachedInputTokens }},
	{"output_tokens", func(r *versioned) any { return &r.OutputTokens }},
	{"reasoning_tokens", func(r *versioned) any { return &r.ReasoningTokens }},
	{"network_provenance", func(r *versioned) any { return &r.Provenance.Network }},
	{"queue_provenance", func(r *versioned) any { return &r.Provenance.Queue }},
	{"prefill_provenance", func(r *versioned) any { return &r.Provenance.Prefill }},
	{"decode_provenance", func(r *versioned) any { return &r.Provenance.Decode }},
	{"ttft_provenance", func(r *versioned) any { return &r.Provenance.TTFT }},
	{"flags", func(r *versioned) any { return &r.Flags }},
	{"attributes", func(r *versioned) any { return &r.Attributes }},
	{"hops.hop", func(r *versioned) any { return &r.hops }},
	{"hops.ns", func(r *versioned) any { return &r.hopLengths }},
	{"ttft_is_split", func(r *versioned) any { return &r.split }},
	{"server_other_ns", func(r *versioned) any { return &r.server }},
	{"server_ttft_other_ns", func(r *versioned) any { return &r.serverTTFT }},
	{"version", func(r *versioned) any { return &r.version }},
	{"is_deleted", func(r *versioned) any { return &r.deleted }},
}
