package store

import (
	"encoding/json"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"pgregory.net/rapid"

	"github.com/phaseline/phaseline/internal/dialect"
)

// drawValue draws an attribute of any type.
func drawValue(t *rapid.T, v pcommon.Value, depth int) {
	kinds := 6
	if depth > 0 {
		kinds = 8
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		v.SetStr(rapid.String().Draw(t, "text"))
	case 1:
		v.SetInt(rapid.Int64().Draw(t, "int"))
	case 2:
		v.SetDouble(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, 1e300, 1e21, -2, math.Inf(1), math.Inf(-1), math.Copysign(0, -1)})).Draw(t, "double"))
	case 3:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case 4:
		v.SetEmptyBytes().FromRaw(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	case 5: // empty
	case 6:
		s := v.SetEmptySlice()
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			drawValue(t, s.AppendEmpty(), depth-1)
		}
	case 7:
		m := v.SetEmptyMap()
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			key := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"@bytes", "@double", "@@", ""})).Draw(t, "key")
			drawValue(t, m.PutEmpty(key), depth-1)
		}
	}
}

func TestLiteralsKeepValueAndType(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, again := pcommon.NewValueEmpty(), pcommon.NewValueEmpty()
		drawValue(t, v, 3)
		text, whole := appendValue(nil, v, 1<<20, 0)
		if !whole {
			t.Fatalf("%s: not whole", text)
		}
		if !json.Valid(text) {
			t.Fatalf("%s: not JSON", text)
		}
		l := literals{text: string(text)}
		if err := l.value(again); err != nil || l.at != len(l.text) {
			t.Fatalf("%s: read until %d: %v", text, l.at, err)
		}
		if !v.Equal(again) {
			t.Fatalf("%s: read as %v %v", text, again.Type(), again.AsString())
		}
	})
}

func TestNotANumberIsKept(t *testing.T) {
	v, again := pcommon.NewValueDouble(math.NaN()), pcommon.NewValueEmpty()
	text, _ := appendValue(nil, v, 100, 0)
	require.NoError(t, (&literals{text: string(text)}).value(again))
	require.Equal(t, pcommon.ValueTypeDouble, again.Type())
	require.True(t, math.IsNaN(again.Double()))
}

func TestTextIsTrimmed(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
		whole bool
	}{
		{"plain", 5, `"plain"`, true},
		{"longer", 5, `"longe"`, false},
		{"ééé", 3, `"é"`, false}, // not in the middle of a letter
		{"a\xffb", 5, "\"a\ufffdb\"", false},
		{"\"\\\n\x00", 9, `"\"\\\u000a\u0000"`, true},
	} {
		text, whole := appendText(nil, c.text, c.limit)
		require.Equal(t, c.want, string(text))
		require.Equal(t, c.whole, whole)
		require.True(t, json.Valid(text))
	}
}

func TestHostileLiteralsAreErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune(`[]{},:"\u00a1@-1.e true null`))).Draw(t, "text")
		_ = (&literals{text: text}).value(pcommon.NewValueEmpty()) // must end, and not panic
	})
}

// TestStoredSpansTellTheSame holds decomposition to what can be read back: what
// is stored of a span gives the facts that the span gave.
func TestStoredSpansTellTheSame(t *testing.T) {
	reader := dialect.NewReader(dialect.Options{TenantAttribute: "tenant"})
	check := func(t require.TestingT, resource pcommon.Resource, scope pcommon.InstrumentationScope, span ptrace.Span) {
		var b encoder
		b.begin(new(block))
		if !b.add(b.origin(resource, scope), "", span) {
			return // then facts are read from what is stored, at once
		}
		again := newRebuilder()
		stored, err := again.add(b.row(0))
		require.NoError(t, err)
		want := reader.Read(resource, scope, span)
		got := reader.Read(again.resourceSpans.Resource(), again.scopeSpans.Scope(), stored)
		require.Equal(t, want.Hash(), got.Hash(), "span %q", span.Name())
	}
	paths, err := filepath.Glob("../*/testdata/**/*.json")
	require.NoError(t, err)
	for _, path := range append(paths, "../sample/trace.json") {
		td := fixture(t, path, time.Now())
		for _, resource := range td.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					check(t, resource.Resource(), scope.Scope(), span)
				}
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		g := newGenerator(rapid.Uint64().Draw(t, "seed"))
		for _, p := range g.trace(time.Now()) {
			attributes := p.span().Attributes()
			for range rapid.IntRange(0, 3).Draw(t, "extra") {
				drawValue(t, attributes.PutEmpty(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
					"gen_ai.prompt", "gen_ai.response.time_to_first_chunk", "llm.output", "output.value", "gen_ai.usage.details",
				})).Draw(t, "key")), 2)
			}
			r := p.td.ResourceSpans().At(0)
			check(t, r.Resource(), r.ScopeSpans().At(0).Scope(), p.span())
		}
	})
}
