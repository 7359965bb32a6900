package dialect

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Span is the span as it came.
type Span = ptrace.Span

// Reader reads spans into facts. It is immutable and safe for concurrent use.
type Reader struct {
	entries       map[string]*entry // what keys was built from
	keys          keyTable
	scopes        map[string]*Dialect
	prefixes      []scopePrefix
	signNames     []dialectSign // by the span's name
	signResources []dialectSign // by an attribute of the resource
	events        map[string]*compiledEvent
	eventPrefixes []*compiledEvent
	sources       []string
	extents       map[string]sourceID
	tenant        string
	chosen        []string
}

// Context is what the spans of one resource and scope share.
type Context struct {
	reader     *Reader
	origin     Origin
	dialect    *Dialect // by scope or resource; nil if those do not tell
	javaScript bool
	tenant     string
	attributes []Attribute
}

// Read reads one span.
func (r *Reader) Read(res pcommon.Resource, scope pcommon.InstrumentationScope, span ptrace.Span) Facts {
	var f Facts
	c := r.Context(res, scope)
	c.Read(span, &f)
	return f
}

// ReadTraces reads every span of td.
func (r *Reader) ReadTraces(td ptrace.Traces) []Facts {
	facts := make([]Facts, td.SpanCount())
	n := 0
	resources := td.ResourceSpans()
	groups := 0
	for i := range resources.Len() {
		groups += resources.At(i).ScopeSpans().Len()
	}
	contexts := make([]Context, groups)
	for i := range resources.Len() {
		rs := resources.At(i)
		scopes := rs.ScopeSpans()
		for j := range scopes.Len() {
			ss := scopes.At(j)
			c := &contexts[0]
			contexts = contexts[1:]
			c.read(r, rs.Resource(), ss.Scope())
			spans := ss.Spans()
			for k := range spans.Len() {
				c.Read(spans.At(k), &facts[n])
				n++
			}
		}
	}
	return facts
}

// Context reads what the spans of a resource and scope share, once for all of
// them. Facts point into it, so that it must not be copied once it has read a span.
func (r *Reader) Context(res pcommon.Resource, scope pcommon.InstrumentationScope) Context {
	var c Context
	c.read(r, res, scope)
	return c
}

func (c *Context) read(r *Reader, res pcommon.Resource, scope pcommon.InstrumentationScope) {
	c.reader, c.dialect = r, r.byScope(scope.Name())
	c.origin.Scope = clip(scope.Name())
	if strings.HasPrefix(scope.Name(), "@") {
		c.javaScript = true // npm package names
	}
	for key, value := range res.Attributes().All() {
		switch key {
		case "service.name":
			c.origin.Service = readText(value)
		case "service.namespace":
			c.origin.ServiceNamespace = readText(value)
		case "service.version":
			c.origin.ServiceVersion = readText(value)
		case "service.instance.id":
			c.origin.Instance = readText(value)
		case "deployment.environment.name":
			c.origin.Environment = readText(value)
		case "deployment.environment":
			if c.origin.Environment == "" {
				c.origin.Environment = readText(value)
			}
		case "telemetry.sdk.language":
			switch readText(value) {
			case "nodejs", "webjs":
				c.javaScript = true
			}
		default:
			if strings.HasPrefix(key, "vllm.") {
				// vLLM's own tracing puts vllm.process_id on the resource.
				c.origin.Engine = "vllm"
			}
		}
		if c.dialect == nil {
			for i := range r.signResources {
				if s := &r.signResources[i]; s.sign.Key == key && matches(s.sign.Value, readText(value)) {
					c.dialect = s.dialect
				}
			}
		}
		if key == r.tenant {
			c.tenant = readText(value)
		}
		for _, k := range r.chosen {
			if k == key {
				c.attributes = append(c.attributes, Attribute{key, readText(value)})
			}
		}
	}
	if c.dialect != nil && c.dialect.Engine != "" {
		c.origin.Engine = c.dialect.Engine
	}
}

// hit is an attribute that some rule reads.
type hit struct {
	entry *entry
	value pcommon.Value
}

