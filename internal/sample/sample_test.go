package sample

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestTraceEndsWhenAskedAndHasIDsOfItsOwn(t *testing.T) {
	end := time.Unix(1_800_000_000, 123)
	first, err := Trace(end)
	require.NoError(t, err)
	second, err := Trace(end)
	require.NoError(t, err)

	var last time.Time
	ids := make(map[pcommon.SpanID]bool)
	for _, s := range spans(first) {
		if s.EndTimestamp().AsTime().After(last) {
			last = s.EndTimestamp().AsTime()
		}
		assert.Equal(t, spans(first)[0].TraceID(), s.TraceID(), "one trace")
		assert.False(t, ids[s.SpanID()], "span ids differ")
		ids[s.SpanID()] = true
	}
	assert.True(t, end.Equal(last))
	for _, s := range spans(first) {
		assert.True(t, s.ParentSpanID().IsEmpty() || ids[s.ParentSpanID()], "%s has its parent in the trace", s.Name())
	}
	assert.NotEqual(t, spans(first)[0].TraceID(), spans(second)[0].TraceID())
}

func TestMoveToKeepsDurations(t *testing.T) {
	td, err := Trace(time.Unix(1_800_000_000, 0))
	require.NoError(t, err)
	var before []time.Duration
	for _, s := range spans(td) {
		before = append(before, s.EndTimestamp().AsTime().Sub(s.StartTimestamp().AsTime()))
	}
	MoveTo(td, time.Unix(1_000_000_000, 0))
	for i, s := range spans(td) {
		assert.Equal(t, before[i], s.EndTimestamp().AsTime().Sub(s.StartTimestamp().AsTime()))
	}
}
