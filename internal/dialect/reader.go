package dialect

import (
	"strings"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Span is the span as it came.
type Span = ptrace.Span

// Reader reads spans into facts. It is immutable and safe for concurrent use.
type Reader struct {
	keys          nameTable[entry]
	scopes        nameTable[Dialect]
	prefixes      []scopePrefix
	signNames     []dialectSign // by the span's name
	signResources []dialectSign // by an attribute of the resource
	events        nameTable[compiledEvent]
	eventPrefixes []*compiledEvent
	sources       []string
	extents       map[string]sourceID
	tenant        string
	chosen        []string
	batches       sync.Pool // of *Batch
	dialects      []*Dialect
	tables        uint64 // fingerprint of what packed facts refer to
}

// Read reads one span.
func (r *Reader) Read(res pcommon.Resource, scope pcommon.InstrumentationScope, span ptrace.Span) Facts {
	var f Facts
	b := r.Batch()
	b.Enter(res, scope)
	b.Read(span, &f)
	b.Close()
	return f
}

// ReadTraces reads every span of td.
func (r *Reader) ReadTraces(td ptrace.Traces) []Facts {
	b := r.Batch()
	facts := make([]Facts, td.SpanCount())
	n := 0
	resources := td.ResourceSpans()
	for i := range resources.Len() {
		rs := resources.At(i)
		scopes := rs.ScopeSpans()
		for j := range scopes.Len() {
			ss := scopes.At(j)
			b.Enter(rs.Resource(), ss.Scope())
			spans := ss.Spans()
			for k := range spans.Len() {
				b.Read(spans.At(k), &facts[n])
				n++
			}
		}
	}
	b.Close()
	return facts
}

func unixNano(t pcommon.Timestamp) int64 {
	const most = 1<<63 - 1
	if uint64(t) > most {
		return most
	}
	return int64(t)
}

// matches reports whether name is pattern, or begins with it if it ends in "*".
func matches(pattern, name string) bool {
	if last := len(pattern) - 1; last >= 0 && pattern[last] == '*' {
		return strings.HasPrefix(name, pattern[:last])
	}
	return pattern == name
}
