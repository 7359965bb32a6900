package dialect

import (
	"math/bits"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Batch reads spans that came together, one resource and scope after the other.
// What they tell is kept together, as long as one of them is. A batch is not
// safe for concurrent use.
type Batch struct {
	reader  *Reader
	draft   draft
	origins []Origin // room for those to come

	// What the spans of the resource and scope at hand share.
	origin     *Origin
	serving    *Origin  // the same, of an engine that they do not name
	dialect    *Dialect // by scope or resource; nil if those do not tell
	javaScript bool
	tenant     string
	chosen     []Attribute // by the operator
	// Where chosen is in attributes.
	firstChosen, endChosen uint32

	// What was read so far, for the sheet.
	sheet      *sheet
	numbers    []figure
	texts      []string
	attributes []Attribute
}

// Batch returns a batch for the spans of td. Their facts are complete once it is closed.
func (r *Reader) Batch(td ptrace.Traces) *Batch {
	origins := 0
	resources := td.ResourceSpans()
	for i := range resources.Len() {
		origins += resources.At(i).ScopeSpans().Len()
	}
	return r.batch(origins)
}

func (r *Reader) batch(origins int) *Batch {
	b, _ := r.batches.Get().(*Batch)
	if b == nil {
		b = &Batch{}
	}
	b.reader, b.sheet, b.origins = r, &sheet{reader: r}, make([]Origin, origins)
	return b
}

// Close completes the facts that were read. The batch is not to be used again.
func (b *Batch) Close() {
	r, s := b.reader, b.sheet
	s.numbers, s.texts, s.attributes = slices.Clone(b.numbers), slices.Clone(b.texts), slices.Clone(b.attributes)
	clear(b.texts)
	clear(b.attributes)
	*b = Batch{numbers: b.numbers[:0], texts: b.texts[:0], attributes: b.attributes[:0]}
	r.batches.Put(b)
}

// Enter reads what the spans of a resource and scope share.
func (b *Batch) Enter(res pcommon.Resource, scope pcommon.InstrumentationScope) {
	r := b.reader
	if len(b.origins) == 0 {
		b.origins = make([]Origin, 1)
	}
	o := &b.origins[0]
	b.origins = b.origins[1:]
	b.origin, b.serving, b.dialect, b.tenant, b.chosen = o, nil, r.byScope(scope.Name()), "", b.chosen[:0]
	o.Scope = clip(scope.Name())
	b.javaScript = strings.HasPrefix(scope.Name(), "@") // npm package names
	for key, value := range res.Attributes().All() {
		switch key {
		case "service.name":
			o.Service = readText(value)
		case "service.namespace":
			o.ServiceNamespace = readText(value)
		case "service.version":
			o.ServiceVersion = readText(value)
		case "service.instance.id":
			o.Instance = readText(value)
		case "deployment.environment.name":
			o.Environment = readText(value)
		case "deployment.environment":
			if o.Environment == "" {
				o.Environment = readText(value)
			}
		case "telemetry.sdk.language":
			switch readText(value) {
			case "nodejs", "webjs":
				b.javaScript = true
			}
		default:
			if strings.HasPrefix(key, "vllm.") {
				// vLLM's own tracing puts vllm.process_id on the resource.
				o.Engine = "vllm"
			}
		}
		if b.dialect == nil {
			for i := range r.signResources {
				if s := &r.signResources[i]; s.sign.Key == key && matches(s.sign.Value, readText(value)) {
					b.dialect = s.dialect
				}
			}
		}
		if key == r.tenant {
			b.tenant = readText(value)
		}
		for _, k := range r.chosen {
			if k == key {
				b.chosen = append(b.chosen, Attribute{key, readText(value)})
			}
		}
	}
	if b.dialect != nil && b.dialect.Engine != "" {
		o.Engine = b.dialect.Engine
	}
	b.firstChosen, b.endChosen = b.keep(b.chosen, nil)
}

// Read reads one span into f, which must be zero.
func (b *Batch) Read(span ptrace.Span, f *Facts) {
	d := &b.draft
	d.Facts, d.javaScript, d.streamRule, d.own = f, b.javaScript, 0, d.own[:0]
	f.sheet = b.sheet
	f.TraceID, f.SpanID, f.ParentID = span.TraceID(), span.SpanID(), span.ParentSpanID()
	f.Start, f.End = unixNano(span.StartTimestamp()), unixNano(span.EndTimestamp())
	if f.End < f.Start || f.End-f.Start > maxLength {
		f.Refused |= RefusedTimes
	}
	f.Origin, f.Tenant, f.Kind = b.origin, b.tenant, span.Kind()
	switch span.Status().Code() {
	case ptrace.StatusCodeOk:
		f.Status = StatusOK
	case ptrace.StatusCodeError:
		f.Status = StatusError
	}
	name := strings.TrimLeft(span.Name(), " ")
	f.dialect = b.recognise(span, name)
	if f.dialect != nil && f.dialect.Engine != "" && f.dialect.Engine != b.origin.Engine {
		f.Origin = b.engine(f.dialect.Engine)
	}
	d.read(span, name)
	b.put(d)
}

// recognise returns the dialect that the span speaks, nil if none is known.
func (b *Batch) recognise(span ptrace.Span, name string) *Dialect {
	r, dialect := b.reader, b.dialect
	if dialect != nil {
		return dialect
	}
	for key, value := range span.Attributes().All() {
		if e := r.entry(key); e != nil && len(e.signs) > 0 {
			dialect = e.sign(value, name, dialect)
		}
	}
	if dialect == nil || dialect.Generic {
		if d := r.byName(name); d != nil {
			dialect = d
		}
	}
	return dialect
}

// engine returns the origin of a span of an engine that its resource and scope
// do not give away.
func (b *Batch) engine(name string) *Origin {
	if b.serving == nil || b.serving.Engine != name {
		own := *b.origin
		own.Engine = name
		b.serving = &own
	}
	return b.serving
}

// put leaves what the span tells for the sheet.
func (b *Batch) put(d *draft) {
	f := d.Facts
	f.firstNumber, f.firstText = uint32(len(b.numbers)), uint32(len(b.texts))
	for rest := f.has & numberBits; rest != 0; rest &= rest - 1 {
		b.numbers = append(b.numbers, d.numbers[bits.TrailingZeros64(rest)])
	}
	for rest := f.has >> textBit; rest != 0; rest &= rest - 1 {
		b.texts = append(b.texts, d.texts[bits.TrailingZeros64(rest)])
	}
	f.firstAttribute, f.endAttributes = b.firstChosen, b.endChosen
	if len(d.own) > 0 {
		f.firstAttribute, f.endAttributes = b.keep(b.chosen, d.own)
	}
}

// keep leaves attributes for the sheet and returns their place.
func (b *Batch) keep(ofResource, ofSpan []Attribute) (first, end uint32) {
	first = uint32(len(b.attributes))
	b.attributes = append(append(b.attributes, ofResource...), ofSpan...)
	return first, uint32(len(b.attributes))
}
