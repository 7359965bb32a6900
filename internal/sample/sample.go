// Package sample holds one realistic trace, for a first look and for tests: a
// chat application that calls vLLM through a LiteLLM gateway.
package sample

import (
	"crypto/rand"
	_ "embed"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

//go:embed trace.json
var traceJSON []byte

// Trace returns the trace with ids of its own, ended at the given time.
func Trace(end time.Time) (ptrace.Traces, error) {
	td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(traceJSON)
	if err != nil {
		return ptrace.Traces{}, fmt.Errorf("read the sample trace: %w", err)
	}
	MoveTo(td, end)
	NewIDs(td)
	return td, nil
}

// MoveTo shifts every time by one amount, so that the last span ends at end.
func MoveTo(td ptrace.Traces, end time.Time) {
	var last pcommon.Timestamp
	for _, s := range spans(td) {
		last = max(last, s.EndTimestamp())
	}
	// Unsigned arithmetic wraps, so that moving back works too.
	shift := pcommon.Timestamp(end.UnixNano()) - last
	for _, s := range spans(td) {
		s.SetStartTimestamp(s.StartTimestamp() + shift)
		s.SetEndTimestamp(s.EndTimestamp() + shift)
		for i := range s.Events().Len() {
			event := s.Events().At(i)
			event.SetTimestamp(event.Timestamp() + shift)
		}
	}
}

// NewIDs gives traces and spans random ids and keeps who is whose parent.
func NewIDs(td ptrace.Traces) {
	traces := make(map[pcommon.TraceID]pcommon.TraceID)
	ids := make(map[pcommon.SpanID]pcommon.SpanID)
	for _, s := range spans(td) {
		if _, seen := traces[s.TraceID()]; !seen {
			var id pcommon.TraceID
			rand.Read(id[:]) // never fails
			traces[s.TraceID()] = id
		}
		var id pcommon.SpanID
		rand.Read(id[:])
		ids[s.SpanID()] = id
	}
	for _, s := range spans(td) {
		s.SetTraceID(traces[s.TraceID()])
		s.SetSpanID(ids[s.SpanID()])
		if parent, known := ids[s.ParentSpanID()]; known {
			s.SetParentSpanID(parent)
		}
	}
}

func spans(td ptrace.Traces) []ptrace.Span {
	var all []ptrace.Span
	for i := range td.ResourceSpans().Len() {
		scopes := td.ResourceSpans().At(i).ScopeSpans()
		for j := range scopes.Len() {
			for k := range scopes.At(j).Spans().Len() {
				all = append(all, scopes.At(j).Spans().At(k))
			}
		}
	}
	return all
}
