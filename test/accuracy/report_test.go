package accuracy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/phaseline/phaseline/internal/histogram"
)

// markdown is docs/accuracy.md.
func markdown(sent *traffic, v *verdict) string {
	var b strings.Builder
	w := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	w(`# Accuracy

Written by `+"`make accuracy`"+`; a test keeps it current. A simulated serving system (internal/simulate) knows the true phases of
every request. Its clients, gateways and engines write spans as the real ones do, each by its own clock (up to 500 ms off, drifting)
and through its own exporter (flushed every 5 s, 1 %% of the exports lost, 5 %% repeated, 10 %% up to two minutes late, all shuffled).
The spans that arrive go into the store, and what it holds in the end is compared with the truth.

| | |
|---|---|
| requests | %d |
| spans that arrived, repeats included | %d in %d exports |
| requests that lost at least one span | %d |
| requests without a client span (lost, or aborted before one was written) | %d |
| numbers outside 1 ms, known without evidence, or unknown despite it | %d |

`, len(sent.truths), sent.spans, sent.deliveries, v.lostSpans, v.unseen, v.violated)

	w(`## Error by dialect

The largest error of any request, and the share of requests with an answer. A dash: this combination carries no evidence, and the
answer was unknown every time. Shares stay under 100 %% because of failed, cancelled and unstreamed calls, cache hits and lost spans.

| client + gateway + server | requests | network | queue | prefill | decode | TTFT |
|---|---|---|---|---|---|---|
`)
	for _, evidence := range slices.Sorted(maps.Keys(v.byEvidence)) {
		y := v.byEvidence[evidence]
		w("| %s | %d |", evidence, y.requests)
		for p := range parts {
			w(" %s |", y.cell(p))
		}
		w("\n")
	}
	w(`
* Queue and prefill come from the engine. Decode comes from the engine too where its span arrived, otherwise from the client's first
  and last token, and is compared with what that side saw.
* Network is the client's total without retries and without the server's own span. Where vLLM and SGLang have no HTTP span of their
  own, what the process does before its span opens (chat template, tokenizer) is outside of it and counts as network:
  %s at the median here, %s at p99. With FastAPI's instrumentation it does not.
* A retry whose HTTP spans were lost cannot be told from network: such answers (%d here) are not judged. Nor is SGLang's decode (%d)
  where only the slice that measures it was lost: the frontend's figure, some milliseconds longer, stands in.

## Percentiles

As a question is answered, over successful requests: from the requests themselves and from the log buckets of the hours table (bound
%.2f %%); then what the requests around the percentile are made of, answered / true, in ms, where the evidence carries every phase.

| client + gateway + server | n | percentile | true total | exact | buckets | network | queue | prefill | decode |
|---|---|---|---|---|---|---|---|---|---|
`, rounded(v.beforeSpan(0.5)), rounded(v.beforeSpan(0.99)), v.untold(network), v.untold(decode), histogram.ErrorBound*100)
	for _, evidence := range slices.Sorted(maps.Keys(v.byEvidence)) {
		for _, p := range v.byEvidence[evidence].percentiles {
			w("| %s | %d | p%g | %.1f ms | %+.3f %% | %+.2f %% |", evidence, p.n, p.q*100, float64(p.truth)/1e6,
				relative(p.exact, p.truth), relative(p.bucketed, p.truth))
			for i := range p.actual {
				w(" %.1f / %.1f |", p.answered[i]/1e6, p.actual[i]/1e6)
			}
			w("\n")
		}
	}
	return b.String()
}

func relative(got, truth int64) float64 { return 100 * float64(got-truth) / float64(truth) }

// cell is the largest error and the share of requests with an answer.
func (y *tally) cell(p part) string {
	if y.known[p] == 0 {
		return "–"
	}
	share := 100 * float64(y.known[p]) / float64(y.requests)
	if len(y.errors[p]) == 0 {
		return fmt.Sprintf("not judged, %.1f %%", share)
	}
	return fmt.Sprintf("%s, %.1f %%", rounded(slices.Max(y.errors[p])), share)
}

func (v *verdict) untold(p part) (n int) {
	for _, y := range v.byEvidence {
		n += y.untold[p]
	}
	return n
}

// beforeSpan is a quantile of the server time that lies outside the engine's span.
func (v *verdict) beforeSpan(q float64) int64 {
	slices.Sort(v.outside)
	return v.outside[int(q*float64(len(v.outside)))]
}

// rounded gives a duration three digits at most.
func rounded(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d >= 10*time.Microsecond:
		return d.Round(time.Microsecond).String()
	case d >= time.Microsecond:
		return d.Round(100 * time.Nanosecond).String()
	}
	return d.String()
}
