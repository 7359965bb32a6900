package metrics

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"pgregory.net/rapid"

	"github.com/phaseline/phaseline/internal/phase"
)

const ms = phase.Duration(1e6)

func request(service, model string) *phase.Request {
	return &phase.Request{
		TraceID: [16]byte{0xab}, SpanID: [8]byte{0xcd}, Service: service, Model: model, Provider: "openai",
		Total: 1000 * ms, Network: 50 * ms, Queue: phase.Unknown, Prefill: 150 * ms, Decode: 800 * ms, Unattributed: 0,
		TTFT: 200 * ms, Server: 950 * ms, ServerTTFT: 150 * ms, TPOT: phase.Unknown,
		InputTokens: 10, OutputTokens: phase.Unknown,
	}
}

func families(t *testing.T, g prometheus.Gatherer) map[string]*dto.MetricFamily {
	t.Helper()
	all, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*dto.MetricFamily{}
	for _, f := range all {
		byName[f.GetName()] = f
	}
	return byName
}

func TestKnownDurationsAreObservedAndUnknownOnesAreNot(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := NewRequests(registry, 0)
	if err != nil {
		t.Fatal(err)
	}
	m.Observe(request("chat", "gpt-4o"))
	failed := request("chat", "gpt-4o")
	failed.Outcome = phase.OutcomeError
	m.Observe(failed)

	byName := families(t, registry)
	want := map[string]float64{
		"gen_ai_client_operation_duration_seconds":            1,
		"gen_ai_client_operation_time_to_first_chunk_seconds": .2,
		"gen_ai_server_request_duration_seconds":              .95,
		"gen_ai_server_time_to_first_token_seconds":           .15,
	}
	for name, seconds := range want {
		h := byName[name].GetMetric()[0].GetHistogram()
		if h.GetSampleCount() != 1 || h.GetSampleSum() != seconds {
			t.Errorf("%s: %d observations, sum %v; want one of %v s", name, h.GetSampleCount(), h.GetSampleSum(), seconds)
		}
		if h.GetSchema() == 0 || len(h.GetBucket()) != len(durationBuckets) {
			t.Errorf("%s: want native and classic buckets, got schema %d and %d buckets", name, h.GetSchema(), len(h.GetBucket()))
		}
	}
	if byName["gen_ai_server_time_per_output_token_seconds"] != nil {
		t.Error("an unknown TPOT was observed")
	}
	var phases []string
	for _, metric := range byName["phaseline_request_phase_seconds"].GetMetric() {
		for _, label := range metric.GetLabel() {
			if label.GetName() == "phase" {
				phases = append(phases, label.GetValue())
			}
		}
	}
	if got := strings.Join(phases, " "); got != "decode network prefill unattributed" {
		t.Errorf("phases observed: %s; queue is unknown and must not be there", got)
	}
	for series, want := range map[string]float64{
		"phaseline_requests_total{openai,gpt-4o,error,chat}":     1,
		"phaseline_requests_total{openai,gpt-4o,ok,chat}":        1,
		"phaseline_requests_total{openai,gpt-4o,cancelled,chat}": 0,
		"phaseline_requests_total{openai,gpt-4o,cache_hit,chat}": 0,
		"phaseline_request_flags_total{error}":                   0,
	} {
		if got, there := counters(t, registry)[series]; got != want || !there {
			t.Errorf("%s = %v, there: %v; want %v", series, got, there, want)
		}
	}
	tokens := byName["gen_ai_client_token_usage"].GetMetric()
	if len(tokens) != 1 || tokens[0].GetHistogram().GetSampleSum() != 20 || tokens[0].GetHistogram().GetSampleCount() != 2 {
		t.Errorf("tokens %v; want the input of two requests, and no output, which is unknown", tokens)
	}
}

// counters maps each counter, with its label values in order of their names, to its value.
func counters(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	found := map[string]float64{}
	for name, family := range families(t, g) {
		for _, metric := range family.GetMetric() {
			if metric.GetCounter() == nil {
				continue
			}
			var values []string
			for _, label := range metric.GetLabel() {
				values = append(values, label.GetValue())
			}
			found[name+"{"+strings.Join(values, ",")+"}"] = metric.GetCounter().GetValue()
		}
	}
	return found
}

func TestExemplarsLeadToTheTrace(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := NewRequests(registry, 0)
	if err != nil {
		t.Fatal(err)
	}
	m.Observe(request("chat", "gpt-4o"))
	for _, bucket := range families(t, registry)["gen_ai_client_operation_duration_seconds"].GetMetric()[0].GetHistogram().GetBucket() {
		if e := bucket.GetExemplar(); e != nil {
			got := map[string]string{}
			for _, l := range e.GetLabel() {
				got[l.GetName()] = l.GetValue()
			}
			if got["trace_id"] != "ab"+strings.Repeat("0", 30) || got["span_id"] != "cd"+strings.Repeat("0", 14) {
				t.Errorf("exemplar %v does not name the request", got)
			}
			return
		}
	}
	t.Error("no bucket has an exemplar")
}

func TestSeriesAreBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := NewRequests(registry, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		m.Observe(request(fmt.Sprintf("service-%d", i), "m"))
		m.Observe(request("service-0", "m"))
	}
	if n := len(families(t, registry)["gen_ai_client_operation_duration_seconds"].GetMetric()); n != 4 {
		t.Errorf("%d series, want the first 3 and other", n)
	}
	got := counters(t, registry)
	if n := got["phaseline_metrics_folded_requests_total{}"]; n != 7 {
		t.Errorf("%v requests counted as folded, want 7", n)
	}
	if n := got["phaseline_requests_total{other,other,ok,other}"]; n != 7 {
		t.Errorf("%v requests under other, want 7", n)
	}
}

func TestHostileTextIsAValidLabel(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := NewRequests(registry, 5)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes"))
		value := labelValue(raw)
		if !utf8.ValidString(value) || len(value) > 3*maxLabelLength || strings.ContainsAny(value, "\n\r\x00") {
			t.Fatalf("labelValue(%q) = %q", raw, value)
		}
		m.Observe(request(raw, raw))
		if _, err := registry.Gather(); err != nil {
			t.Fatal(err)
		}
	})
}
