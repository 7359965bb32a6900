package dialect_test

import (
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
)

func TestOptionsAreValidated(t *testing.T) {
	for want, o := range map[string]dialect.Options{
		"at most 16":     {Attributes: make([]string, 17)},
		"unknown fact":   {Mappings: []dialect.Mapping{{Attribute: "a", Fact: "speed"}}},
		"use s, ms, us":  {Mappings: []dialect.Mapping{{Attribute: "a", Fact: "ttft", Unit: "min"}}},
		"has no unit":    {Mappings: []dialect.Mapping{{Attribute: "a", Fact: "model", Unit: "s"}}},
		"names no attri": {Mappings: []dialect.Mapping{{Fact: "model"}}},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

func TestMappingsReadUnknownAttributes(t *testing.T) {
	r := dialect.NewReader(dialect.Options{
		Mappings: []dialect.Mapping{
			{Attribute: "my.ttft_us", Fact: "ttft", Unit: "us"},
			{Attribute: "my.model", Fact: "model"},
			{Attribute: "my.streamed", Fact: "streaming"},
			// Corrects a unit that a known attribute has in this place.
			{Attribute: "gen_ai.latency.time_in_queue", Fact: "queue", Unit: "ms"},
		},
		Attributes:      []string{"team", "region"},
		TenantAttribute: "org",
	})
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("region", "eu")
	rs.Resource().Attributes().PutStr("org", "acme")
	ss := rs.ScopeSpans().AppendEmpty()
	span := ss.Spans().AppendEmpty()
	span.SetStartTimestamp(1e18)
	span.SetEndTimestamp(1e18 + 1e9)
	a := span.Attributes()
	a.PutInt("my.ttft_us", 250000)
	a.PutStr("my.model", "m")
	a.PutBool("my.streamed", true)
	a.PutStr("team", "search")
	a.PutDouble("gen_ai.latency.time_in_queue", 12.5)
	f := r.ReadTraces(td)[0]
	if f.Number(dialect.TTFT) != 250e6 || f.Source(dialect.TTFT) != "my.ttft_us" || f.Text(dialect.Model) != "m" || f.Number(dialect.Queue) != 12.5e6 {
		t.Errorf("ttft %d from %q, model %q, queue %d", f.Number(dialect.TTFT), f.Source(dialect.TTFT), f.Text(dialect.Model), f.Number(dialect.Queue))
	}
	if streamed, known := f.Streaming(); !streamed || !known {
		t.Error("streaming is not read")
	}
	if f.Tenant != "acme" || len(f.Attributes()) != 2 || f.Attributes()[0] != (dialect.Attribute{Key: "region", Value: "eu"}) || f.Attributes()[1] != (dialect.Attribute{Key: "team", Value: "search"}) {
		t.Errorf("tenant %q, attributes %v", f.Tenant, f.Attributes())
	}
}

// TestFactsOfSiblingsAreApart: chosen resource attributes are shared, those of spans are not.
func TestChosenAttributesAreNotShared(t *testing.T) {
	r := dialect.NewReader(dialect.Options{Attributes: []string{"region", "team"}})
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("region", "eu")
	ss := rs.ScopeSpans().AppendEmpty()
	for _, team := range []string{"a", "b"} {
		ss.Spans().AppendEmpty().Attributes().PutStr("team", team)
	}
	facts := r.ReadTraces(td)
	if facts[0].Attributes()[1].Value != "a" || facts[1].Attributes()[1].Value != "b" {
		t.Errorf("%v %v", facts[0].Attributes(), facts[1].Attributes())
	}
}
