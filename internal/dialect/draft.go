package dialect

import (
	"math"
	"math/bits"

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
		rules := e.rules(dialect)
		for i := range rules {
			f.apply(&rules[i], value)
		}
		if e.chosen != "" {
			f.own = append(f.own, Attribute{e.chosen, f.memo.text(value)})
		}
		if e.tenant {
			f.Tenant = f.memo.text(value)
		}
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
