package store

import (
	"context"
	"fmt"

	"github.com/phaseline/phaseline/internal/phase"
)

// rows is what a step writes to the requests table.
type rows struct {
	requests   []*phase.Request
	tombstones []*phase.Tombstone
}

// maxInsertRows bounds one insert into requests.
const maxInsertRows = 50_000

// keyColumns are all that a tombstone has.
var keyColumns = []string{"trace_id", "span_id", "tenant", "service", "end", "version", "is_deleted"}

// writeRows stores requests and tombstones. Stored again, they change nothing.
func (s *Store) writeRows(ctx context.Context, r *rows) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	for from := 0; from < len(r.requests); from += maxInsertRows {
		part := r.requests[from:min(from+maxInsertRows, len(r.requests))]
		if err := s.writeRequests(ctx, part); err != nil {
			return fmt.Errorf("store: insert requests: %w", err)
		}
	}
	for from := 0; from < len(r.tombstones); from += maxInsertRows {
		part := r.tombstones[from:min(from+maxInsertRows, len(r.tombstones))]
		if err := s.writeTombstones(ctx, part); err != nil {
			return fmt.Errorf("store: delete requests: %w", err)
		}
	}
	s.metrics.written.Add(int64(len(r.requests) + len(r.tombstones)))
	return nil
}

func (s *Store) writeTombstones(ctx context.Context, dead []*phase.Tombstone) error {
	batch, err := s.prepare(ctx, "requests", keyColumns, "")
	if err != nil {
		return err
	}
	defer batch.Close()
	w := columnWriter{batch: batch}
	text := texts{}
	w.slice(each(dead, func(t *phase.Tombstone) []byte { return t.TraceID[:] }))
	w.slice(each(dead, func(t *phase.Tombstone) []byte { return t.SpanID[:] }))
	w.texts(each(dead, func(t *phase.Tombstone) *string { return text.of(t.Tenant) }))
	w.texts(each(dead, func(t *phase.Tombstone) *string { return text.of(t.Service) }))
	w.times(each(dead, func(t *phase.Tombstone) int64 { return t.End }))
	w.slice(each(dead, func(t *phase.Tombstone) uint64 { return t.Version }))
	w.slice(each(dead, func(*phase.Tombstone) uint8 { return 1 }))
	if w.err != nil {
		return w.err
	}
	return batch.Send()
}

// requestColumn is a column of the requests table and how a batch's is filled.
type requestColumn struct {
	name string
	fill func(*columnWriter, []*phase.Request, texts)
}

// requestColumns are the columns of the requests table that are stored, but is_deleted
// and written. The others follow from them: see migrations/0002_requests.sql.
var requestColumns = []requestColumn{
	column("trace_id", func(r *phase.Request) []byte { return r.TraceID[:] }),
	column("span_id", func(r *phase.Request) []byte { return r.SpanID[:] }),
	textColumn("tenant", func(r *phase.Request) string { return r.Tenant }),
	textColumn("service", func(r *phase.Request) string { return r.Service }),
	timeColumn("end", func(r *phase.Request) int64 { return r.End }),
	textColumn("service_namespace", func(r *phase.Request) string { return r.ServiceNamespace }),
	textColumn("version_name", func(r *phase.Request) string { return r.ServiceVersion }),
	textColumn("environment", func(r *phase.Request) string { return r.Environment }),
	textColumn("operation", func(r *phase.Request) string { return r.Operation }),
	textColumn("model", func(r *phase.Request) string { return r.Model }),
	textColumn("response_model", func(r *phase.Request) string { return r.ResponseModel }),
	textColumn("provider", func(r *phase.Request) string { return r.Provider }),
	textColumn("engine", func(r *phase.Request) string { return r.Engine }),
	textColumn("server_address", func(r *phase.Request) string { return r.ServerAddress }),
	textColumn("dialect", func(r *phase.Request) string { return r.Dialect }),
	column("streaming", func(r *phase.Request) *bool { return r.Streaming.Bool() }),
	column("outcome", func(r *phase.Request) int8 { return int8(r.Outcome) }),
	column("vantage", func(r *phase.Request) int8 { return int8(r.Vantage) }),
	textColumn("error_type", func(r *phase.Request) string { return r.ErrorType }),
	textColumn("finish_reason", func(r *phase.Request) string { return r.FinishReason }),
	column("session", func(r *phase.Request) string { return r.Session }),
	column("user", func(r *phase.Request) string { return r.User }),
	textColumn("prompt_name", func(r *phase.Request) string { return r.PromptName }),
	textColumn("prompt_version", func(r *phase.Request) string { return r.PromptVersion }),
	column("total_ns", func(r *phase.Request) int64 { return int64(r.Total) }),
	durationColumn("network_ns", func(r *phase.Request) *phase.Duration { return &r.Network }),
	durationColumn("queue_ns", func(r *phase.Request) *phase.Duration { return &r.Queue }),
	durationColumn("prefill_ns", func(r *phase.Request) *phase.Duration { return &r.Prefill }),
	durationColumn("decode_ns", func(r *phase.Request) *phase.Duration { return &r.Decode }),
	durationColumn("ttft_ns", func(r *phase.Request) *phase.Duration { return &r.TTFT }),
	column("ttft_kind", func(r *phase.Request) int8 { return int8(r.TTFTKind) }),
	textColumn("ttft_source", func(r *phase.Request) string { return r.TTFTSource }),
	column("ttft_is_split", func(r *phase.Request) bool { return r.TTFTRest.Known() }),
	durationColumn("ttft_network_ns", func(r *phase.Request) *phase.Duration { return &r.TTFTNetwork }),
	durationColumn("first_answer_ns", func(r *phase.Request) *phase.Duration { return &r.FirstAnswer }),
	column("server_other_ns", otherServer),
	column("server_ttft_other_ns", otherServerTTFT),
	durationColumn("retry_ns", func(r *phase.Request) *phase.Duration { return &r.Retry }),
	durationColumn("connect_ns", func(r *phase.Request) *phase.Duration { return &r.Connect }),
	rowColumn("hops", func(r *phase.Request) any { return hops(r.Hops) }),
	durationColumn("tpot_ns", func(r *phase.Request) *phase.Duration { return &r.TPOT }),
	countColumn("input_tokens", func(r *phase.Request) *int64 { return &r.InputTokens }),
	countColumn("cached_input_tokens", func(r *phase.Request) *int64 { return &r.CachedInputTokens }),
	countColumn("output_tokens", func(r *phase.Request) *int64 { return &r.OutputTokens }),
	countColumn("reasoning_tokens", func(r *phase.Request) *int64 { return &r.ReasoningTokens }),
	column("network_provenance", func(r *phase.Request) int8 { return int8(r.Provenance.Network) }),
	column("queue_provenance", func(r *phase.Request) int8 { return int8(r.Provenance.Queue) }),
	column("prefill_provenance", func(r *phase.Request) int8 { return int8(r.Provenance.Prefill) }),
	column("decode_provenance", func(r *phase.Request) int8 { return int8(r.Provenance.Decode) }),
	column("ttft_provenance", func(r *phase.Request) int8 { return int8(r.Provenance.TTFT) }),
	rowColumn("flags", func(r *phase.Request) any { return r.Flags.Names() }),
	rowColumn("attributes", func(r *phase.Request) any { return attributes(r.Attributes) }),
	column("version", func(r *phase.Request) uint64 { return r.Version }),
}

