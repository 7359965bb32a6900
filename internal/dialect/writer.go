package dialect

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// writer applies rules to one span's facts.
type writer struct {
	f          *Facts
	dialect    *Dialect
	javaScript bool

	// The precedence of the rule that set each fact, 0 if none has.
	numbers  [numberCount]precedence
	texts    [textCount]precedence
	streamed precedence
}

// precedence orders rules of one fact, lowest first: by rank, then by source,
// so that the order of attributes does not matter.
type precedence uint32

func (r *compiled) precedence() precedence {
	return precedence(r.rank)<<16 | precedence(r.source) + 1
}

// attribute applies the rules for one attribute: the dialect's own if it has
// any for this key, otherwise the shared vocabulary.
func (w *writer) attribute(h *hit) {
	rules := h.entry.vocabulary
	for i := range h.entry.own {
		if h.entry.own[i].dialect == w.dialect {
			rules = h.entry.own[i].rules
			break
		}
	}
	for i := range rules {
		w.apply(&rules[i], h.value)
	}
	if h.entry.chosen != "" {
		w.f.Attributes = append(w.f.Attributes, Attribute{h.entry.chosen, readText(h.value)})
	}
	if h.entry.tenant {
		w.f.Tenant = readText(h.value)
	}
}

func (w *writer) apply(r *compiled, v pcommon.Value) {
	switch r.class {
	case classRefused:
		w.f.refuse(r.refuse, r.source)
	case classNumber:
		w.number(r, v)
	case classText:
		if s := readText(v); s != "" {
			w.text(r, s)
		}
	case classSignal:
		if r.signal() == Streamed || r.signal() == StreamedIfTrue {
			if b, ok := readBool(v); ok {
				w.setStreamed(r, b)
			}
			return
		}
		w.signal(r, readText(v))
	case classFields:
		switch v.Type() {
		case pcommon.ValueTypeStr:
			w.fields(r, v.Str())
		case pcommon.ValueTypeMap:
			for key, value := range v.Map().All() {
				for i := range r.fields {
					if r.fields[i].key == key {
						w.apply(&r.fields[i], value)
					}
				}
			}
		}
	}
}

// fields reads the parts of a JSON text that rules name by their last one or two keys.
func (w *writer) fields(r *compiled, s string) {
	walkBlob(s, func(parent, key, value string) {
		for i := range r.fields {
			field := &r.fields[i]
			if field.key != key || field.parent != "" && field.parent != parent {
				continue
			}
			switch field.class {
			case classNumber:
				if n, ok := parseNumber(value); ok {
					w.parsed(field, n)
				}
			case classText:
				if value != "" && value != "null" && value != "None" {
					w.text(field, clip(value))
				}
			case classSignal:
				if field.signal() == Streamed || field.signal() == StreamedIfTrue {
					if b, ok := parseBool(value); ok {
						w.setStreamed(field, b)
					}
				} else if value != "null" && value != "None" {
					w.signal(field, value)
				}
			}
		}
	})
}

func (w *writer) number(r *compiled, v pcommon.Value) {
	switch r.unit {
	case DurationText:
		if v.Type() == pcommon.ValueTypeStr {
			if ns, ok := parseDurationText(v.Str()); ok {
				w.duration(r, ns)
			} else {
				w.f.refuse(RefusedUnit, r.source)
			}
		}
		return
	case ISOTime:
		if v.Type() != pcommon.ValueTypeStr {
			return
		}
		// The same host wrote the span's start, in whole milliseconds if it is
		// JavaScript; a stale time lies before it.
		if at, ok := parseISOTime(v.Str()); ok && at >= w.f.Start {
			w.duration(r, at-w.f.Start)
		} else if ok {
			w.f.refuse(RefusedTTFT, r.source)
		}
		return
	}
	if n, ok := readNumber(v); ok {
		w.parsed(r, n)
	}
}

// maxCount bounds counts, so that a few of them add up without overflow.
const maxCount = 1e12

