package simulate

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// writer turns calls into spans, and spans into export requests: each process
// has its own clock and its own batching exporter.
type writer struct {
	faults    Faults
	rng       *rand.Rand
	start     int64
	processes map[processKey]*process
	order     []*process // creation order, since map order is random
	ready     []Delivery
}

type processKey struct {
	service, version, instance string
}

// process is one sender: a clock that is off and drifts, a resource, and the
// batches its exporter has not sent yet.
type process struct {
	name     string
	offset   int64   // its clock minus true time at the start
	drift    float64 // nanoseconds per true nanosecond
	start    int64
	flush    int64 // interval
	phase    int64
	sent     int64 // index of the last flush
	resource func(pcommon.Map)
	pending  map[int64]*batch
	coarse   bool // span starts are whole milliseconds, as in JavaScript
}

type batch struct {
	traces  ptrace.Traces
	spans   ptrace.ResourceSpans
	scopes  map[string]ptrace.SpanSlice
	carries []carried
}

type carried struct {
	truth *Truth
	role  Roles
}

func newWriter(f Faults, rng *rand.Rand, start int64) *writer {
	if f.Flush <= 0 {
		f.Flush = 5 * time.Second // the SDKs' default
	}
	return &writer{faults: f, rng: rng, start: start, processes: map[processKey]*process{}}
}

// process finds the sender or starts it, with the rest of its resource.
func (w *writer) process(service, version, instance string, rest func(pcommon.Map)) *process {
	key := processKey{service, version, instance}
	if p, ok := w.processes[key]; ok {
		return p
	}
	p := &process{
		name: service + "/" + instance, start: w.start, flush: int64(w.faults.Flush),
		offset:  int64((2*w.rng.Float64() - 1) * float64(w.faults.Skew)),
		drift:   2e-6 * w.rng.NormFloat64(), // what NTP leaves
		phase:   w.rng.Int64N(int64(w.faults.Flush)),
		pending: map[int64]*batch{},
		resource: func(m pcommon.Map) {
			m.PutStr("service.name", service)
			if version != "" {
				m.PutStr("service.version", version)
			}
			m.PutStr("service.instance.id", instance)
			rest(m)
		},
	}
	if w.faults.Skew == 0 {
		p.drift = 0
	}
	w.processes[key] = p
	w.order = append(w.order, p)
	return p
}

// clock reads the process's wall clock at a true instant.
func (p *process) clock(t int64) int64 {
	return t + p.offset + int64(p.drift*float64(t-p.start))
}

// span opens a span that is exported with the flush after its end.
func (w *writer) span(p *process, scope, version string, k *call, role Roles, start, end int64) ptrace.Span {
	flush := max(p.sent+1, 1+(end-p.start-p.phase)/p.flush)
	b := p.pending[flush]
	if b == nil {
		b = &batch{traces: ptrace.NewTraces(), scopes: map[string]ptrace.SpanSlice{}}
		b.spans = b.traces.ResourceSpans().AppendEmpty()
		p.resource(b.spans.Resource().Attributes())
		p.pending[flush] = b
	}
	list, ok := b.scopes[scope]
	if !ok {
		ss := b.spans.ScopeSpans().AppendEmpty()
		ss.Scope().SetName(scope)
		ss.Scope().SetVersion(version)
		list = ss.Spans()
		b.scopes[scope] = list
	}
	if role != 0 {
		k.truth.Emitted |= role
		b.carries = append(b.carries, carried{k.truth, role})
	}
	span := list.AppendEmpty()
	span.SetTraceID(k.truth.TraceID)
	span.SetFlags(0x101) // sampled, and the context-is-remote bit is meaningful
	from := p.clock(start)
	if p.coarse {
		from -= from % 1e6
	}
	span.SetStartTimestamp(pcommon.Timestamp(from))
	span.SetEndTimestamp(pcommon.Timestamp(from + p.clock(end) - p.clock(start)))
	return span
}

// deliver closes every batch whose flush is due at to, and lets faults happen.
func (w *writer) deliver(to int64) []Delivery {
	for _, p := range w.order {
		due := (to - p.start - p.phase) / p.flush
		var flushes []int64
		for f := range p.pending {
			if f <= due {
				flushes = append(flushes, f)
			}
		}
		slices.Sort(flushes)
		for _, f := range flushes {
			w.export(p, p.start+p.phase+f*p.flush, p.pending[f])
			delete(p.pending, f)
		}
		p.sent = max(p.sent, due)
	}
	slices.SortStableFunc(w.ready, func(a, b Delivery) int { return int(min(max(a.At-b.At, -1), 1)) })
	n := 0
	for n < len(w.ready) && w.ready[n].At < to {
		n++
	}
	out := slices.Clone(w.ready[:n])
	w.ready = slices.Delete(w.ready, 0, n)
	return out
}

func (w *writer) export(p *process, at int64, b *batch) {
	f := w.faults
	if w.rng.Float64() < f.Loss {
		for _, c := range b.carries {
			c.truth.Lost |= c.role
		}
		return
	}
	if f.Delay > 0 {
		at += int64(float64(f.Delay) * w.rng.ExpFloat64())
	}
	if w.rng.Float64() < f.Late {
		at += int64(float64(f.LateBy) * w.rng.Float64())
	}
	w.ready = append(w.ready, Delivery{At: at, Exporter: p.name, Traces: b.traces})
	if w.rng.Float64() < f.Duplicate {
		again := at + int64(float64(f.Delay+f.LateBy)*w.rng.Float64())
		w.ready = append(w.ready, Delivery{At: again, Exporter: p.name, Traces: b.traces})
	}
}

// seconds is a duration as the engines and SDKs write it: a double. Binary
// doubles hold nanoseconds exactly enough to round back.
func seconds(ns int64) float64 { return float64(ns) / 1e9 }

// millis is a duration in double milliseconds with the microseconds that
// performance.now() has.
func millis(ns int64) float64 { return math.Round(float64(ns)/1e3) / 1e3 }

func putStrings(m pcommon.Map, key string, values ...string) {
	s := m.PutEmptySlice(key)
	for _, v := range values {
		s.AppendEmpty().SetStr(v)
	}
}

func requestID(k *call) string {
	kind := "chatcmpl-"
	if k.text {
		kind = "cmpl-"
	}
	return kind + strconv.FormatUint(k.id, 36)
}
