package dialect

import (
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// sourceID is an index into Reader.sources.
type sourceID uint16

type class uint8

const (
	classNumber class = iota
	classText
	classSignal
	classFields
	classRefused
	classIgnored
)

// compiled is a Rule as the reader uses it.
type compiled struct {
	class  class
	index  uint8
	unit   Unit
	rank   uint8
	kind   Kind
	refuse Refusals
	source sourceID
	// parent and key select a field of a JSON text.
	parent, key string
	fields      []compiled
	only        string // a text without it has none of the fields
}

func (c *compiled) number() Number { return Number(c.index) }
func (c *compiled) signal() Signal { return Signal(c.index) }

type ownRules struct {
	dialect *Dialect
	rules   []compiled
}

type dialectSign struct {
	sign    Sign
	dialect *Dialect
}

// entry is all that any dialect says about one attribute key.
type entry struct {
	vocabulary []compiled
	own        []ownRules
	kinds      *KindTable
	signs      []dialectSign
	chosen     string // the key itself, if it is a dimension
	tenant     bool
}

// rules are the dialect's own for the key if it has any, otherwise the shared vocabulary.
func (e *entry) rules(d *Dialect) []compiled {
	for i := range e.own {
		if e.own[i].dialect == d {
			return e.own[i].rules
		}
	}
	return e.vocabulary
}

type scopePrefix struct {
	prefix  string
	dialect *Dialect
}

type compiledEvent struct {
	name string
	does eventEffect
	rule compiled
}

// NewReader returns a reader for every dialect and the operator's options,
// which must have passed Validate.
func NewReader(options Options) *Reader {
	if err := options.Validate(); err != nil {
		panic(err) // the configuration is validated before anything starts
	}
	r := &Reader{
		extents: map[string]sourceID{},
		sources: []string{""},
		tenant:  options.TenantAttribute,
		chosen:  options.Attributes,
	}
	r.dialects = All()
	for _, d := range r.dialects {
		r.add(d)
	}
	for _, m := range options.Mappings {
		to, unit, _ := m.parse()
		e := r.enter(m.Attribute)
		e.own = nil
		e.vocabulary = []compiled{r.compile(Rule{Key: m.Attribute, To: to, Unit: unit, Kind: KindUnknown})}
	}
	for _, key := range options.Attributes {
		r.enter(key).chosen = key
	}
	if options.TenantAttribute != "" {
		r.enter(options.TenantAttribute).tenant = true
	}
	r.tables = r.fingerprint()
	return r
}

// enter returns the entry of a key, made if need be.
func (r *Reader) enter(key string) *entry {
	e := r.keys.find(key)
	if e == nil {
		e = &entry{}
		r.keys.put(key, e)
	}
	return e
}

func (r *Reader) source(name string) sourceID {
	if i := slices.Index(r.sources, name); i >= 0 {
		return sourceID(i)
	}
	r.sources = append(r.sources, name)
	return sourceID(len(r.sources) - 1)
}

func (r *Reader) add(d *Dialect) {
	for _, scope := range d.Scopes {
		if prefix, ok := strings.CutSuffix(scope, "*"); ok {
			r.prefixes = append(r.prefixes, scopePrefix{prefix, d})
		} else {
			r.scopes.put(scope, d)
		}
	}
	// The longest prefix is the most specific.
	slices.SortStableFunc(r.prefixes, func(a, b scopePrefix) int { return len(b.prefix) - len(a.prefix) })
	for _, s := range d.Signs {
		switch {
		case s.Key == "":
			r.signNames = append(r.signNames, dialectSign{s, d})
			continue
		case s.Resource:
			r.signResources = append(r.signResources, dialectSign{s, d})
			continue
		}
		e := r.enter(s.Key)
		e.signs = append(e.signs, dialectSign{s, d})
	}
	for i := range d.Kinds {
		r.enter(d.Kinds[i].Key).kinds = &d.Kinds[i]
	}
	for _, n := range d.Names {
		if n.HasExtent {
			r.extents[n.Name] = r.source("span " + n.Name)
		}
	}
	for _, rule := range d.Vocabulary {
		e := r.enter(rule.Key)
		e.vocabulary = append(e.vocabulary, r.compile(rule))
	}
	for _, rule := range d.Own {
		e := r.enter(rule.Key)
		i := slices.IndexFunc(e.own, func(o ownRules) bool { return o.dialect == d })
		if i < 0 {
			e.own = append(e.own, ownRules{dialect: d})
			i = len(e.own) - 1
		}
		e.own[i].rules = append(e.own[i].rules, r.compile(rule))
	}
	for _, ev := range d.Events {
		ce := &compiledEvent{name: ev.Name, does: ev.Does, rule: compiled{source: r.source("event " + ev.Name)}}
		ce.rule.class = classNumber
		ce.rule.kind = KindFirstChunk
		switch ev.Does {
		case eventFirstToken:
			ce.rule.index, ce.rule.rank = uint8(TTFT), 8
		case eventChunk:
			ce.rule.index, ce.rule.rank = uint8(TTFT), 9
		case eventQueueStart:
			ce.rule.index = uint8(QueueStartAt)
		case eventComputeStart:
			ce.rule.index = uint8(ComputeStartAt)
		case eventConnectDone:
			ce.rule.index = uint8(Connect)
		}
		if prefix, ok := strings.CutSuffix(ev.Name, "*"); ok {
			ce.name = prefix
			r.eventPrefixes = append(r.eventPrefixes, ce)
		} else {
			r.events.put(ev.Name, ce)
		}
	}
}

func (r *Reader) compile(rule Rule) compiled {
	c := compiled{unit: rule.Unit, rank: rule.Rank, kind: rule.Kind, refuse: rule.Refuse, source: r.source(rule.Key)}
	switch {
	case rule.Ignore:
		c.class = classIgnored
	case rule.Refuse != 0:
		c.class = classRefused
	case rule.Fields != nil:
		c.class, c.only = classFields, rule.Only
		for _, field := range rule.Fields {
			parent, key, two := strings.Cut(field.Key, "/")
			if !two {
				parent, key = "", field.Key
			}
			cf := r.compile(field)
			cf.parent, cf.key = parent, key
			cf.source = r.source(rule.Key + " " + field.Key)
			c.fields = append(c.fields, cf)
		}
	default:
		switch to := rule.To.(type) {
		case Number:
			c.class, c.index = classNumber, uint8(to)
		case Text:
			c.class, c.index = classText, uint8(to)
		case Signal:
			c.class, c.index = classSignal, uint8(to)
		default:
			panic(fmt.Sprintf("dialect: rule for %q reads nothing", rule.Key))
		}
	}
	return c
}

// byScope returns the dialect that the scope belongs to, or nil, and the scope's
// name as a valid text.
func (r *Reader) byScope(name string) (*Dialect, string) {
	if d := r.scopes.find(name); d != nil {
		return d, name // as a table has it
	}
	for i := range r.prefixes {
		if strings.HasPrefix(name, r.prefixes[i].prefix) {
			return r.prefixes[i].dialect, clip(name)
		}
	}
	return nil, clip(name)
}

// byName returns the dialect that is known by the name of its spans, or nil.
func (r *Reader) byName(name string) *Dialect {
	for i := range r.signNames {
		if matches(r.signNames[i].sign.SpanName, name) {
			return r.signNames[i].dialect
		}
	}
	return nil
}

// event returns what is known about events of this name, or nil.
func (r *Reader) event(name string) *compiledEvent {
	if e := r.events.find(name); e != nil {
		return e
	}
	for _, e := range r.eventPrefixes {
		if strings.HasPrefix(name, e.name) {
			return e
		}
	}
	return nil
}

// entry returns what is known about an attribute key, or nil. LiteLLM gives the
// provider's raw response fields the keys llm.<provider>.<field>; others keep a
// request as JSON under some name of gen_ai.request.
func (r *Reader) entry(key string) *entry {
	if e := r.keys.find(key); e != nil {
		return e
	}
	rest, ok := strings.CutPrefix(key, "llm.")
	if !ok {
		if strings.HasPrefix(key, "gen_ai.request.") {
			return r.keys.find("gen_ai.request.*")
		}
		return nil
	}
	if _, field, ok := strings.Cut(rest, "."); ok {
		return r.keys.find("llm.*." + field)
	}
	return nil
}

// sign returns the dialect that the attribute gives away, or current if that
// is as good: of several, the same one in whatever order the attributes come.
func (e *entry) sign(v pcommon.Value, name string, current *Dialect) *Dialect {
	for i := range e.signs {
		s, d := &e.signs[i].sign, e.signs[i].dialect
		if s.SpanName != "" && !matches(s.SpanName, name) {
			continue
		}
		if s.Value != "" && !matches(s.Value, readText(v)) {
			continue
		}
		if current == nil || current.Generic && !d.Generic || current.Generic == d.Generic && d.Name < current.Name {
			current = d
		}
	}
	return current
}

// sourceOf returns the id of a source that tables name.
func (r *Reader) sourceOf(name string) sourceID { return sourceID(slices.Index(r.sources, name)) }
