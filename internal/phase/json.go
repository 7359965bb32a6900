package phase

import (
	"encoding/hex"
	"encoding/json"
	"time"
)

// requestJSON is a row of `phaseline decompose --json`. Keys up to provenance
// are always there, null when unknown; the others are left out when they say
// nothing.
type requestJSON struct {
	SpanID       string         `json:"span_id"`
	TraceID      string         `json:"trace_id"`
	Model        *string        `json:"model"`
	Provider     *string        `json:"provider"`
	Streaming    *bool          `json:"streaming"`
	Total        Duration       `json:"total_ns"`
	Network      *int64         `json:"network_ns"`
	Queue        *int64         `json:"queue_ns"`
	Prefill      *int64         `json:"prefill_ns"`
	Decode       *int64         `json:"decode_ns"`
	Unattributed Duration       `json:"unattributed_ns"`
	TTFT         *int64         `json:"ttft_ns"`
	InputTokens  *int64         `json:"input_tokens"`
	OutputTokens *int64         `json:"output_tokens"`
	Provenance   provenanceJSON `json:"provenance"`

	CachedInputTokens int64    `json:"cached_input_tokens,omitempty"`
	ReasoningTokens   int64    `json:"reasoning_tokens,omitempty"`
	TPOT              *int64   `json:"tpot_ns,omitempty"`
	TTFTKind          string   `json:"ttft_kind,omitempty"`
	TTFTSource        string   `json:"ttft_source,omitempty"`
	TTFTNetwork       *int64   `json:"ttft_network_ns,omitempty"`
	TTFTQueue         *int64   `json:"ttft_queue_ns,omitempty"`
	TTFTPrefill       *int64   `json:"ttft_prefill_ns,omitempty"`
	TTFTRest          *int64   `json:"ttft_rest_ns,omitempty"`
	FirstAnswer       *int64   `json:"first_answer_ns,omitempty"`
	Server            *int64   `json:"server_ns,omitempty"`
	ServerTTFT        *int64   `json:"server_ttft_ns,omitempty"`
	Retry             *int64   `json:"retry_ns,omitempty"`
	Connect           *int64   `json:"connect_ns,omitempty"`
	Hops              []Hop    `json:"network_hops_ns,omitempty"`
	Engine            string   `json:"engine,omitempty"`
	CacheHit          bool     `json:"cache_hit,omitempty"`
	Operation         string   `json:"operation,omitempty"`
	ResponseModel     string   `json:"response_model,omitempty"`
	ServerAddress     string   `json:"server_address,omitempty"`
	ErrorType         string   `json:"error_type,omitempty"`
	FinishReason      string   `json:"finish_reason,omitempty"`
	Session           string   `json:"session,omitempty"`
	User              string   `json:"user,omitempty"`
	PromptName        string   `json:"prompt_name,omitempty"`
	PromptVersion     string   `json:"prompt_version,omitempty"`
	Flags             []string `json:"flags,omitempty"`

	Service          string            `json:"service,omitempty"`
	ServiceNamespace string            `json:"service_namespace,omitempty"`
	Version          string            `json:"service_version,omitempty"`
	Environment      string            `json:"environment,omitempty"`
	Tenant           string            `json:"tenant,omitempty"`
	Attributes       map[string]string `json:"attributes,omitempty"`
	Vantage          string            `json:"vantage"`
	Outcome          string            `json:"outcome"`
	Dialect          string            `json:"dialect,omitempty"`
	Start            time.Time         `json:"start"`
	End              time.Time         `json:"end"`
}

type provenanceJSON struct {
	Network string `json:"network"`
	Queue   string `json:"queue"`
	Prefill string `json:"prefill"`
	Decode  string `json:"decode"`
	TTFT    string `json:"ttft"`
}

// MarshalJSON gives the row's JSON: durations as integer _ns, unknown as null.
func (r Request) MarshalJSON() ([]byte, error) {
	row := requestJSON{
		SpanID:       hex.EncodeToString(r.SpanID[:]),
		TraceID:      hex.EncodeToString(r.TraceID[:]),
		Model:        textOrNull(r.Model),
		Provider:     textOrNull(r.Provider),
		Streaming:    r.Streaming.Bool(),
		Total:        r.Total,
		Network:      r.Network.orNull(),
		Queue:        r.Queue.orNull(),
		Prefill:      r.Prefill.orNull(),
		Decode:       r.Decode.orNull(),
		Unattributed: r.Unattributed,
		TTFT:         r.TTFT.orNull(),
		InputTokens:  Duration(r.InputTokens).orNull(),
		OutputTokens: Duration(r.OutputTokens).orNull(),
		Provenance: provenanceJSON{
			Network: r.Provenance.Network.String(),
			Queue:   r.Provenance.Queue.String(),
			Prefill: r.Provenance.Prefill.String(),
			Decode:  r.Provenance.Decode.String(),
			TTFT:    r.Provenance.TTFT.String(),
		},
		CachedInputTokens: max(r.CachedInputTokens, 0),
		ReasoningTokens:   max(r.ReasoningTokens, 0),
		TPOT:              r.TPOT.orNull(),
		TTFTSource:        r.TTFTSource,
		TTFTNetwork:       r.TTFTNetwork.orNull(),
		TTFTQueue:         r.TTFTQueue.orNull(),
		TTFTPrefill:       r.TTFTPrefill.orNull(),
		TTFTRest:          r.TTFTRest.orNull(),
		FirstAnswer:       r.FirstAnswer.orNull(),
		Server:            r.Server.orNull(),
		ServerTTFT:        r.ServerTTFT.orNull(),
		Retry:             r.Retry.orNull(),
		Connect:           r.Connect.orNull(),
		Hops:              r.Hops,
		Engine:            r.Engine,
		CacheHit:          r.CacheHit,
		Operation:         r.Operation,
		ResponseModel:     r.ResponseModel,
		ServerAddress:     r.ServerAddress,
		ErrorType:         r.ErrorType,
		FinishReason:      r.FinishReason,
		Session:           r.Session,
		User:              r.User,
		PromptName:        r.PromptName,
		PromptVersion:     r.PromptVersion,
		Flags:             r.Flags.Names(),
		Service:           r.Service,
		ServiceNamespace:  r.ServiceNamespace,
		Version:           r.ServiceVersion,
		Environment:       r.Environment,
		Tenant:            r.Tenant,
		Vantage:           r.Vantage.String(),
		Outcome:           r.Outcome.String(),
		Dialect:           r.Dialect,
		Start:             time.Unix(0, r.Start).UTC(),
		End:               time.Unix(0, r.End).UTC(),
	}
	if r.TTFT.Known() {
		row.TTFTKind = r.TTFTKind.String()
	}
	if len(r.Attributes) > 0 {
		row.Attributes = make(map[string]string, len(r.Attributes))
		for _, a := range r.Attributes {
			row.Attributes[a.Key] = a.Value
		}
	}
	return json.Marshal(row)
}

// orNull returns nil when d is Unknown.
func (d Duration) orNull() *int64 {
	if !d.Known() {
		return nil
	}
	n := int64(d)
	return &n
}

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
