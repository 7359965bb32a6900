package dialect_test

import (
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
)

// FuzzRead reads arbitrary OTLP. Whatever comes, durations are possible for
// their span and texts are short and valid.
func FuzzRead(f *testing.F) {
	for _, input := range cases(f) {
		data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(readTrace(f, input))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	reader := dialect.NewReader(dialect.Options{
		Attributes: []string{"gen_ai.request.temperature", "service.name"}, TenantAttribute: "service.namespace",
		Mappings: []dialect.Mapping{{Attribute: "my.ttft", Fact: "ttft", Unit: "us"}},
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
		if err != nil {
			return
		}
		for _, facts := range reader.ReadTraces(td) {
			checkFacts(t, &facts)
		}
	})
}

func checkFacts(t *testing.T, f *dialect.Facts) {
	t.Helper()
	limit := f.Duration() + dialect.Tolerance(f.Duration())
	for _, n := range [...]dialect.Number{dialect.TTFT, dialect.ServerTTFT, dialect.Queue, dialect.Prefill, dialect.Decode, dialect.FinishAt, dialect.ModelDuration, dialect.LastChunkAt} {
		if v := f.Number(n); v < dialect.Unknown || v > limit {
			t.Errorf("%s is %d of a span of %d ns", n.Label(), v, f.Duration())
		}
		if f.Has(n) && f.Source(n) == "" {
			t.Errorf("%s has no source", n.Label())
		}
	}
	for _, text := range [...]dialect.Text{dialect.Model, dialect.Provider, dialect.Operation, dialect.ErrorType, dialect.Session, dialect.URLPath} {
		// Three bytes more for each replaced one, at most.
		if s := f.Text(text); !utf8.ValidString(s) || len(s) > 1024 {
			t.Errorf("%s is %q", text.Label(), s)
		}
	}
	for _, n := range [...]dialect.Number{dialect.InputTokens, dialect.OutputTokens, dialect.CachedTokens} {
		if f.Number(n) < dialect.Unknown {
			t.Errorf("%s is %d", n.Label(), f.Number(n))
		}
	}
}
