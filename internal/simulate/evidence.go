package simulate

// Want says what an answer about one phase must be.
type Want uint8

const (
	// Absent: no surviving evidence carries it, so it must be unknown.
	Absent Want = iota
	// Present: the evidence carries it, so it must be there and right.
	Present
	// Open: what survived is ambiguous, so both unknown and right will do.
	Open
	// Untold: the loss is invisible in what survived, so nothing can be asked.
	Untold
)

// Expected is what to hold one phase of an answer against, in nanoseconds.
type Expected struct {
	Want Want
	NS   int64
}

// Expectation is what the spans that were not lost tell about a request.
type Expectation struct {
	Row                                   bool // the client's span must be a row
	Total                                 int64
	Network, Queue, Prefill, Decode, TTFT Expected
}

// Evidence is the combination of dialects, such as "otel-semconv + litellm-v1 + vllm".
func (t *Truth) Evidence() string {
	s := string(t.Client)
	if t.Gateway != NoDialect {
		s += " + " + string(t.Gateway)
	}
	return s + " + " + string(t.Server)
}

// Expect derives what must be answered from what truly happened and from the
// spans that arrived.
func (t *Truth) Expect() Expectation {
	seen := t.Emitted &^ t.Lost
	e := Expectation{Row: seen&RoleClient != 0, Total: t.Total}
	if !e.Row {
		return e
	}
	if t.Client == PlainHTTP && seen&RoleEngine == 0 {
		return Expectation{} // nothing says that this HTTP call was to a model
	}
	t.client(&e)
	engine := seen&RoleEngine != 0
	if engine {
		// The engine's decode replaces what the client saw of it.
		e.Queue, e.Prefill, e.Decode = Expected{Present, t.Queue}, Expected{Present, t.Prefill}, Expected{Present, t.Decode}
		if t.Server == SGLang {
			if seen&RoleQueue == 0 {
				e.Queue.Want = Absent
			}
			if seen&RolePrefill == 0 {
				e.Prefill.Want = Absent
			}
			if seen&RoleDecode == 0 {
				e.Decode.Want = Untold // the frontend's decode, milliseconds longer
			}
		}
	}
	switch {
	case t.Outcome == CacheHit && seen&RoleGateway != 0:
		// No model ran: its phases and first token are not there to be known.
		e.Network = Expected{Present, t.Network}
		e.Decode, e.TTFT = Expected{}, Expected{}
	case engine && seen&RoleServerHTTP == 0:
		// Without an HTTP span the server's own span is the window; what the
		// process does before it opens counts as on the way.
		e.Network = Expected{Present, t.Network + t.BeforeSpan + t.AfterSpan}
	case engine:
		e.Network = Expected{Present, t.Network}
	case seen&RoleServerHTTP != 0:
		e.Network = Expected{Open, t.Network}
	}
	if t.Attempts > 1 && t.Lost&RoleAttempt != 0 {
		e.Network.Want = Untold // a retry that left no trace looks like network
	}
	return e
}

// client fills in what the client's own spans tell.
func (t *Truth) client(e *Expectation) {
	if (t.Outcome != OK && t.Outcome != CacheHit) || !t.Streaming {
		return
	}
	told := Expected{Present, t.TTFT}
	switch t.Client {
	case PlainHTTP:
		return
	case OpenLLMetry:
		if t.OutputTokens > maxEvents {
			return // the SDK dropped the first chunk's event
		}
	}
	e.TTFT = told
	if !t.ToolInside {
		e.Decode = Expected{Present, t.ClientDecode}
	}
}
