package simulate

import (
	"bytes"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano()

// traffic runs the ground-truth scenario for a while.
func traffic(t *testing.T, faults Faults, d time.Duration) ([]*Truth, []Delivery) {
	t.Helper()
	s := GroundTruth()
	s.Faults = faults
	sim, err := New(s, 42, noon)
	if err != nil {
		t.Fatal(err)
	}
	var truths []*Truth
	sim.Truths = func(tr *Truth) { truths = append(truths, tr) }
	out := append(sim.Advance(noon+int64(d)), sim.Flush()...)
	return truths, out
}

func TestSameSeedSameSpans(t *testing.T) {
	var runs [2][]byte
	for i := range runs {
		_, deliveries := traffic(t, GroundTruth().Faults, 2*time.Minute)
		var b bytes.Buffer
		for _, d := range deliveries {
			text, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(d.Traces)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(text)
		}
		runs[i] = b.Bytes()
	}
	if len(runs[0]) < 1e6 || !bytes.Equal(runs[0], runs[1]) {
		t.Errorf("two runs of one seed differ: %d and %d bytes", len(runs[0]), len(runs[1]))
	}
}

// The truth itself must hold together, or nothing can be held against it.
func TestTruthHoldsTogether(t *testing.T) {
	truths, deliveries := traffic(t, Faults{}, 10*time.Minute)
	outcomes := map[Outcome]int{}
	retried, preempted, cached := 0, 0, 0
	for _, tr := range truths {
		outcomes[tr.Outcome]++
		if tr.Retry > 0 {
			retried++
		}
		preempted += min(tr.Preemptions, 1)
		cached += min(tr.CachedTokens, 1)
		if tr.Total != tr.End-tr.Start && !tr.ToolInside || tr.Total <= 0 || tr.Lost != 0 {
			t.Fatalf("total %d, start to end %d, lost %b", tr.Total, tr.End-tr.Start, tr.Lost)
		}
		if tr.Outcome != OK {
			continue
		}
		engine := tr.Queue + tr.Prefill + tr.Decode
		if tr.Queue < 0 || tr.Prefill <= 0 || tr.Decode < 0 || engine > tr.ServerTime-tr.BeforeSpan-tr.AfterSpan {
			t.Fatalf("queue %d + prefill %d + decode %d in a server time of %d", tr.Queue, tr.Prefill, tr.Decode, tr.ServerTime)
		}
		if tr.Network <= 0 || tr.Network+tr.Retry+tr.ServerTime > tr.Total {
			t.Fatalf("network %d + retry %d + server %d in a total of %d", tr.Network, tr.Retry, tr.ServerTime, tr.Total)
		}
		if tr.Streaming && (tr.TTFT < tr.ServerTTFT || tr.TTFT+tr.ClientDecode > tr.Total) {
			t.Fatalf("TTFT %d (server %d) + decode %d in a total of %d", tr.TTFT, tr.ServerTTFT, tr.ClientDecode, tr.Total)
		}
		if !tr.Streaming && tr.TTFT != Unknown {
			t.Fatalf("an answer in one piece has a TTFT of %d", tr.TTFT)
		}
	}
	for _, o := range []Outcome{OK, Failed, Cancelled, CacheHit} {
		if outcomes[o] == 0 {
			t.Errorf("no request of outcome %d among %d", o, len(truths))
		}
	}
	if retried == 0 || cached == 0 {
		t.Errorf("%d retried, %d with cached tokens, among %d", retried, cached, len(truths))
	}
	ids := map[[24]byte]bool{}
	for _, d := range deliveries {
		for _, rs := range d.Traces.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					var id [24]byte
					trace, own := span.TraceID(), span.SpanID()
					copy(id[:], trace[:])
					copy(id[16:], own[:])
					if ids[id] || own.IsEmpty() || span.Name() == "" || span.EndTimestamp() < span.StartTimestamp() {
						t.Fatalf("span %s %q is twice there, unnamed or backwards", own, span.Name())
					}
					ids[id] = true
				}
			}
		}
	}
}

func TestFaults(t *testing.T) {
	_, calm := traffic(t, Faults{}, 5*time.Minute)
	truths, rough := traffic(t, Faults{Loss: 0.1, Duplicate: 0.1, Late: 0.2, LateBy: time.Minute, Skew: time.Second}, 5*time.Minute)
	lost := 0
	for _, tr := range truths {
		if tr.Lost&^tr.Emitted != 0 {
			t.Fatalf("lost %b of %b emitted", tr.Lost, tr.Emitted)
		}
		lost += min(int(tr.Lost), 1)
	}
	again, seen := 0, map[ptrace.Traces]bool{}
	for _, d := range rough {
		if seen[d.Traces] {
			again++
		}
		seen[d.Traces] = true
	}
	if lost < len(truths)/20 || again < len(rough)/30 || len(seen) > len(calm)*95/100 {
		t.Errorf("%d of %d requests lost spans, %d exports were repeated, %d of %d arrived", lost, len(truths), again, len(seen), len(calm))
	}
	for i := 1; i < len(calm); i++ {
		if calm[i].At < calm[i-1].At {
			t.Fatal("deliveries are not in the order of their times")
		}
	}
}