// Read reads one span into f, which must be zero.
func (c *Context) Read(span ptrace.Span, f *Facts) {
	r := c.reader
	f.reader = r
	f.TraceID, f.SpanID, f.ParentID = span.TraceID(), span.SpanID(), span.ParentSpanID()
	f.Start, f.End = unixNano(span.StartTimestamp()), unixNano(span.EndTimestamp())
	if f.End < f.Start || f.End-f.Start > maxLength {
		f.Refused |= RefusedTimes
	}
	f.Origin, f.Tenant, f.Kind = &c.origin, c.tenant, span.Kind()
	f.Attributes = c.attributes[:len(c.attributes):len(c.attributes)]
	switch span.Status().Code() {
	case ptrace.StatusCodeOk:
		f.Status = StatusOK
	case ptrace.StatusCodeError:
		f.Status = StatusError
	}

	// One pass over the attributes finds those that any dialect reads; only
	// then is it known which dialect the span speaks.
	var buffer [40]hit
	hits := buffer[:0]
	name := strings.TrimLeft(span.Name(), " ")
	dialect := c.dialect
	byScope := dialect != nil
	for key, value := range span.Attributes().All() {
		e := r.keys.find(key)
		if e == nil {
			if e = r.wildcard(key); e == nil {
				continue
			}
		}
		hits = append(hits, hit{e, value})
		if !byScope && len(e.signs) > 0 {
			dialect = e.sign(value, name, dialect)
		}
	}
	if dialect == nil || dialect.Generic && !byScope {
		if d := r.byName(name); d != nil {
			dialect = d
		}
	}

	f.Role = c.role(span, name, dialect, hits, f)
	w := writer{f: f, dialect: dialect, javaScript: c.javaScript}
	for i := range hits {
		w.attribute(&hits[i])
	}
	if span.Events().Len() > 0 {
		w.events(span)
	}
	if w.texts[ErrorType] != 0 && f.Status == StatusUnset {
		f.Status = StatusError // error.type is there on failures only
	}
	if f.Role == RoleServer || f.Role == RoleHTTP {
		f.pathByName(name)
	}
	if dialect != nil {
		f.Dialect = dialect.Name
		f.Marks |= dialect.Traits
		if dialect.Engine != "" {
			c.engine(f, dialect.Engine)
			if f.texts[Provider] == "" {
				f.texts[Provider] = dialect.Provider
			}
		}
		if dialect.Finish != nil {
			dialect.Finish(f, span)
		}
	}
	f.settle(dialect)
}

// engine notes that the span is of an engine that its resource and scope do
// not give away.
func (c *Context) engine(f *Facts, name string) {
	if c.origin.Engine == name {
		return
	}
	own := c.origin
	own.Engine = name
	f.Origin = &own
}

// role says what the span can be. An attribute's value decides before the
// span's name, and both before what is left: plain HTTP and SERVER spans.
func (c *Context) role(span ptrace.Span, name string, d *Dialect, hits []hit, f *Facts) Role {
	if d != nil {
		for i := range d.Names {
			n := &d.Names[i]
			if !matches(n.Name, name) {
				continue
			}
			f.Stage = n.Stage
			if n.HasExtent {
				f.setSource(n.Extent, f.Duration(), c.reader.extents[n.Name])
			}
			return n.Role
		}
	}
	role, rank := RoleOther, uint8(255)
	for i := range hits {
		k := hits[i].entry.kinds
		if k == nil || k.Rank >= rank {
			continue
		}
		rank = k.Rank
		var ok bool
		if role, ok = k.Values[unquote(readText(hits[i].value))]; !ok {
			role = k.Else
		}
	}
	switch {
	case role == roleHTTPSide && span.Kind() == ptrace.SpanKindClient:
		return RoleHTTP
	case (role == roleHTTPSide || rank == 255) && span.Kind() == ptrace.SpanKindServer:
		return RoleServer
	case role == roleHTTPSide:
		return RoleOther
	}
	return role
}

func unixNano(t pcommon.Timestamp) int64 {
	const most = 1<<63 - 1
	if uint64(t) > most {
		return most
	}
	return int64(t)
}

// matches reports whether name is pattern, or begins with it if it ends in "*".
func matches(pattern, name string) bool {
	if p, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, p)
	}
	return pattern == name
}
