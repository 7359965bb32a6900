package store

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
)

// Limits of what is stored of one span. What is past them is left out and counted.
const (
	maxAttributes    = 256
	maxKeyLength     = 256
	maxValueLength   = 8 << 10
	maxContentLength = 128 << 10 // of a prompt or completion, where they are kept
	maxNameLength    = 512
	maxEvents        = 4096
	maxEventsLength  = 256 << 10
)

// block is rows of the spans table, column by column. Texts of few kinds are
// pointers from one interner, so that the driver's dictionaries compare addresses.
type block struct {
	arena []byte
	ids   []byte // idsLength bytes a row: trace, span, parent

	tenants, services, names, resources, scopes, keys []*string
	starts, durations                                 []int64
	kinds, statuses                                   []int8
	messages, values, events                          []extent
	droppedAttributes, droppedEvents, hashes          []uint32
}

const idsLength = 16 + 8 + 8

// encoder fills blocks, one after the other. It remembers texts and keys, since
// spans repeat each other's.
type encoder struct {
	*block
	interned interner
	shapes   map[string]*shape
	known    map[string]*attributeKey
	content  bool // prompts and completions are stored
	scratch  []byte
}

// begin lets the encoder fill a block.
func (b *encoder) begin(to *block) {
	b.block = to
	b.interned.bound()
	if len(b.shapes) > maxInterned || b.shapes == nil {
		b.shapes = map[string]*shape{}
	}
	if len(b.known) > maxInterned || b.known == nil {
		b.known = map[string]*attributeKey{}
	}
}

// extent is a part of a block's arena.
type extent struct{ from, to int }

// attributeKey is what there is to know of a key, which is found out once.
type attributeKey struct {
	literal string // a JSON string
	whole   bool   // the literal says all of it
	content bool   // its value is a prompt or a completion
}

// shape is the list of a span's attribute keys.
type shape struct {
	text   string // a JSON array
	unique bool   // no key is there twice
}

// origin is what the spans of one resource and scope have in common.
type origin struct {
	service, resource, scope *string
	scopeName                string
	whole                    bool // the stored form says all of both
}

func (b *block) rows() int { return len(b.starts) }

// text is how many bytes of the arena are a row's.
func (b *block) text(row int) int {
	n := 0
	for _, e := range [...]extent{b.messages[row], b.values[row], b.events[row]} {
		n += e.to - e.from
	}
	return n
}

// The columns of each kind, in one order.
func (b *block) textColumns() [6]*[]*string {
	return [...]*[]*string{&b.tenants, &b.services, &b.names, &b.resources, &b.scopes, &b.keys}
}

func (b *block) numberColumns() [2]*[]int64 { return [...]*[]int64{&b.starts, &b.durations} }

func (b *block) wordColumns() [3]*[]uint32 {
	return [...]*[]uint32{&b.droppedAttributes, &b.droppedEvents, &b.hashes}
}

func (b *block) extentColumns() [3]*[]extent {
	return [...]*[]extent{&b.messages, &b.values, &b.events}
}

// reset empties the block and keeps its memory.
func (b *block) reset() {
	b.arena, b.ids, b.kinds, b.statuses = b.arena[:0], b.ids[:0], b.kinds[:0], b.statuses[:0]
	for _, column := range b.textColumns() {
		*column = (*column)[:0]
	}
	for _, column := range b.numberColumns() {
		*column = (*column)[:0]
	}
	for _, column := range b.wordColumns() {
		*column = (*column)[:0]
	}
	for _, column := range b.extentColumns() {
		*column = (*column)[:0]
	}
}

func (b *encoder) key(key string) *attributeKey {
	k := b.known[key]
	if k == nil {
		literal, whole := appendText(nil, key, maxKeyLength)
		k = &attributeKey{string(literal), whole, dialect.IsContent(key)}
		if whole {
			b.known[strings.Clone(key)] = k
		}
	}
	return k
}

