package phase

import (
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
)

// rows makes the requests and tombstones of the trace.
func (t *trace) rows() {
	result := &t.out.result
	requests, tombstones := 0, 0
	for i := range t.nodes {
		t.nodes[i].row = t.kind(int32(i))
		switch t.nodes[i].row {
		case isRequest:
			requests++
		case isTombstone:
			tombstones++
		}
	}
	result.Requests = slices.Grow(result.Requests, requests)
	result.Tombstones = slices.Grow(result.Tombstones, tombstones)
	for i := range t.nodes {
		n := &t.nodes[i]
		switch n.row {
		case isRequest:
			result.Requests = result.Requests[:len(result.Requests)+1]
			t.request(int32(i), &result.Requests[len(result.Requests)-1])
		case isTombstone:
			result.Tombstones = append(result.Tombstones, Tombstone{
				TraceID: n.TraceID, SpanID: n.SpanID, Tenant: n.Tenant, Service: n.Origin.Service, End: n.End, Version: t.version,
			})
		case isAborted:
			result.AbortedWithoutSpan++
		}
	}
}

// rowKind is what becomes of a span.
type rowKind uint8

const (
	isNothing rowKind = iota
	isRequest
	isTombstone
	isAborted
)

func (t *trace) kind(i int32) rowKind {
	n := &t.nodes[i]
	switch {
	case n.root == i && (n.isCall() || n.Role == dialect.RoleEngine || n.promoted):
		return isRequest
	case n.Role == dialect.RoleLLM, n.Role == dialect.RoleEngine, t.engines && canCall(n):
		return isTombstone
	case n.Role == dialect.RoleWrapper && !n.modelled:
		return isAborted
	}
	return isNothing
}

// request fills in the row of one request; r is zero.
func (t *trace) request(i int32, r *Request) {
	n := &t.nodes[i]
	r.TraceID, r.SpanID = n.TraceID, n.SpanID
	r.Tenant, r.ServiceNamespace, r.Service = n.Tenant, n.Origin.ServiceNamespace, n.Origin.Service
	r.ServiceVersion, r.Environment = n.Origin.ServiceVersion, n.Origin.Environment
	r.Start, r.End = n.Start, n.End
	r.Dialect, r.Version = n.Dialect(), t.version
	r.Total = Duration(n.Duration())
	r.TTFT, r.TTFTNetwork, r.TTFTQueue, r.TTFTPrefill, r.TTFTRest = Unknown, Unknown, Unknown, Unknown, Unknown
	r.FirstAnswer, r.ServerTTFT, r.Connect, r.TPOT = Unknown, Unknown, Unknown, Unknown
	r.InputTokens, r.CachedInputTokens, r.OutputTokens, r.ReasoningTokens = Unknown, Unknown, Unknown, Unknown
	for _, a := range n.Attributes() {
		r.Attributes = append(r.Attributes, Attribute(a))
	}
	r.Flags = refusalFlags(n.Refused)
	if n.unpaired {
		r.Flags |= FlagUnpaired
	}
	s := t.serve(i)
	r.Vantage = t.vantage(i)
	t.describe(i, &s, r)
	t.conclude(i, &s, r)
	p := noPhases
	t.phases(i, &s, r, &p)
	t.fill(i, &s, &p, r)
}

// vantage is where the request's total was observed.
func (t *trace) vantage(i int32) Vantage {
	n := &t.nodes[i]
	switch {
	case n.Role == dialect.RoleEngine:
		return VantageServer
	case n.promoted && n.Is(dialect.Gateway), t.behindServer(i):
		return VantageGateway
	case n.Kind == ptrace.SpanKindServer && t.callsOn(i):
		return VantageGateway
	case n.Kind == ptrace.SpanKindServer:
		return VantageServer
	}
	return VantageClient
}

// describe fills in what the request was: from its own span, then from spans
// that wrap it, then from the servers' spans.
func (t *trace) describe(i int32, s *served, r *Request) {
	n := &t.nodes[i]
	r.takeCall(n)
	r.Provider = n.Text(dialect.Provider)
	r.Operation = operation(n.Text(dialect.Operation))
	r.ServerAddress = n.Text(dialect.ServerAddress)
	r.ErrorType = n.Text(dialect.ErrorType)
	r.FinishReason = n.Text(dialect.FinishReason)
	r.takeTokens(n)
	r.takeSession(n)
	for o := n.outer; o != none; o = t.nodes[o].outer {
		w := &t.nodes[o]
		if w.dropped && w.inners == 1 {
			r.takeTokens(w)
		}
		r.takeSession(w)
	}
	for j, c := n.parent, n; j != none && sameProcess(&t.nodes[j], c); j = t.nodes[j].parent {
		c = &t.nodes[j]
		r.takeSession(c)
		if n.promoted && c.Is(dialect.Gateway) {
			r.takeCall(c)
		}
	}
	if s.windowSpan != none {
		r.Engine = t.nodes[s.windowSpan].Origin.Engine
	}
	if s.engine != none {
		e := &t.nodes[s.engine]
		r.Engine = e.Origin.Engine
		r.takeModel(e)
		if r.Model == "" {
			r.Model = t.partModel(s.engine)
		}
		if r.Provider == "" && n.Role != dialect.RoleLLM {
			r.Provider = e.Text(dialect.Provider)
		}
		if r.FinishReason == "" {
			r.FinishReason = e.Text(dialect.FinishReason)
		}
		if s.several && r.OutputTokens == Unknown || n.Role == dialect.RoleEngine && s.several {
			r.OutputTokens = s.outputs
		}
		r.takeTokens(e)
	}
	t.evidence(i, func(_ int32, w *node) {
		if sameService(w, n) {
			return
		}
		if w.isCall() {
			r.takeTokens(w) // the gateway's
		}
		if w.Is(dialect.Gateway) {
			r.takeModel(w)
		}
	})
}

