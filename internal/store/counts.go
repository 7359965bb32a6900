package store

import (
	"maps"
	"sync"
)

// Reason says why something was refused, changed or dropped.
type Reason string

// The reasons. Spans are counted under them, but for those of rows.
const (
	// ReasonTooOld: the span started before the retention of spans.
	ReasonTooOld Reason = "too_old"
	// ReasonInFuture: the span starts or ends more than ten minutes from now.
	ReasonInFuture Reason = "in_future"
	// ReasonNoID: the span has no trace id or no span id.
	ReasonNoID Reason = "no_id"
	// ReasonRejected: ClickHouse refused the span; it lies in the dead-letter file.
	ReasonRejected Reason = "rejected_by_clickhouse"
	// ReasonDeadLetterLost: ClickHouse refused the span and the dead-letter file could not take it.
	ReasonDeadLetterLost Reason = "dead_letter_lost"
	// ReasonDamaged: a batch of spans that waited in the queue could not be read; it counts as one.
	ReasonDamaged Reason = "damaged_in_queue"
	// ReasonTrimmed: the span is stored, but for attributes, events or text past the limits.
	ReasonTrimmed Reason = "trimmed"
	// ReasonEndBeforeStart: the span is stored and gives no times.
	ReasonEndBeforeStart Reason = "end_before_start"
	// ReasonTraceTooLarge: the span is stored, its trace has too many to correlate them.
	ReasonTraceTooLarge Reason = "trace_too_large"
	// ReasonRequestOutOfRange: a request was not stored, since its end lies outside its retention.
	ReasonRequestOutOfRange Reason = "request_out_of_range"
	// ReasonUnknownFault: an insert failed with an error in neither list, and is tried again.
	ReasonUnknownFault Reason = "unknown_clickhouse_error"
	// ReasonUnreadable: a stored span could not be read again.
	ReasonUnreadable Reason = "unreadable_span"
)

// Refused reports whether what is counted under the reason is not in the tables.
func (r Reason) Refused() bool {
	switch r {
	case ReasonTooOld, ReasonInFuture, ReasonNoID, ReasonRejected, ReasonDeadLetterLost, ReasonDamaged, ReasonRequestOutOfRange:
		return true
	}
	return false
}

// Reasons lists every reason, in the order above.
var Reasons = []Reason{
	ReasonTooOld, ReasonInFuture, ReasonNoID, ReasonRejected, ReasonDeadLetterLost, ReasonDamaged, ReasonTrimmed, ReasonEndBeforeStart,
	ReasonTraceTooLarge, ReasonRequestOutOfRange, ReasonUnknownFault, ReasonUnreadable,
}

// tally counts by reason.
type tally map[Reason]int64

// counters is a tally that goroutines share.
type counters struct {
	mu    sync.Mutex
	total tally
}

func (c *counters) add(t tally) {
	if len(t) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total == nil {
		c.total = tally{}
	}
	for reason, n := range t {
		c.total[reason] += n
	}
}

func (c *counters) one(r Reason) { c.add(tally{r: 1}) }

func (c *counters) snapshot() map[Reason]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(map[Reason]int64(c.total))
}