// origin encodes a resource and a scope.
func (b *encoder) origin(resource pcommon.Resource, scope pcommon.InstrumentationScope) origin {
	o := origin{whole: true, scopeName: scope.Name()}
	service := ""
	if v, ok := resource.Attributes().Get("service.name"); ok {
		service = v.AsString()
	}
	service, _ = trimText(service, maxNameLength) // the resource says whether it is whole
	o.service = b.interned.text(service)

	var ok bool
	text := b.scratch[:0]
	text, ok = b.appendAttributes(text, resource.Attributes())
	o.whole = o.whole && ok
	o.resource = b.interned.bytes(text)

	text = append(text[:0], '[')
	text, ok = appendText(text, scope.Name(), maxNameLength)
	o.whole = o.whole && ok
	text = append(text, ',')
	text, ok = appendText(text, scope.Version(), maxNameLength)
	o.whole = o.whole && ok
	text = append(text, ',')
	text, ok = b.appendAttributes(text, scope.Attributes())
	o.whole = o.whole && ok
	text = append(text, ']')
	o.scope = b.interned.bytes(text)
	b.scratch = text
	return o
}

// add appends a span as a row. It reports whether the row says all of the span,
// prompts and completions aside.
func (b *encoder) add(o origin, tenant string, span ptrace.Span) (whole bool) {
	name, wholeName := trimText(span.Name(), maxNameLength)
	message, wholeMessage := b.message(span.Status().Message())
	keys, values, dropped, wholeAttributes := b.attributes(o.scopeName, span.Attributes())
	events, lost, wholeEvents := b.spanEvents(span)

	traceID, spanID, parentID := span.TraceID(), span.SpanID(), span.ParentSpanID()
	start := int64(span.StartTimestamp())
	duration := int64(span.EndTimestamp()) - start
	kind, status := int8(span.Kind()), int8(span.Status().Code())
	wholeEnums := true
	if span.Kind() < 0 || span.Kind() > ptrace.SpanKindConsumer || span.Status().Code() < 0 || span.Status().Code() > ptrace.StatusCodeError {
		kind, status, wholeEnums = 0, 0, false
	}
	dropped += span.DroppedAttributesCount()
	lost += span.DroppedEventsCount()

	ids := len(b.ids)
	b.ids = append(append(append(b.ids, traceID[:]...), spanID[:]...), parentID[:]...)
	row := b.rows()
	b.tenants = append(b.tenants, b.interned.text(tenant))
	b.services = append(b.services, o.service)
	b.names = append(b.names, b.interned.text(name))
	b.resources = append(b.resources, o.resource)
	b.scopes = append(b.scopes, o.scope)
	b.keys = append(b.keys, &keys.text)
	b.starts = append(b.starts, start)
	b.durations = append(b.durations, duration)
	b.kinds = append(b.kinds, kind)
	b.statuses = append(b.statuses, status)
	b.messages = append(b.messages, message)
	b.values = append(b.values, values)
	b.events = append(b.events, events)
	b.droppedAttributes = append(b.droppedAttributes, dropped)
	b.droppedEvents = append(b.droppedEvents, lost)
	b.hashes = append(b.hashes, b.hash(row, ids))
	return o.whole && wholeName && wholeMessage && wholeAttributes && wholeEvents && wholeEnums
}

// hash is the content hash of a row whose columns are all there but that one.
func (b *encoder) hash(row, ids int) uint32 {
	var h xxhash.Digest
	h.Reset()
	h.Write(b.ids[ids:])
	n := binary.LittleEndian.AppendUint64(b.scratch[:0], uint64(b.starts[row]))
	n = binary.LittleEndian.AppendUint64(n, uint64(b.durations[row]))
	n = binary.LittleEndian.AppendUint32(n, b.droppedAttributes[row])
	n = binary.LittleEndian.AppendUint32(n, b.droppedEvents[row])
	n = append(n, byte(b.kinds[row]), byte(b.statuses[row]))
	h.Write(n)
	b.scratch = n
	for _, text := range [...]*string{b.tenants[row], b.names[row], b.resources[row], b.scopes[row], b.keys[row]} {
		h.WriteString(*text)
		h.WriteString("\n")
	}
	for _, e := range [...]extent{b.messages[row], b.values[row], b.events[row]} {
		h.Write(b.arena[e.from:e.to])
		h.WriteString("\n")
	}
	return uint32(h.Sum64())
}

func (b *encoder) message(text string) (_ extent, whole bool) {
	text, whole = trimText(text, maxValueLength)
	from := len(b.arena)
	b.arena = append(b.arena, text...)
	return extent{from, len(b.arena)}, whole
}