// Every incident changes what its label says, and the rest stays as it was.
func TestIncidents(t *testing.T) {
	d := Demo{Seed: 8, Start: time.Unix(0, noon), Past: time.Hour}
	sim, err := d.Live()
	if err != nil {
		t.Fatal(err)
	}
	before, during := map[IncidentKind][]*Truth{}, map[IncidentKind][]*Truth{}
	incidents := d.Scenario().Incidents
	sim.Truths = func(tr *Truth) {
		for _, in := range incidents {
			length := in.To - in.From
			if tr.Outcome == Failed || in.Service != "" && tr.Service != in.Service || in.Region != "" && tr.Region != in.Region {
				continue
			}
			if tr.Start >= in.From && tr.Start < in.To {
				during[in.Kind] = append(during[in.Kind], tr)
			} else if tr.Start >= in.From-length/2 && tr.Start < in.From {
				before[in.Kind] = append(before[in.Kind], tr)
			}
		}
	}
	for at := noon; at < noon+int64(55*time.Minute); at += int64(time.Minute) {
		sim.Advance(at)
	}
	mean := func(ts []*Truth, of func(*Truth) int64) float64 {
		sum, n := 0.0, 0.0
		for _, tr := range ts {
			if v := of(tr); v >= 0 && tr.Outcome == OK {
				sum, n = sum+float64(v), n+1
			}
		}
		return sum / n
	}
	queue := func(tr *Truth) int64 { return tr.Queue }
	prefill := func(tr *Truth) int64 { return tr.Prefill }
	network := func(tr *Truth) int64 { return tr.Network }
	input := func(tr *Truth) int64 { return int64(tr.InputTokens) }
	grows := func(kind IncidentKind, of func(*Truth) int64, least float64) {
		t.Helper()
		if b, a := mean(before[kind], of), mean(during[kind], of); !(a > least*b) {
			t.Errorf("%s: %.3g before, %.3g during, at least %g times as much expected", kind, b, a, least)
		}
	}
	grows(QueueSaturation, queue, 5)
	grows(BadDeploy, prefill, 2)
	grows(NetworkDegraded, network, 2)
	grows(PromptMixShift, input, 1.5)
	grows(PromptMixShift, prefill, 1.5)
	grows(CacheOutage, prefill, 1.3)
	for _, tr := range during[BadDeploy] {
		if tr.Version != "0.10.0" {
			t.Fatalf("during the bad deploy a request ran on %s", tr.Version)
		}
	}
	for _, tr := range during[CacheOutage] {
		if tr.Outcome == CacheHit {
			t.Fatal("a cache hit while the cache is away")
		}
	}
}

// The history of the demo is not so large that it cannot be shown at once, and
// no span of it lies in the future.
func TestDemoHistory(t *testing.T) {
	d := Demo{Seed: 8, Start: time.Unix(0, noon), Past: 14 * 24 * time.Hour}
	chunks := d.Chunks()
	if chunks[0].To != noon || chunks[len(chunks)-1].From != noon-int64(d.Past) {
		t.Errorf("chunks span %v to %v", chunks[len(chunks)-1], chunks[0])
	}
	for i := 1; i < len(chunks); i++ {
		if chunks[i].To != chunks[i-1].From {
			t.Fatalf("chunks %d and %d do not join", i-1, i)
		}
	}
	spans := 0
	err := d.Backfill(chunks[0], func(td ptrace.Traces) error {
		spans += td.SpanCount()
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					if int64(span.EndTimestamp()) > noon+int64(time.Second) {
						t.Fatalf("%s ends at %v, after the present", span.Name(), span.EndTimestamp().AsTime())
					}
				}
			}
		}
		return nil
	})
	if err != nil || spans < 40_000 || spans > 150_000 {
		t.Errorf("the last hour has %d spans, error %v", spans, err)
	}
}

func TestScenarioReferences(t *testing.T) {
	s := GroundTruth()
	s.Clients[3].Pool = "nowhere"
	if _, err := New(s, 1, noon); err == nil {
		t.Error("a client of a pool that is not there was accepted")
	}
}
