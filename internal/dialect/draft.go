package dialect

import (
	"math"
	"math/bits"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// draft is a span's facts while they are read: each has a place of its own.
type draft struct {
	*Facts
	reader     *Reader
	memo       memo
	javaScript bool

	// These are meaningless where Facts.has has no bit.
	numbers [figures]figure
	texts   [textCount]string
	// The precedence of the rule that set each.
	numberRules [numberCount]precedence
	textRules   [textCount]precedence
	streamRule  precedence // 0: none has

	own []Attribute // operator-chosen, of the span itself
}

// figure is a number and what it was read from.
type figure struct {
	value  int64
	source sourceID
}

// Number returns the fact n, or Unknown.
func (f *draft) Number(n Number) int64 {
	if !f.Has(n) {
		return Unknown
	}
	return f.numbers[n].value
}

// Text returns the fact t, or "".
func (f *draft) Text(t Text) string {
	if !f.hasText(t) {
		return ""
	}
	return f.texts[t]
}

func (f *draft) hasText(t Text) bool { return f.has&(1<<(textBit+int(t))) != 0 }

// precedence orders rules of one fact, lowest first: by rank, then by source,
// so that the order of attributes does not matter.
type precedence uint32

func (r *compiled) precedence() precedence {
	return precedence(r.rank)<<16 | precedence(r.source) + 1
}

// noRule is the precedence of what no rule says.
const noRule = math.MaxUint32

// read reads the span, whose dialect is known.
func (f *draft) read(span ptrace.Span, name string) {
	r, dialect := f.reader, f.dialect
	named := f.roleByName(name)
	var kinds *KindTable
	for key, value := range span.Attributes().All() {
		e := r.entry(key)
		if e == nil {
			continue
		}
		if k := e.kinds; k != nil && !named && (kinds == nil || k.Rank < kinds.Rank) {
			kinds = k
			f.Role = k.role(f.memo.text(value))
		}
		f.attribute(e, value)
	}
	if !named {
		f.settleSide(kinds != nil)
	}
	failed := f.hasText(ErrorType)
	if span.Events().Len() > 0 {
		f.events(span)
	}
	if failed && f.Status == StatusUnset {
		f.Status = StatusError // error.type is there on failures only
	}
	if f.Role == RoleServer || f.Role == RoleHTTP {
		f.pathByName(name)
	}
	if dialect != nil {
		f.Marks |= dialect.Traits
		if dialect.Engine != "" && !f.hasText(Provider) {
			f.setText(Provider, dialect.Provider)
		}
		if dialect.Finish != nil {
			dialect.Finish(f, span)
		}
	}
	f.settle(dialect)
}

// roleByName says what the span can be where its dialect tells that by the
// span's name. A part's length may be a fact.
func (f *draft) roleByName(name string) bool {
	if f.dialect == nil {
		return false
	}
	for i := range f.dialect.Names {
		n := &f.dialect.Names[i]
		if matches(n.Name, name) {
			f.Role, f.Stage = n.Role, n.Stage
			if n.HasExtent {
				f.setNumber(n.Extent, f.Duration(), f.reader.extents[n.Name])
			}
			return true
		}
	}
	return false
}

// settleSide tells HTTP spans, and those of which nothing tells what they are,
// apart by their kind.
func (f *draft) settleSide(told bool) {
	if told && f.Role != roleHTTPSide {
		return
	}
	switch {
	case f.Kind == ptrace.SpanKindServer:
		f.Role = RoleServer
	case told && f.Kind == ptrace.SpanKindClient:
		f.Role = RoleHTTP
	default:
		f.Role = RoleOther
	}
}

// attribute applies the rules for one attribute: the dialect's own if it has
// any for this key, otherwise the shared vocabulary.
func (f *draft) attribute(e *entry, v pcommon.Value) {
	rules := e.vocabulary
	for i := range e.own {
		if e.own[i].dialect == f.dialect {
			rules = e.own[i].rules
			break
		}
	}
	for i := range rules {
		f.apply(&rules[i], v)
	}
	if e.chosen != "" {
		f.own = append(f.own, Attribute{e.chosen, f.memo.text(v)})
	}
	if e.tenant {
		f.Tenant = f.memo.text(v)
	}
}

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
			for key, value := range v.Map().All() {
				for i := range r.fields {
					if r.fields[i].key == key {
						f.apply(&r.fields[i], value)
					}
				}
			}
		}
	}
}

// fields reads the parts of a JSON text that rules name by their last one or two keys.
func (f *draft) fields(r *compiled, s string) {
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
	case ns > limit:
		f.refuse(RefusedUnit, r.source)
	default:
		f.set(r, ns)
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
func (f *draft) set(r *compiled, value int64) {
	to := r.number()
	old, rule := precedence(noRule), r.precedence()
	if f.Has(to) {
		old = f.numberRules[to]
	}
	if to == TTFT && f.Has(to) && f.TTFTKind == r.kind {
		// Two clocks: the attribute's is monotonic, an event's is the wall.
		if a, b := f.numbers[TTFT].value, value; max(a-b, b-a) > max(10e6, max(a, b)/20) {
			loser := r.source
			if old > rule {
				loser = f.numbers[TTFT].source
			}
			f.refuse(Disagreement, loser)
		}
	}
	if old <= rule {
		return
	}
	f.setNumber(to, value, r.source)
	f.numberRules[to] = rule
	if to == TTFT {
		f.TTFTKind = r.kind
	}
}

func (f *draft) text(r *compiled, s string) {
	t := Text(r.index)
	if f.hasText(t) && f.textRules[t] <= r.precedence() {
		return
	}
	f.setText(t, s)
	f.textRules[t] = r.precedence()
}

func (f *draft) setStreamed(r *compiled, b bool) {
	if !b && r.signal() == StreamedIfTrue {
		return
	}
	if old, rule := f.streamRule, r.precedence(); old == 0 || old > rule {
		f.streamRule = rule
		f.streaming = -1
		if b {
			f.streaming = 1
		}
	}
}

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

// setNumber sets a number that no rule stands for; any rule has precedence.
func (f *draft) setNumber(n Number, value int64, source sourceID) {
	f.has |= 1 << n
	f.numbers[n] = figure{value, source}
	f.numberRules[n] = noRule
}

// setText sets a text; "" takes it away.
func (f *draft) setText(t Text, s string) {
	if s == "" {
		f.has &^= 1 << (textBit + int(t))
		return
	}
	f.has |= 1 << (textBit + int(t))
	f.texts[t] = s
}

func (f *draft) clear(n Number) { f.has &^= 1 << n }

func (f *draft) refuse(what Refusals, from sourceID) {
	f.Refused |= what
	bit := refusalBit + bits.TrailingZeros8(uint8(what))
	if by := &f.numbers[bit]; f.has&(1<<bit) == 0 || by.source == 0 || from < by.source {
		f.has |= 1 << bit
		*by = figure{source: from}
	}
}