// parsed takes a number in the rule's unit, unless it is impossible.
func (w *writer) parsed(r *compiled, n number) {
	to := r.number()
	if to >= InputTokens {
		if count, ok := n.count(); ok && count >= 0 && count <= maxCount {
			w.set(r, count)
		} else if to <= ReasoningTokens && !(ok && count == -1) {
			w.f.refuse(RefusedUnit, r.source)
		}
		return
	}
	ns, ok := n.ns(r.unit, w.javaScript)
	if !ok {
		w.f.refuse(RefusedUnit, r.source)
		return
	}
	w.duration(r, ns)
}

// duration takes a duration that is possible for the span and refuses others:
// a wrong unit is off by a factor of a thousand, mostly to more than the span.
func (w *writer) duration(r *compiled, ns int64) {
	to := r.number()
	limit := w.f.Duration()
	limit += Tolerance(limit)
	switch to {
	case ServerTotal, HeaderTotal:
		// A little more than the span is a conflict for the decomposition to
		// name; ten times as much is a wrong unit.
		limit *= 10
	case QueueStartAt, ComputeStartAt, Connect:
		limit = ns
	}
	switch {
	case ns < 0:
		// TensorRT-LLM sends -1 for what it did not measure.
		if !engineMeasured(to) {
			w.f.refuse(RefusedUnit, r.source)
		}
	case ns < minTTFT && (to == TTFT || to == FirstAnswer):
		w.f.refuse(RefusedUnit, r.source)
	case ns == 0 && (to == ServerTTFT || to == ServerTotal || to == HeaderTotal):
		// Not reported.
	case ns > limit:
		w.f.refuse(RefusedUnit, r.source)
	default:
		w.set(r, ns)
	}
}

// minTTFT is less than any first chunk takes: whole milliseconds that were taken
// for nanoseconds are below it.
const minTTFT = 20e3

func engineMeasured(n Number) bool { return n >= ServerTTFT && n <= ServerTotal }

// Tolerance is how far two durations that mean the same may differ: 1 ms or
// 0.5 %, whichever is more.
func Tolerance(ns int64) int64 { return max(1e6, ns/200) }

// set keeps the value whose rule has precedence.
func (w *writer) set(r *compiled, value int64) {
	to := r.number()
	old, rule := w.numbers[to], r.precedence()
	if to == TTFT && old != 0 && w.f.TTFTKind == r.kind {
		// Two clocks: the attribute's is monotonic, an event's is the wall.
		if a, b := w.f.numbers[TTFT], value; max(a-b, b-a) > max(10e6, max(a, b)/20) {
			loser := r.source
			if old > rule {
				loser = w.f.sources[TTFT]
			}
			w.f.refuse(Disagreement, loser)
		}
	}
	if old != 0 && old <= rule {
		return
	}
	w.numbers[to] = rule
	w.f.setSource(to, value, r.source)
	if to == TTFT {
		w.f.TTFTKind = r.kind
	}
}

func (w *writer) text(r *compiled, s string) {
	if old, rule := w.texts[r.index], r.precedence(); old == 0 || old > rule {
		w.texts[r.index] = rule
		w.f.texts[r.index] = s
	}
}

func (w *writer) setStreamed(r *compiled, b bool) {
	if !b && r.signal() == StreamedIfTrue {
		return
	}
	if old, rule := w.streamed, r.precedence(); old == 0 || old > rule {
		w.streamed = rule
		w.f.streaming = -1
		if b {
			w.f.streaming = 1
		}
	}
}

func (w *writer) signal(r *compiled, s string) {
	if s == "" {
		return
	}
	switch r.signal() {
	case IsCacheHit:
		w.f.Marks |= CacheHit
	case CacheStatus:
		if strings.HasSuffix(strings.ToUpper(s), "HIT") {
			w.f.Marks |= CacheHit
		}
	case IsError:
		if strings.EqualFold(s, "ERROR") {
			w.f.Status = StatusError
		}
	case IsTruncated:
		if b, _ := parseBool(s); b {
			w.f.refuse(RefusedTruncated, r.source)
		}
	case IsReused:
		if b, _ := parseBool(s); b {
			w.f.Marks |= reused
		}
	}
}

func (f *Facts) setSource(n Number, value int64, source sourceID) {
	f.has |= 1 << n
	f.numbers[n] = value
	f.sources[n] = source
}

func (f *Facts) clear(n Number) {
	f.has &^= 1 << n
	f.numbers[n] = 0
	f.sources[n] = 0
}
