package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
)

// TestComputedColumnsAreTheDecomposers stores requests whose evidence fits,
// contradicts itself or is missing, and compares what ClickHouse computes from
// the stored columns with what the decomposition said.
func TestComputedColumnsAreTheDecomposers(t *testing.T) {
	g := newGenerator(41)
	s := newStore(t, open(t))
	start := time.Now().Add(-time.Hour)
	var requests []*phase.Request
	for range 2_000 {
		call := g.call(g.traceID(), [8]byte{}, start)
		distort(g, call)
		var facts []dialect.Facts
		for _, p := range call {
			resource := p.td.ResourceSpans().At(0)
			facts = append(facts, s.reader.Read(resource.Resource(), resource.ScopeSpans().At(0).Scope(), p.span()))
		}
		for _, r := range phase.Decompose(facts).Requests {
			requests = append(requests, &r)
		}
	}
	require.NoError(t, s.writeRows(t.Context(), &rows{requests: requests}))

	want := map[[24]byte]*phase.Request{}
	seen := map[string]int{}
	for _, r := range requests {
		want[rowID(r.TraceID[:], r.SpanID[:])] = r
		for name, is := range map[string]bool{
			"all parts of TTFT":      r.TTFTNetwork.Known() && r.TTFTQueue.Known() && r.TTFTPrefill.Known(),
			"parts exceed TTFT":      r.TTFT.Known() && !r.TTFTRest.Known(),
			"no TTFT":                !r.TTFT.Known(),
			"network not known":      r.Vantage == phase.VantageClient && !r.Network.Known(),
			"network is nothing":     r.Network == 0,
			"server's TTFT late":     r.TTFT.Known() && r.ServerTTFT > r.TTFT,
			"server follows":         r.Server.Known() && otherServer(r) == nil,
			"server is other":        r.Server.Known() && otherServer(r) != nil,
			"server's TTFT follows":  r.ServerTTFT.Known() && otherServerTTFT(r) == nil,
			"server's TTFT is other": r.ServerTTFT.Known() && otherServerTTFT(r) != nil,
		} {
			if is {
				seen[name]++
			}
		}
	}
	for _, name := range []string{"all parts of TTFT", "parts exceed TTFT", "no TTFT", "network not known", "network is nothing",
		"server's TTFT late", "server follows", "server is other", "server's TTFT follows", "server's TTFT is other"} {
		require.NotZero(t, seen[name], "%s: %v", name, seen)
	}

	found, err := s.conn.Query(t.Context(), `SELECT trace_id, span_id, toUnixTimestamp64Nano(start), unattributed_ns,
		ifNull(server_ns, -1), ifNull(server_ttft_ns, -1), ifNull(ttft_network_ns, -1), ifNull(ttft_queue_ns, -1), ifNull(ttft_prefill_ns, -1), ifNull(ttft_rest_ns, -1)
		FROM requests FINAL`)
	require.NoError(t, err)
	defer found.Close()
	for found.Next() {
		var trace, span string
		var got [8]int64
		require.NoError(t, found.Scan(&trace, &span, &got[0], &got[1], &got[2], &got[3], &got[4], &got[5], &got[6], &got[7]))
		id := rowID([]byte(trace), []byte(span))
		r := want[id]
		require.Equal(t, [8]int64{r.Start, int64(r.Unattributed), int64(r.Server), int64(r.ServerTTFT),
			int64(r.TTFTNetwork), int64(r.TTFTQueue), int64(r.TTFTPrefill), int64(r.TTFTRest)}, got, "%+v", r)
		delete(want, id)
	}
	require.NoError(t, found.Err())
	require.Empty(t, want)
}

func rowID(trace, span []byte) (id [24]byte) {
	copy(id[copy(id[:], trace):], span)
	return id
}

// distort makes some of a call's numbers disagree, or leaves them out.
func distort(g *generator, call []piece) {
	client, engine := call[0].span(), call[2].span()
	a, e := client.Attributes(), engine.Attributes()
	double := func(most time.Duration) float64 { return time.Duration(g.random.Int64N(int64(most))).Seconds() }
	switch g.random.IntN(10) {
	case 0:
		a.PutDouble("gen_ai.response.time_to_first_chunk", double(400*time.Millisecond))
	case 1:
		e.PutDouble("gen_ai.latency.time_to_first_token", double(time.Second))
	case 2:
		e.PutDouble("gen_ai.latency.time_in_queue", double(2*time.Second))
	case 3:
		e.Remove("gen_ai.latency.time_in_queue")
		e.Remove("gen_ai.latency.time_in_model_prefill")
	case 4:
		a.Remove("gen_ai.response.time_to_first_chunk")
	case 5: // several sequences: their tokens are not those of one
		a.PutInt("gen_ai.request.choice.count", 4)
		e.PutInt("gen_ai.request.n", 4)
	case 6: // the engine saw more than the client, by little or by much
		length := int64(client.EndTimestamp()-client.StartTimestamp()) + g.random.Int64N(int64(20*time.Millisecond)) + 1
		e.PutDouble("gen_ai.latency.e2e", time.Duration(length).Seconds())
		engine.SetEndTimestamp(engine.StartTimestamp() + client.EndTimestamp() - client.StartTimestamp() + 1_000_000)
	case 7:
		a.PutInt("gen_ai.usage.output_tokens", int64(g.random.IntN(3)))
		e.PutInt("gen_ai.usage.completion_tokens", int64(g.random.IntN(3)))
	}
}
