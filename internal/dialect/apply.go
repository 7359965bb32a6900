package dialect

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

func (f *draft) apply(r *compiled, v pcommon.Value) {
	switch r.class {
	case classRefused:
		f.refuse(r.refuse, r.source)
	case classNumber:
		f.number(r, v)
	case classText:
		if s := f.memo.text(v); s != "" {
			f.text(r, s)
		}
	case classSignal:
		if r.signal() == Streamed || r.signal() == StreamedIfTrue {
			if b, ok := readBool(v); ok {
				f.setStreamed(r, b)
			}
			return
		}
		f.signal(r, f.memo.text(v))
	case classFields:
		switch v.Type() {
		case pcommon.ValueTypeStr:
			f.fields(r, v.Str())
		case pcommon.ValueTypeMap:
			f.mapFields(r, "", v.Map(), maxDepth)
		}
	}
}

// mapFields reads the parts of a map as fields reads those of a text.
func (f *draft) mapFields(r *compiled, parent string, m pcommon.Map, depth int) {
	for key, value := range m.All() {
		if value.Type() == pcommon.ValueTypeMap && depth > 0 {
			f.mapFields(r, key, value.Map(), depth-1)
			continue
		}
		for i := range r.fields {
			if field := &r.fields[i]; field.key == key && (field.parent == "" || field.parent == parent) {
				f.apply(field, value)
			}
		}
	}
}

// fields reads the parts of a JSON text that rules name by their last one or two keys.
func (f *draft) fields(r *compiled, s string) {
	if !strings.Contains(s, r.only) {
		return
	}
	walkBlob(s, func(parent, key, value string) {
		for i := range r.fields {
			field := &r.fields[i]
			if field.key != key || field.parent != "" && field.parent != parent {
				continue
			}
			switch field.class {
			case classNumber:
				if n, ok := parseNumber(value); ok {
					f.parsed(field, n)
				}
			case classText:
				if value != "" && value != "null" && value != "None" {
					f.text(field, clip(value))
				}
			case classSignal:
				if field.signal() == Streamed || field.signal() == StreamedIfTrue {
					if b, ok := parseBool(value); ok {
						f.setStreamed(field, b)
					}
				} else if value != "null" && value != "None" {
					f.signal(field, value)
				}
			}
		}
	})
}

func (f *draft) number(r *compiled, v pcommon.Value) {
	switch r.unit {
	case DurationText:
		if v.Type() == pcommon.ValueTypeStr {
			if ns, ok := parseDurationText(v.Str()); ok {
				f.duration(r, ns)
			} else {
				f.refuse(RefusedUnit, r.source)
			}
		}
		return
	case ISOTime:
		if v.Type() != pcommon.ValueTypeStr {
			return
		}
		// The same host wrote the span's start, in whole milliseconds if it is
		// JavaScript; a stale time lies before it.
		if at, ok := parseISOTime(v.Str()); ok && at >= f.Start {
			f.duration(r, at-f.Start)
		} else if ok {
			f.refuse(RefusedTTFT, r.source)
		}
		return
	}
	if n, ok := readNumber(v); ok {
		f.parsed(r, n)
	}
}

// maxCount bounds counts, so that a few of them add up without overflow.
const maxCount = 1e12

// parsed takes a number in the rule's unit, unless it is impossible.
func (f *draft) parsed(r *compiled, n number) {
	to := r.number()
	if to >= InputTokens {
		if count, ok := n.count(); ok && count >= 0 && count <= maxCount {
			f.set(r, count)
		} else if to <= ReasoningTokens && !(ok && count == -1) {
			f.refuse(RefusedUnit, r.source)
		}
		return
	}
	ns, ok := n.ns(r.unit, f.javaScript)
	if !ok {
		f.refuse(RefusedUnit, r.source)
		return
	}
	f.duration(r, ns)
}

// duration takes a duration that is possible for the span and refuses others:
// a wrong unit is off by a factor of a thousand, mostly to more than the span.
func (f *draft) duration(r *compiled, ns int64) {
	to := r.number()
	limit := f.Duration()
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
			f.refuse(RefusedUnit, r.source)
		}
	case ns < minTTFT && (to == TTFT || to == FirstAnswer):
		f.refuse(RefusedUnit, r.source)
	case ns == 0 && (to == ServerTTFT || to == ServerTotal || to == HeaderTotal):
		// Not reported.
	case ns < minTotal && to == ServerTotal:
		f.refuse(RefusedUnit, r.source)
	case ns > limit:
		f.refuse(RefusedUnit, r.source)
	default:
		f.set(r, ns)
	}
}

// minTotal is less than any provider takes in all.
const minTotal = 1e6

// minTTFT is less than any first chunk takes: whole milliseconds that were taken
// for nanoseconds are below it.
const minTTFT = 100e3

func engineMeasured(n Number) bool { return n >= ServerTTFT && n <= ServerTotal }

// Tolerance is how far two durations that mean the same may differ: 1 ms or
// 0.5 %, whichever is more.
func Tolerance(ns int64) int64 { return max(1e6, ns/200) }

func (f *draft) signal(r *compiled, s string) {
	if s == "" {
		return
	}
	switch r.signal() {
	case IsCacheHit:
		f.Marks |= CacheHit
	case CacheStatus:
		if strings.HasSuffix(strings.ToUpper(s), "HIT") {
			f.Marks |= CacheHit
		}
	case IsError:
		if strings.EqualFold(s, "ERROR") {
			f.Status = StatusError
		}
	case IsCancelled:
		if b, _ := parseBool(s); b && f.Status != StatusError {
			f.Status = StatusCancelled
		}
	case IsTruncated:
		if b, _ := parseBool(s); b {
			f.refuse(RefusedTruncated, r.source)
		}
	case IsReused:
		if b, _ := parseBool(s); b {
			f.Marks |= reused
		}
	}
}