// attributes appends a span's attributes: their keys as a shape, their values to the arena.
func (b *encoder) attributes(scope string, m pcommon.Map) (keys *shape, values extent, dropped uint32, whole bool) {
	whole = true
	from := len(b.arena)
	list := append(b.scratch[:0], '[')
	b.arena = append(b.arena, '[')
	n := 0
	for key, value := range m.All() {
		limit := maxValueLength
		text, scrubbed := "", false
		known := b.key(key)
		if known.content {
			limit = maxContentLength
			if !b.content {
				if text, scrubbed = scrub(scope, key, value); !scrubbed {
					continue
				}
			}
		}
		if n == maxAttributes {
			dropped++
			whole = false
			continue
		}
		if n++; n > 1 {
			list, b.arena = append(list, ','), append(b.arena, ',')
		}
		var ok bool
		list, whole = append(list, known.literal...), whole && known.whole
		if scrubbed {
			b.arena, ok = appendText(b.arena, text, limit)
		} else {
			b.arena, ok = appendValue(b.arena, value, limit, 0)
		}
		whole = whole && ok
	}
	list, b.arena = append(list, ']'), append(b.arena, ']')
	b.scratch = list
	keys = b.shapes[string(list)]
	if keys == nil {
		keys = newShape(string(list))
		b.shapes[keys.text] = keys
	}
	return keys, extent{from, len(b.arena)}, dropped, whole && keys.unique
}

func newShape(text string) *shape {
	keys, err := parseKeys(text)
	seen := make(map[string]bool, len(keys))
	for _, key := range keys {
		seen[key] = true
	}
	return &shape{text: text, unique: err == nil && len(seen) == len(keys)}
}

// scrub returns what may be stored of a prompt or completion: the numbers beside it, if any.
func scrub(scope, key string, value pcommon.Value) (text string, keep bool) {
	if value.Type() != pcommon.ValueTypeStr {
		return "", false
	}
	return dialect.Scrub(scope, key, value.Str())
}

// appendAttributes appends the attributes of a resource, a scope or an event as
// one object, prompts and completions only if they are to be stored.
func (b *encoder) appendAttributes(to []byte, m pcommon.Map) (_ []byte, whole bool) {
	whole = uniqueKeys(m)
	n := 0
	to = append(to, '{')
	for key, value := range m.All() {
		limit := maxValueLength
		if b.key(key).content {
			if !b.content {
				continue
			}
			limit = maxContentLength
		}
		if n == maxAttributes {
			whole = false
			break
		}
		if n++; n > 1 {
			to = append(to, ',')
		}
		var ok bool
		to, ok = appendKey(to, key)
		whole = whole && ok
		to, ok = appendValue(to, value, limit, 0)
		whole = whole && ok
	}
	return append(to, '}'), whole
}

// uniqueKeys reports whether no key is there twice, as it should be: of two, the first is stored.
func uniqueKeys(m pcommon.Map) bool {
	if m.Len() > maxAttributes {
		return false
	}
	i := 0
	for key := range m.All() {
		j := 0
		for other := range m.All() {
			if j++; j > i {
				break
			}
			if other == key {
				return false
			}
		}
		i++
	}
	return true
}

// spanEvents appends a span's events to the arena, each as [ns from start, name, {attributes}].
func (b *encoder) spanEvents(span ptrace.Span) (_ extent, lost uint32, whole bool) {
	events := span.Events()
	from := len(b.arena)
	if events.Len() == 0 {
		return extent{from, from}, 0, true
	}
	whole = true
	b.arena = append(b.arena, '[')
	for i := range events.Len() {
		if i == maxEvents || len(b.arena)-from > maxEventsLength {
			lost = uint32(events.Len() - i)
			whole = false
			break
		}
		event := events.At(i)
		if i > 0 {
			b.arena = append(b.arena, ',')
		}
		b.arena = append(b.arena, '[')
		b.arena = strconv.AppendInt(b.arena, int64(event.Timestamp())-int64(span.StartTimestamp()), 10)
		b.arena = append(b.arena, ',')
		var ok bool
		b.arena, ok = appendText(b.arena, event.Name(), maxNameLength)
		whole = whole && ok
		b.arena = append(b.arena, ',')
		b.arena, ok = b.appendAttributes(b.arena, event.Attributes())
		whole = whole && ok
		b.arena = append(b.arena, ']')
	}
	b.arena = append(b.arena, ']')
	return extent{from, len(b.arena)}, lost, whole
}
