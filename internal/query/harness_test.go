package query

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
	"github.com/phaseline/phaseline/migrations"
)

func TestMain(m *testing.M) {
	embeddedtest.Main(m, func() error { return goleak.Find() })
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// row is one stored request of the reference: what SQL should agree with.
type row struct {
	Request
	version uint64
	deleted bool
}

// database is a fresh database with the tables.
func database(t testing.TB) driver.Conn {
	t.Helper()
	conn := embeddedtest.Start(t)
	require.NoError(t, migrations.Run(t.Context(), conn, migrations.Options{}))
	return conn
}

// insert stores rows as they are, in one part.
func insert(t testing.TB, conn driver.Conn, rows []row) {
	t.Helper()
	batch, err := conn.PrepareBatch(t.Context(), `INSERT INTO requests (tenant, service, end, trace_id, span_id, version_name,
		environment, operation, model, provider, engine, dialect, streaming, outcome, vantage, error_type, session,
		total_ns, network_ns, queue_ns, prefill_ns, decode_ns,
		ttft_ns, ttft_kind, ttft_source, ttft_is_split, ttft_network_ns, tpot_ns,
		input_tokens, cached_input_tokens, output_tokens, network_provenance, queue_provenance, prefill_provenance,
		decode_provenance, ttft_provenance, flags, attributes, version, is_deleted)`)
	require.NoError(t, err)
	for i := range rows {
		rows[i].follow()
	}
	for _, r := range rows {
		trace, _ := hex.DecodeString(r.TraceID)
		span, _ := hex.DecodeString(r.SpanID)
		deleted := uint8(0)
		if r.deleted {
			deleted = 1
		}
		require.NoError(t, batch.Append(r.Tenant, r.Service, r.End, trace, span, r.Version,
			r.Environment, r.Operation, r.Model, r.Provider, r.Engine, r.Dialect, r.Streaming, r.Outcome, r.Vantage, r.ErrorType, r.Session,
			r.TotalNS, r.NetworkNS, r.QueueNS, r.PrefillNS, r.DecodeNS,
			r.TTFTNS, r.TTFTKind, r.TTFTSource, r.TTFTRestNS != nil, r.TTFTNetworkNS, r.TPOTNS,
			r.InputTokens, r.CachedInputTokens, r.OutputTokens, r.Provenance.Network, r.Provenance.Queue, r.Provenance.Prefill,
			r.Provenance.Decode, r.Provenance.TTFT, r.Flags, r.Attributes, r.version, deleted))
	}
	require.NoError(t, batch.Send())
}

// follow sets what the table computes, since tests change what is known.
func (r *row) follow() {
	r.UnattributedNS = r.TotalNS
	for _, part := range []*int64{r.NetworkNS, r.QueueNS, r.PrefillNS, r.DecodeNS} {
		if part != nil {
			r.UnattributedNS -= *part
		}
	}
	if r.NetworkNS != nil {
		server := r.TotalNS - *r.NetworkNS
		r.ServerNS = &server
	}
	if r.TTFTNetworkNS != nil {
		first := *r.TTFTNS - *r.TTFTNetworkNS
		r.ServerTTFTNS = &first
	}
}

// generate draws n requests ending in [from, to), of every kind: failed ones,
// ones without a first token, without server evidence, of other vantages.
func generate(random *rand.Rand, n int, from, to time.Time) []row {
	rows := make([]row, n)
	for i := range rows {
		rows[i] = draw(random, from.Add(time.Duration(random.Int64N(int64(to.Sub(from))))))
	}
	return rows
}

func draw(random *rand.Rand, end time.Time) row {
	lognormal := func(median time.Duration, spread float64) int64 {
		return int64(float64(median) * math.Exp(spread*random.NormFloat64()))
	}
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	id := func(words int) string {
		raw := []byte{}
		for range words {
			raw = binary.BigEndian.AppendUint64(raw, random.Uint64())
		}
		return hex.EncodeToString(raw)
	}
	r := row{version: 2001}
	r.TraceID, r.SpanID, r.End = id(2), id(1), end
	r.Service, r.Version, r.Environment = pick("chat-api", "search", "agent"), pick("1.0", "1.1"), "prod"
	r.Model, r.Provider, r.Operation = pick("llama-70b", "qwen3", ""), "vllm", "chat"
	r.Engine, r.Dialect, r.Vantage = "vllm", "semconv", "client"
	r.Outcome, r.TTFTKind = "ok", "unknown"
	r.Provenance = Provenances{"unknown", "unknown", "unknown", "unknown", "unknown"}
	r.Flags, r.Attributes = []string{}, map[string]string{"route": pick("/chat", "/search")}

	network, queue := lognormal(5*time.Millisecond, 0.5), lognormal(10*time.Millisecond, 1.5)
	input := random.Int64N(20_000)
	prefill := 20e6 + input*20_000
	output := 2 + random.Int64N(300)
	decode := output * lognormal(12*time.Millisecond, 0.1)
	rest := lognormal(2*time.Millisecond, 0.3)
	r.TotalNS = network + queue + prefill + decode + rest
	r.UnattributedNS = r.TotalNS
	yes := true
	switch random.IntN(20) {
	case 0: // failed early
		r.Outcome, r.ErrorType, r.Flags = "error", pick("timeout", "rate_limit"), []string{"error"}
	case 1:
		r.Outcome = "cache_hit"
	case 2: // not streaming, nothing known
		no := false
		r.Streaming = &no
	case 3, 4: // only the client saw it
		r.Streaming = &yes
		ttft := network + queue + prefill
		r.TTFTNS, r.TTFTRestNS, r.TTFTKind, r.TTFTSource = &ttft, &ttft, "first_chunk", "event"
		r.DecodeNS, r.UnattributedNS = &decode, r.TotalNS-decode
		tpot := decode / (output - 1)
		r.InputTokens, r.OutputTokens, r.TPOTNS = &input, &output, &tpot
	case 5: // only the server saw it
		r.Vantage = "server"
		r.TotalNS -= network
		ttft := queue + prefill
		zero := int64(0)
		r.TTFTNS, r.TTFTQueueNS, r.TTFTPrefillNS, r.TTFTRestNS = &ttft, &queue, &prefill, &zero
		r.TTFTKind = "first_token"
		r.QueueNS, r.PrefillNS, r.DecodeNS, r.UnattributedNS = &queue, &prefill, &decode, rest
	default:
		r.Streaming = &yes
		before := network / 2
		after := rest / 3
		ttft := before + queue + prefill + after
		r.TTFTNS, r.TTFTNetworkNS, r.TTFTQueueNS, r.TTFTPrefillNS, r.TTFTRestNS = &ttft, &before, &queue, &prefill, &after
		r.TTFTKind, r.TTFTSource = "first_chunk", "gen_ai.response.time_to_first_chunk"
		r.NetworkNS, r.QueueNS, r.PrefillNS, r.DecodeNS, r.UnattributedNS = &network, &queue, &prefill, &decode, rest
		cached := input / 3
		tpot := decode / (output - 1)
		r.InputTokens, r.CachedInputTokens, r.OutputTokens, r.TPOTNS = &input, &cached, &output, &tpot
		r.Provenance = Provenances{"derived", "measured", "measured", "measured", "measured"}
	}
	r.Start = end.Add(-time.Duration(r.TotalNS))
	return r
}

// visible are the rows that count, of all versions of each.
func visible(rows []row) []row {
	last := map[string]row{}
	for _, r := range rows {
		id := fmt.Sprint(r.Tenant, r.Service, r.TraceID, r.SpanID)
		if old, ok := last[id]; !ok || r.version >= old.version {
			last[id] = r
		}
	}
	var kept []row
	for _, r := range last {
		if !r.deleted {
			kept = append(kept, r)
		}
	}
	return kept
}

func inRange(rows []row, r Range) []row {
	var kept []row
	for _, x := range rows {
		if !x.End.Before(r.From) && x.End.Before(r.To) {
			kept = append(kept, x)
		}
	}
	return kept
}

// of returns a metric of the reference row; nil if unknown.
func (r row) of(m Metric) *int64 {
	return map[Metric]*int64{TTFT: r.TTFTNS, TPOT: r.TPOTNS, Total: &r.TotalNS, Network: r.NetworkNS, Queue: r.QueueNS,
		Prefill: r.PrefillNS, Decode: r.DecodeNS, Unattributed: &r.UnattributedNS}[m]
}

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
