package store

import (
	"container/list"
	"hash/maphash"
	"slices"
	"time"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
	"github.com/phaseline/phaseline/migrations"
)

const (
	// freeWork is how often, on average, a span may be derived promptly. A trace
	// that has used that up is derived when it has grown by a tenth, or after a
	// wait that quadruples each time: nine waits are longer than a fortnight. So all
	// spans ever read for a trace stay within 20 times its size.
	freeWork   = 11
	waitGrowth = 4
	maxWaits   = 9
	// indexFrom is the size from which a trace's spans are found by a map.
	indexFrom = 32
)

// trace is what is known here of one trace.
type trace struct {
	key     traceKey
	spans   []held // empty when let go
	index   map[[8]byte]int
	size    int    // distinct spans known, also when they were let go
	period  period // of all spans known
	foreign int    // spans that other stores inserted

	first, last time.Time // when spans came
	changed     time.Time // when the first span came that is not derived; zero: none
	due         time.Time // when to derive; zero: nothing to do
	position    int       // in the agenda; -1: not in it

	// In one of the deriver's lists.
	in      *list.List
	element *list.Element

	whole    bool // spans are all that the store has, as far as is known here
	ownOnly  bool // nothing was ever loaded: what was derived, was derived here
	oversize bool
	received bool // some of it came to this store
	recorded bool // the progress table has that it is put off

	work    int // spans derived so far, each time counted
	waits   int // how often it was derived after a wait
	waiting bool

	rows     [][8]byte         // spans with a row, by what this store last wrote
	next     [][8]byte         // rows, once what is being written is stored
	ghosts   []phase.Tombstone // of contents that lost against another of the same span
	unseen   []*phase.Request  // for the observer
	observed []observation     // seen by it

	page, nextPage page // of an oversize trace: read, and being written
}

// held is a span in memory.
type held struct {
	facts *dialect.Facts
	hash  uint32 // of its content
	own   bool   // this store received it
}

// add takes a span in. It reports whether that changes what the trace derives to.
func (t *trace) add(h held) bool {
	if h.facts.Start < t.period.from {
		t.period.from = h.facts.Start
	}
	if h.facts.Start > t.period.to {
		t.period.to = h.facts.Start
	}
	if i := t.find(h.facts.SpanID); i >= 0 {
		return t.settle(&t.spans[i], h)
	}
	if t.index != nil {
		t.index[h.facts.SpanID] = len(t.spans)
	}
	t.spans = append(t.spans, h)
	if t.index == nil && len(t.spans) > indexFrom {
		t.index = make(map[[8]byte]int, 2*len(t.spans))
		for i := range t.spans {
			t.index[t.spans[i].facts.SpanID] = i
		}
	}
	t.size = max(t.size, len(t.spans))
	if !h.own {
		t.foreign++
	}
	return true
}

