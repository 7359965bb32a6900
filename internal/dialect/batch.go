package dialect

import (
	"math/bits"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Batch reads spans that came together, one resource and scope after the other.
// It is not safe for concurrent use.
type Batch struct {
	reader *Reader
	draft  draft

	// What the spans of the resource and scope at hand share.
	origin     *Origin
	dialect    *Dialect // by scope or resource; nil if those do not tell
	javaScript bool
	tenant     string

	// Senders repeat themselves: the origins met last.
	origins [8]*Origin
	latest  int

	sheet          *sheet
	numbers, texts int // taken on sheet
}

// Batch returns a batch to read spans with. It is to be closed.
func (r *Reader) Batch() *Batch {
	if b, ok := r.batches.Get().(*Batch); ok {
		return b
	}
	return &Batch{reader: r, draft: draft{reader: r}, sheet: &sheet{reader: r}}
}

// Close gives the batch back to the reader, for other spans.
func (b *Batch) Close() {
	b.draft.Facts = nil
	b.reader.batches.Put(b)
}

// Enter reads what the spans of a resource and scope share.
func (b *Batch) Enter(res pcommon.Resource, scope pcommon.InstrumentationScope) {
	r, memo := b.reader, &b.draft.memo
	var o Origin
	b.dialect, o.Scope = r.byScope(scope.Name())
	b.tenant = ""
	b.javaScript = strings.HasPrefix(scope.Name(), "@") // npm package names
	for key, value := range res.Attributes().All() {
		switch key {
		case "service.name":
			o.Service = memo.text(value)
		case "service.namespace":
			o.ServiceNamespace = memo.text(value)
		case "service.version":
			o.ServiceVersion = memo.text(value)
		case "service.instance.id":
			o.Instance = memo.text(value)
		case "deployment.environment.name":
			o.Environment = memo.text(value)
		case "deployment.environment":
			if o.Environment == "" {
				o.Environment = memo.text(value)
			}
		case "telemetry.sdk.language":
			switch memo.text(value) {
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
				if s := &r.signResources[i]; s.sign.Key == key && matches(s.sign.Value, memo.text(value)) {
					b.dialect = s.dialect
				}
			}
		}
		if key == r.tenant {
			b.tenant = memo.text(value)
		}
		for _, k := range r.chosen {
			if k == key {
				o.choose(Attribute{key, memo.text(value)})
			}
		}
	}
	if b.dialect != nil && b.dialect.Engine != "" {
		o.Engine = b.dialect.Engine
	}
	b.origin = b.share(&o)
}

// share returns an origin that is equal to o.
func (b *Batch) share(o *Origin) *Origin {
	for range b.origins {
		// Those who sent in turn before will do so again.
		b.latest = (b.latest + 1) % len(b.origins)
		if known := b.origins[b.latest]; known != nil && *known == *o {
			return known
		}
	}
	b.latest = (b.latest + 1) % len(b.origins)
	own := *o
	b.origins[b.latest] = &own
	return &own
}

// Read reads one span into f, which must be zero.
func (b *Batch) Read(span ptrace.Span, f *Facts) {
	d := &b.draft
	d.Facts, d.javaScript, d.streamRule, d.own = f, b.javaScript, 0, nil
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
		served := *b.origin
		served.Engine = f.dialect.Engine
		f.Origin = b.share(&served)
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
		if e := r.keys.find(key); e != nil && len(e.signs) > 0 {
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

// put moves what the span tells to the sheet.
func (b *Batch) put(d *draft) {
	f := d.Facts
	n, t := b.place(f)
	s := f.sheet
	for numbers := f.has & numberBits; numbers != 0; numbers &= numbers - 1 {
		told := &d.numbers[bits.TrailingZeros64(numbers)]
		s.numbers[n], s.sources[n] = told.value, told.source
		n++
	}
	for texts := f.has >> textBit; texts != 0; texts &= texts - 1 {
		s.texts[t] = d.texts[bits.TrailingZeros64(texts)]
		t++
	}
	if d.own != nil {
		own := *f.Origin
		own.choose(d.own...)
		f.Origin = &own
	}
}

// place takes places on the sheet for what f tells, and returns the first of each kind.
func (b *Batch) place(f *Facts) (number, text int) {
	numbers, texts := bits.OnesCount64(f.has&numberBits), bits.OnesCount64(f.has>>textBit)
	if b.numbers+numbers > sheetSize || b.texts+texts > sheetSize {
		b.sheet, b.numbers, b.texts = &sheet{reader: b.reader}, 0, 0
	}
	number, text = b.numbers, b.texts
	f.sheet, f.firstNumber, f.firstText = b.sheet, uint16(number), uint16(text)
	b.numbers, b.texts = number+numbers, text+texts
	return number, text
}
