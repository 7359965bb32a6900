package dialect

import "slices"

// Dialect is what one instrumentation, engine or gateway writes on its spans.
// Each has a file of its own that appends to the registry; nothing else names it.
type Dialect struct {
	// Name is stored with each request; Title heads its section of the documentation.
	Name, Title string

	// Scopes it is known by: exact names, or prefixes ending in "*".
	Scopes []string
	// Signs identify it where the scope does not.
	Signs []Sign
	// Names gives the role of spans by name within this dialect.
	Names []SpanName
	// Kinds gives the role of spans by the value of an attribute, in any dialect.
	Kinds []KindTable

	// Vocabulary is what its attributes tell wherever they are seen.
	Vocabulary []Rule
	// Own is what attributes tell in this dialect only, instead of any Vocabulary.
	Own []Rule
	// Events is what its span events tell.
	Events []Event

	// Engine is set on the spans of an inference engine.
	Engine string
	// Provider stands in where an engine's span names none.
	Provider string
	// Traits are marks that all of its spans bear.
	Traits Marks
	// Generic dialects give way to any other that a span bears a sign of.
	Generic bool
	// CutProvider: the provider's name ends at the first dot, an API follows.
	CutProvider bool
	// InputExcludesCache: cached tokens are not part of its input tokens.
	InputExcludesCache bool
	// Finish does what tables cannot say.
	Finish func(*draft, Span)

	// Splits says in a sentence what Phaseline can split; More what to switch on for more.
	Splits, More string
	// Notes are quirks worth knowing.
	Notes []string
}

// Sign identifies a dialect by an attribute. An empty Value stands for any, a
// trailing "*" for a prefix; SpanName, if set, must be the span's name.
type Sign struct {
	Key, Value string
	SpanName   string
	// Resource: the attribute is on the resource.
	Resource bool
}

// SpanName gives spans of one name their role. Name may end in "*" (prefix).
// Leading spaces of the span's name are ignored, since SGLang's have one.
type SpanName struct {
	Name  string
	Role  Role
	Stage Stage
	// Extent is the fact that the span's own duration states, for parts.
	Extent Number
	// HasExtent tells Extent from its zero value.
	HasExtent bool
}

// KindTable gives spans their role by the value of an attribute. Of several
// such attributes on a span, the one with the lowest Rank decides.
type KindTable struct {
	Key    string
	Rank   uint8
	Values map[string]Role
	// Else is the role of any other value.
	Else Role
}

func (k *KindTable) role(value string) Role {
	if role, ok := k.Values[unquote(value)]; ok {
		return role
	}
	return k.Else
}

// Rule says what one attribute tells, and how to read it.
type Rule struct {
	Key string
	// To is the fact: a Number, a Text or a Signal.
	To fact
	// Unit is how the value is written.
	Unit Unit
	// Rank is the rule's precedence among rules of the same fact, lowest first.
	Rank uint8
	// Kind says what a TTFT waited for.
	Kind Kind
	// Refuse: the attribute is never believed.
	Refuse Refusals
	// Ignore: the attribute has no meaning here that is of use.
	Ignore bool
	// Fields are read from a value that is JSON, or Python's repr of a dict. Their
	// keys are the path's last one or two names, for example "usage.queue_time".
	Fields []Rule
	// Only: a text without this has none of the Fields. Whole answers are long.
	Only string
	// Note is printed in the documentation.
	Note string
}

// Event says what a span event tells.
type Event struct {
	// Name is the event's name, or a prefix ending in "*".
	Name string
	Does eventEffect
	Note string
}

type eventEffect uint8

const (
	// eventFirstToken stamps the first chunk.
	eventFirstToken eventEffect = iota
	// eventChunk stamps one chunk of many.
	eventChunk
	eventPreempted
	eventException
	eventCancelled
	eventQueueStart
	eventComputeStart
	eventConnectStart
	eventConnectDone
	eventFinish
	// eventAttempt stamps one attempt of a call.
	eventAttempt
)

// Signal is a fact that is not a number or a text.
type Signal uint8

const (
	// Streamed: whether the call was streamed.
	Streamed Signal = iota
	// StreamedIfTrue: only true tells; false proves nothing.
	StreamedIfTrue
	// IsCacheHit: any non-empty value tells of a response-cache hit.
	IsCacheHit
	// CacheStatus: HIT and its variants do.
	CacheStatus
	// IsError: the value ERROR tells of a failure that the span's status does not.
	IsError
	// IsCancelled: true says that the caller left.
	IsCancelled
	// IsTruncated: true says that the engine cut the phase short.
	IsTruncated
	// IsReused: true says that the connection was there already.
	IsReused
)

// fact is a Number, a Text or a Signal.
type fact interface{ Label() string }

// Unit is how a value is written.
type Unit uint8

const (
	// Plain is a count or a text. Numbers in strings are read too.
	Plain Unit = iota
	Seconds
	Millis
	Micros
	Nanos
	// SecondsOrNanos: a double is seconds, an int nanoseconds, except from
	// JavaScript, which sends every integral double as an int.
	SecondsOrNanos
	// DurationText is Rust's: 1.5s, 12.3ms, 150µs, 45ns.
	DurationText
	// ISOTime is an absolute wall time of the span's own host, JSON-encoded or not.
	ISOTime
)

var unitLabels = [...]string{"", "s", "ms", "µs", "ns", "double s, int ns", "duration text", "ISO time"}

// Label names the unit in the documentation.
func (u Unit) Label() string { return unitLabels[u] }

// registry holds every dialect; each file adds its own.
var registry []*Dialect

func register(d Dialect) *Dialect {
	registry = append(registry, &d)
	return &d
}

// All returns every dialect, by name.
func All() []*Dialect {
	all := slices.Clone(registry)
	slices.SortFunc(all, func(a, b *Dialect) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}

// header gives the rules for a captured HTTP response header: the semantic
// convention keeps dashes, Python and older JavaScript write underscores.
func header(name string, r Rule) []Rule {
	dashed, underscored := r, r
	dashed.Key = "http.response.header." + name
	underscored.Key = "http.response.header." + underscore(name)
	if dashed.Key == underscored.Key {
		return []Rule{dashed}
	}
	return []Rule{dashed, underscored}
}

func underscore(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '-' {
			b[i] = '_'
		}
	}
	return string(b)
}
