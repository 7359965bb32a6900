package phase

import (
	"math/bits"
	"sort"
)

// Flags is a set of remarks on a request. The vocabulary is closed: FlagDocs
// says what each one means and what to do about it.
type Flags uint64

const (
	// FlagError: the call ended with an error.
	FlagError Flags = 1 << iota
	// FlagCancelled: the caller left before the end and no error was recorded.
	FlagCancelled
	// FlagRateLimited: an attempt was answered with 429 or a rate-limit error.
	FlagRateLimited
	// FlagRetried: more than one attempt is known to have been made.
	FlagRetried
	// FlagCacheHit: a response cache answered, no model ran.
	FlagCacheHit
	// FlagTTFTUntrusted: a time to first token was refused.
	FlagTTFTUntrusted
	// FlagUnitImplausible: a value that is impossible for its span was refused.
	FlagUnitImplausible
	// FlagEventsDropped: the SDK dropped span events, so the first one left is not the first.
	FlagEventsDropped
	// FlagSourcesDisagree: two sources of one fact differ beyond tolerance.
	FlagSourcesDisagree
	// FlagSpanInvalid: the span ends before it starts.
	FlagSpanInvalid
	// FlagClockSkew: a server span lies outside the client span it belongs to.
	FlagClockSkew
	// FlagServerLongerThanClient: the server window exceeds the client's total.
	FlagServerLongerThanClient
	// FlagPhasesExceedTotal: the known phases add up to more than the total.
	FlagPhasesExceedTotal
	// FlagTTFTPartsExceed: queue and prefill are longer than the TTFT they are part of.
	FlagTTFTPartsExceed
	// FlagTTFTBeforeServer: the client's TTFT is shorter than the server's.
	FlagTTFTBeforeServer
	// FlagBufferedStream: the client saw its tokens in a burst, far faster than the server made them.
	FlagBufferedStream
	// FlagToolTimeInside: the span contains time of a tool the client ran.
	FlagToolTimeInside
	// FlagEndsAtHeaders: the span ended when the stream began.
	FlagEndsAtHeaders
	// FlagPreempted: the engine put the request back into its queue while decoding.
	FlagPreempted
	// FlagPhaseTruncated: the engine marked one of its phase spans as cut short.
	FlagPhaseTruncated
	// FlagUnpaired: client and engine spans are both there, but which belong together is not certain.
	FlagUnpaired
	// FlagAttemptsUnclear: several attempts reached a server and which was the last is not known.
	FlagAttemptsUnclear
	// FlagServerIncomplete: of several servers' sources, the one that counts for a phase does not tell it.
	FlagServerIncomplete
	// FlagUncorrelated: the trace has too many spans to be correlated.
	FlagUncorrelated

	flagEnd
)

// FlagDoc documents one flag.
type FlagDoc struct {
	Flag    Flags
	Name    string
	Meaning string
	Advice  string
}