// partModel returns the model that the span below the engine's request span
// names, as Triton's do; "" if there are several.
func (t *trace) partModel(engine int32) string {
	model, models := "", 0
	t.eachPart(engine, func(_ int32, n *node) {
		if m := n.Text(dialect.Model); n.parent == engine && m != "" && m != model {
			model = m
			models++
		}
	})
	if models > 1 {
		return ""
	}
	return model
}

// takeCall fills in what is unknown of the call from a span of the process that made it.
func (r *Request) takeCall(n *node) {
	r.takeModel(n)
	if streamed, known := n.Streaming(); known && r.Streaming == TriUnknown {
		r.Streaming = TriFalse
		if streamed {
			r.Streaming = TriTrue
		}
	}
}

// takeModel fills in the models that are still unknown.
func (r *Request) takeModel(n *node) {
	if r.Model == "" {
		r.Model = n.Text(dialect.Model)
	}
	if r.ResponseModel == "" {
		r.ResponseModel = n.Text(dialect.ResponseModel)
	}
}

// takeTokens fills in the counts that are still unknown.
func (r *Request) takeTokens(n *node) {
	take := func(to *int64, fact dialect.Number) {
		if *to == Unknown {
			*to = n.Number(fact)
		}
	}
	take(&r.InputTokens, dialect.InputTokens)
	take(&r.CachedInputTokens, dialect.CachedTokens)
	take(&r.OutputTokens, dialect.OutputTokens)
	take(&r.ReasoningTokens, dialect.ReasoningTokens)
}

// takeSession fills in what is still empty.
func (r *Request) takeSession(n *node) {
	take := func(to *string, fact dialect.Text) {
		if *to == "" {
			*to = n.Text(fact)
		}
	}
	take(&r.Session, dialect.Session)
	take(&r.User, dialect.User)
	take(&r.PromptName, dialect.PromptName)
	take(&r.PromptVersion, dialect.PromptVersion)
}

// operation maps LiteLLM's call types, which it sends as the operation, to the
// conventions' names.
func operation(name string) string {
	switch name {
	case "completion", "acompletion", "responses", "aresponses", "anthropic_messages", "LLM", "llm":
		return "chat"
	case "atext_completion":
		return "text_completion"
	case "agenerate_content", "generate_content_stream", "agenerate_content_stream":
		return "generate_content"
	}
	return name
}

// refusals are the flags for what the reader did not believe.
var refusals = [...]struct {
	refusal dialect.Refusals
	flag    Flags
}{
	{dialect.RefusedTTFT, FlagTTFTUntrusted},
	{dialect.RefusedUnit, FlagUnitImplausible},
	{dialect.RefusedEvents, FlagEventsDropped},
	{dialect.RefusedTruncated, FlagPhaseTruncated},
	{dialect.Disagreement, FlagSourcesDisagree},
	{dialect.RefusedTimes, FlagSpanInvalid},
}

func refusalFlags(refused dialect.Refusals) Flags {
	var f Flags
	if refused == 0 {
		return f
	}
	for _, r := range refusals {
		if refused&r.refusal != 0 {
			f |= r.flag
		}
	}
	return f
}

// flagsRequest reports whether what was refused on the span flags the request
// that it is evidence for.
func flagsRequest(n *node) bool {
	return n.Role == dialect.RoleEngine || n.Role == dialect.RolePart || n.Role == dialect.RoleDetail
}

// isCancellation reports whether the error is how a language says that the caller left.
func isCancellation(errorType string) bool {
	for _, name := range [...]string{"CancelledError", "AbortError", "OperationCanceledException"} { // Python, JavaScript, .NET
		if strings.Contains(errorType, name) {
			return true
		}
	}
	return false
}

// conclude says how the request ended.
func (t *trace) conclude(i int32, s *served, r *Request) {
	n := &t.nodes[i]
	switch n.Status {
	case dialect.StatusError:
		r.Outcome = OutcomeError
		r.Flags |= FlagError
		if isCancellation(r.ErrorType) {
			r.Outcome = OutcomeCancelled
		}
	case dialect.StatusCancelled:
		r.Outcome = OutcomeCancelled
		r.Flags |= FlagCancelled
	}
	hit, limited, preempted := n.Is(dialect.CacheHit), n.Is(dialect.RateLimited) || s.limited, n.Is(dialect.Preempted)
	t.evidence(i, func(j int32, w *node) {
		switch w.Role {
		case dialect.RoleHTTP:
			hit = hit || w.Is(dialect.CacheHit) && j == s.last
		case dialect.RoleEngine, dialect.RolePart, dialect.RoleDetail:
			preempted = preempted || w.Is(dialect.Preempted)
		default:
			hit = hit || w.Is(dialect.CacheHit)
		}
		if flagsRequest(w) {
			r.Flags |= refusalFlags(w.Refused)
		}
	})
	switch {
	case hit && s.engine != none:
		r.Flags |= FlagSourcesDisagree // a model ran
	case hit && r.Outcome == OutcomeOK:
		r.CacheHit, r.Outcome = true, OutcomeCacheHit
		r.Flags |= FlagCacheHit
	}
	if limited {
		r.Flags |= FlagRateLimited
	}
	if preempted {
		r.Flags |= FlagPreempted
	}
	if s.retries || n.Number(dialect.Attempt) > 1 || n.Number(dialect.Resends) > 0 {
		r.Flags |= FlagRetried
	}
	if s.unclear {
		r.Flags |= FlagAttemptsUnclear
	}
	if n.Is(dialect.EndsAtHeaders) {
		r.Flags |= FlagEndsAtHeaders
	}
}
