package api

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/phase"
	"github.com/phaseline/phaseline/internal/query"
)

// maxExplained is the most spans of a trace that are correlated again to
// explain its requests: beyond it, they were not correlated when they were
// stored either.
const maxExplained = 10_000

// explain says for each request of a trace, by its span id, what its numbers
// rest on. It decomposes the stored spans once more; nil if there are none.
func (s *server) explain(ctx context.Context, tenant, traceID string) (map[string][]Evidence, error) {
	traces, err := s.loadTrace(ctx, tenant, traceID)
	if err != nil || traces.SpanCount() == 0 {
		return nil, err
	}
	return s.evidence(traces), nil
}

func (s *server) evidence(traces ptrace.Traces) map[string][]Evidence {
	found := make(map[string][]Evidence)
	if n := traces.SpanCount(); n == 0 || n > maxExplained {
		return found
	}
	for _, explanation := range phase.Explain(s.Reader.ReadTraces(traces)) {
		found[explanation.SpanID] = explanation.Facts
	}
	return found
}

// uses turns evidence round: for each span, which numbers of which requests
// rest on it.
func uses(evidence map[string][]Evidence) map[string][]SpanUse {
	found := make(map[string][]SpanUse)
	for _, request := range slices.Sorted(maps.Keys(evidence)) {
		for _, fact := range evidence[request] {
			if fact.SpanID == "" {
				continue
			}
			all := found[fact.SpanID]
			if len(all) == 0 || all[len(all)-1].RequestSpanId != request {
				all = append(all, SpanUse{RequestSpanId: request})
			}
			last := &all[len(all)-1]
			last.Facts = append(last.Facts, fact.Fact)
			found[fact.SpanID] = all
		}
	}
	return found
}

func isNotFound(err error) bool {
	var known *query.Error
	return errors.As(err, &known) && known.Code == query.CodeNotFound
}