func (t *trace) find(id [8]byte) int {
	if t.index != nil {
		if i, ok := t.index[id]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(t.spans, func(h held) bool { return h.facts.SpanID == id })
}

// settle decides between two contents of one span: the larger hash stays. The
// loser's row, if it has another key, must go.
func (t *trace) settle(has *held, other held) bool {
	has.own = has.own || other.own
	if has.hash == other.hash {
		return false
	}
	loser := other.facts
	if other.hash > has.hash {
		loser = has.facts
		has.facts, has.hash = other.facts, other.hash
	}
	winner := has.facts
	if minute(loser.End) != minute(winner.End) || loser.Origin.Service != winner.Origin.Service {
		t.ghosts = append(t.ghosts, phase.Tombstone{
			TraceID: loser.TraceID, SpanID: loser.SpanID,
			Tenant: loser.Tenant, Service: loser.Origin.Service, End: loser.End,
		})
	}
	return true
}

// minute is the part of a request's end that its row is found by.
func minute(ns int64) int64 { return ns / int64(time.Minute) }

// owns reports whether the request of a span is for this store's observer, not
// for another's.
func (t *trace) owns(id [8]byte) bool {
	i := t.find(id)
	return i >= 0 && t.spans[i].own
}

// observation is a request as the observer saw it. What it saw cannot be taken
// back, so that a later correction is only counted.
type observation struct {
	id     [8]byte
	sum    uint64 // of what it saw
	newest uint64 // the same of the row to write; 0: there is none any more
}

// corrected counts the observed requests of which what was just stored says
// something else than the observer saw, each time that it changes.
func (t *trace) corrected() (n int64) {
	for i := range t.observed {
		if o := &t.observed[i]; o.sum != o.newest {
			o.sum = o.newest
			n++
		}
	}
	return n
}

var observationSeed = maphash.MakeSeed()

// observationSum is a hash of what an observer may count of a request.
func observationSum(r *phase.Request) uint64 {
	return maphash.Comparable(observationSeed, struct {
		service, model, provider string
		outcome                  phase.Outcome
		vantage                  phase.Vantage
		flags                    phase.Flags
		durations                [10]phase.Duration
		tokens                   [2]int64
	}{
		r.Service, r.Model, r.Provider, r.Outcome, r.Vantage, r.Flags,
		[...]phase.Duration{r.Total, r.Network, r.Queue, r.Prefill, r.Decode, r.Unattributed, r.TTFT, r.Server, r.ServerTTFT, r.TPOT},
		[...]int64{r.InputTokens, r.OutputTokens},
	})
}

// letGo forgets the spans and keeps what is known about them.
func (t *trace) letGo() {
	t.spans, t.index, t.unseen = nil, nil, nil
	t.whole = false
}

// schedule sets when the trace is derived, given that it changed at now.
func (t *trace) schedule(now time.Time, p *pace) {
	if t.changed.IsZero() {
		t.changed = now
	}
	if t.oversize || t.work+t.size <= freeWork*t.size {
		if soon := now.Add(p.promptly); t.due.IsZero() || soon.Before(t.due) {
			t.due, t.waiting = soon, false
		}
		return
	}
	if t.due.IsZero() {
		wait := p.firstWait
		for range min(t.waits, maxWaits) {
			wait *= waitGrowth
		}
		t.due, t.waiting = now.Add(wait), true
	}
}

// facts returns the spans for decomposition, in buffer.
func (t *trace) facts(buffer []dialect.Facts) []dialect.Facts {
	buffer = buffer[:0]
	for _, h := range t.spans {
		buffer = append(buffer, *h.facts)
	}
	return buffer
}

// matters reports whether the trace has a span of a model or an engine. Without
// one no span of it was ever a request, so there is nothing to write or delete.
func (t *trace) matters() bool {
	return slices.ContainsFunc(t.spans, func(h held) bool {
		return h.facts.Role != dialect.RoleOther && h.facts.Role != dialect.RoleHTTP && h.facts.Role != dialect.RoleServer && h.facts.Role != dialect.RoleConnect
	})
}

// stale are tombstones that some row may be waiting for.
//
// Most tombstones are of spans that never had a row: an HTTP call below a model
// call. They are left out where it is certain that no store has written one:
// all spans came to this store, none had to be loaded, and no other store takes
// over so soon.
func (t *trace) stale(tombstones []phase.Tombstone, now time.Time, p *pace) []phase.Tombstone {
	if !t.ownOnly || now.Sub(t.first) > p.takeover/2 {
		return tombstones
	}
	return slices.DeleteFunc(tombstones, func(dead phase.Tombstone) bool {
		return !slices.Contains(t.rows, dead.SpanID)
	})
}

// inRange reports whether a request that ended then is within its retention.
func inRange(end int64, keep migrations.Retention, now time.Time) bool {
	return end <= now.Add(maxAhead).UnixNano() && (keep.Requests == 0 || end >= now.Add(-keep.Requests).UnixNano())
}