// FlagDocs is the closed vocabulary, in bit order.
var FlagDocs = []FlagDoc{
	{FlagError, "error", "The call ended with an error, a cancellation raised as an exception included.", "Look at error_type; failed calls are left out of model latency."},
	{FlagCancelled, "cancelled", "The caller left before the answer was complete: its span says so, or nothing of an answer where it always would.", "Nothing; cancelled calls are left out of model latency."},
	{FlagRateLimited, "rate_limited", "At least one attempt was answered with HTTP 429 or a rate-limit error.", "Ask the provider for more quota, or spread the load."},
	{FlagRetried, "retried", "The call took more than one attempt. The time before the last one is retry_ns, part of unattributed.", "Look at the failed attempts below the span."},
	{FlagCacheHit, "cache_hit", "A response cache answered; no model ran. Token counts are those of the original answer.", "Nothing; hits are left out of model latency."},
	{FlagTTFTUntrusted, "ttft_untrusted", "The instrumentation sent a time to first token that does not measure it. It was refused.", "Use an instrumentation that sends gen_ai.response.time_to_first_chunk."},
	{FlagUnitImplausible, "unit_implausible", "A value is impossible for its span (negative, not a number, longer than the span, or a time to first token of microseconds): probably a wrong unit. It was refused.", "See which attribute with phaseline decompose --explain, and map it with its true unit."},
	{FlagEventsDropped, "events_dropped", "The SDK dropped span events, oldest first, so the first chunk's time is lost.", "Raise OTEL_SPAN_EVENT_COUNT_LIMIT at the sender."},
	{FlagSourcesDisagree, "sources_disagree", "Two sources of one fact differ beyond tolerance, or a gateway tells of a cache hit though an engine ran. The one with precedence is shown.", "See both with phaseline decompose --explain."},
	{FlagSpanInvalid, "span_invalid", "The span ends before it starts, or years after; its total is taken as 0.", "Correct the sender's clock or instrumentation."},
	{FlagClockSkew, "clock_skew", "A server span lies before or after the client span it belongs to: the hosts' clocks differ. No number is affected, since only durations are subtracted.", "Synchronise the clocks if waterfalls should look right."},
	{FlagServerLongerThanClient, "server_longer_than_client", "The server's time exceeds the client's total beyond tolerance. Phases are unknown.", "The client span probably ends early (at the response headers, for example): use an instrumentation that ends it with the body."},
	{FlagPhasesExceedTotal, "phases_exceed_total", "The phases found add up to more than the total; derived ones, then measured ones, were dropped.", "See the evidence with phaseline decompose --explain."},
	{FlagTTFTPartsExceed, "ttft_parts_exceed", "Queue and prefill together are longer than the time to first token; its parts are unknown.", "Probably a TTFT of the first HTTP chunk, before the first token."},
	{FlagTTFTBeforeServer, "ttft_before_server", "The client's time to first token is shorter than the server's; its network part is unknown.", "Probably the first chunk came before the first token."},
	{FlagBufferedStream, "buffered_stream", "The client received the tokens in a burst, far faster than the server made them.", "Turn response buffering off in the proxies between them."},
	{FlagToolTimeInside, "tool_time_inside", "The span contains the run of a tool on the client's side.", "Read decode from the engine, or use an instrumentation that ends the span with the model's answer."},
	{FlagEndsAtHeaders, "ends_at_headers", "The span ended when the stream began: the total is not the call's.", "Upgrade the instrumentation."},
	{FlagPreempted, "preempted", "The engine preempted the request; waiting again is part of decode.", "Give the engine more KV cache or less concurrency."},
	{FlagPhaseTruncated, "phase_truncated", "The engine marked a phase as cut short; its duration was refused.", "Look at the engine's log for the request."},
	{FlagUnpaired, "unpaired", "The trace has client and engine spans whose pairing is not certain, so they are separate rows.", "Propagate the trace context to the engine so that its span becomes a child of the call."},
	{FlagAttemptsUnclear, "attempts_unclear", "Several attempts reached a server and which was the last, or when it began, is not known.", "Instrument the HTTP client, so that each attempt has a span."},
	{FlagServerIncomplete, "server_incomplete", "Of several sources on the server's side (stages, sequences, engine and provider), the one that counts for a phase does not tell it.", "Run the same tracing options on every worker."},
	{FlagUncorrelated, "uncorrelated", "The trace has more spans than are correlated; each span is taken on its own.", "Start a new trace per job instead of one for all."},
}

// Names returns the names of the flags in f, sorted; nil if there are none.
func (f Flags) Names() []string {
	if f == 0 {
		return nil
	}
	names := make([]string, 0, bits.OnesCount64(uint64(f)))
	for _, d := range FlagDocs {
		if f&d.Flag != 0 {
			names = append(names, d.Name)
		}
	}
	sort.Strings(names)
	return names
}

// ParseFlags is the inverse of Names. Names outside the vocabulary, such as
// those of a newer version, are ignored.
func ParseFlags(names []string) Flags {
	var f Flags
	for _, name := range names {
		for _, d := range FlagDocs {
			if d.Name == name {
				f |= d.Flag
			}
		}
	}
	return f
}