func (s *Store) writeRequests(ctx context.Context, requests []*phase.Request) error {
	names := make([]string, len(requestColumns))
	for i, c := range requestColumns {
		names[i] = c.name
	}
	batch, err := s.prepare(ctx, "requests", names, "")
	if err != nil {
		return err
	}
	defer batch.Close()
	w := columnWriter{batch: batch}
	for _, c := range requestColumns {
		c.fill(&w, requests, texts{})
	}
	if w.err != nil {
		return w.err
	}
	return batch.Send()
}

func column[T any](name string, get func(*phase.Request) T) requestColumn {
	return requestColumn{name, func(w *columnWriter, requests []*phase.Request, _ texts) { w.slice(each(requests, get)) }}
}

func timeColumn(name string, get func(*phase.Request) int64) requestColumn {
	return requestColumn{name, func(w *columnWriter, requests []*phase.Request, _ texts) { w.times(each(requests, get)) }}
}

func textColumn(name string, get func(*phase.Request) string) requestColumn {
	return requestColumn{name, func(w *columnWriter, requests []*phase.Request, t texts) {
		w.texts(each(requests, func(r *phase.Request) *string { return t.of(get(r)) }))
	}}
}

// durationColumn is a column in which an unknown duration is NULL.
func durationColumn(name string, get func(*phase.Request) *phase.Duration) requestColumn {
	return countColumn(name, func(r *phase.Request) *int64 { return (*int64)(get(r)) })
}

// otherServer is the server window where it is not what the network time leaves of
// the total; nil: it is.
func otherServer(r *phase.Request) *int64 {
	return other(r.Server, r.Network, r.Total-max(r.Retry, 0)-r.Network)
}

// otherServerTTFT is the server's TTFT where it is not TTFT less its network time;
// nil: it is.
func otherServerTTFT(r *phase.Request) *int64 {
	return other(r.ServerTTFT, r.TTFTNetwork, r.TTFT-r.TTFTNetwork)
}

// other is d if it does not follow from what it is computed from; nil: it does.
func other(d, from, computed phase.Duration) *int64 {
	if !from.Known() {
		computed = phase.Unknown
	}
	if d == computed {
		return nil
	}
	return (*int64)(&d)
}

func countColumn(name string, get func(*phase.Request) *int64) requestColumn {
	return column(name, func(r *phase.Request) *int64 {
		if n := get(r); *n >= 0 {
			return n
		}
		return nil
	})
}

// rowColumn is a column of a nested type, which the driver takes row by row.
func rowColumn(name string, get func(*phase.Request) any) requestColumn {
	return requestColumn{name, func(w *columnWriter, requests []*phase.Request, _ texts) {
		c := w.column()
		for _, r := range requests {
			w.fail(c.AppendRow(get(r)))
		}
	}}
}

func each[T, V any](list []*T, get func(*T) V) []V {
	values := make([]V, len(list))
	for i, element := range list {
		values[i] = get(element)
	}
	return values
}

// texts gives equal texts of one column one address.
type texts map[string]*string

func (t texts) of(s string) *string {
	p := t[s]
	if p == nil {
		p = &s
		t[s] = p
	}
	return p
}

var noHops [][]any

func hops(list []phase.Hop) [][]any {
	if len(list) == 0 {
		return noHops
	}
	rows := make([][]any, len(list))
	for i, h := range list {
		rows[i] = []any{h.Name, int64(h.NS)}
	}
	return rows
}

var noAttributes = map[string]string{}

func attributes(list []phase.Attribute) map[string]string {
	if len(list) == 0 {
		return noAttributes
	}
	m := make(map[string]string, len(list))
	for _, a := range list {
		m[a.Key] = a.Value
	}
	return m
}
