package store

import "github.com/cespare/xxhash/v2"

// maxKnown bounds each of the two generations of known traces, about 50 bytes a trace.
const maxKnown = 400_000

// period is when spans started: in [from, to], Unix ns.
type period struct{ from, to int64 }

func (p period) with(q period) period { return period{min(p.from, q.from), max(p.to, q.to)} }

// past is what is left of a trace that is not held.
type past struct {
	period  period
	foreign int32 // spans of other stores that were read
	own     bool  // this store received some of it
}

// known remembers traces that are no longer held: that the store has spans of
// them, and from when. The oldest are forgotten, a generation at a time.
type known struct {
	young, old map[uint64]past
	bornAt     int64 // when young began, Unix ns
	since      int64 // when old began: what was let go after it is known
}

func newKnown(now int64) known {
	return known{young: map[uint64]past{}, bornAt: now, since: now}
}

func (k *known) add(key traceKey, p past, now int64) {
	h := key.hash()
	if q, ok := k.find(h); ok {
		p = past{p.period.with(q.period), max(p.foreign, q.foreign), p.own || q.own}
	}
	if len(k.young) >= maxKnown {
		k.old, k.young = k.young, make(map[uint64]past, maxKnown)
		k.since, k.bornAt = k.bornAt, now
	}
	k.young[h] = p
}

func (k *known) get(key traceKey) (past, bool) { return k.find(key.hash()) }

func (k *known) find(h uint64) (past, bool) {
	if p, ok := k.young[h]; ok {
		return p, true
	}
	p, ok := k.old[h]
	return p, ok
}

// traceKey names a trace. Two tenants may use one trace id.
type traceKey struct {
	tenant string
	id     [16]byte
}

func (k traceKey) hash() uint64 {
	var d xxhash.Digest
	d.Reset()
	d.Write(k.id[:])
	d.WriteString(k.tenant)
	return d.Sum64()
}
