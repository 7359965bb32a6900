package query

import (
	"cmp"
	"slices"
	"strings"

	"github.com/phaseline/phaseline/internal/histogram"
)

// The reference answers from rows in memory, by the definitions and nothing else.

// counts says whether a row counts in latencies.
func (r row) counts(includeFailed bool) bool { return includeFailed || r.Outcome == "ok" }

// dimension returns a row's value of a dimension.
func (r row) dimension(name string) string {
	if key, ok := strings.CutPrefix(name, "attributes."); ok {
		return r.Attributes[key]
	}
	switch name {
	case "streaming":
		switch {
		case r.Streaming == nil:
			return ""
		case *r.Streaming:
			return "true"
		}
		return "false"
	case "cache":
		switch {
		case r.Outcome == "cache_hit":
			return "response"
		case r.CachedInputTokens == nil:
			return ""
		case *r.CachedInputTokens > 0:
			return "prompt"
		}
		return "none"
	case "input_bucket":
		if r.InputTokens == nil {
			return ""
		}
		uncached := *r.InputTokens
		if r.CachedInputTokens != nil {
			uncached -= *r.CachedInputTokens
		}
		for i, limit := range []int64{256, 1024, 4096, 16384, 65536} {
			if uncached < limit {
				return inputBucketNames[i]
			}
		}
		return inputBucketNames[5]
	}
	return map[string]string{
		"service": r.Service, "version": r.Version, "environment": r.Environment, "model": r.Model, "provider": r.Provider,
		"outcome": r.Outcome, "vantage": r.Vantage, "operation": r.Operation, "engine": r.Engine, "server_address": r.ServerAddress,
		"error_type": r.ErrorType, "finish_reason": r.FinishReason, "ttft_source": r.TTFTSource, "ttft_kind": r.TTFTKind,
		"dialect": r.Dialect, "response_model": r.ResponseModel, "service_namespace": r.ServiceNamespace,
		"prompt_name": r.PromptName, "prompt_version": r.PromptVersion, "session": r.Session, "trace_id": r.TraceID,
	}[name]
}

// groupsOf sorts rows into groups.
func groupsOf(rows []row, by ...string) map[key][]row {
	groups := map[key][]row{}
	for _, r := range rows {
		var k key
		for i, name := range by {
			k[i] = r.dimension(name)
		}
		groups[k] = append(groups[k], r)
	}
	return groups
}

func keyOf(labels []Label) (k key) {
	for i, l := range labels {
		k[i] = l.Value
	}
	return k
}

// values are the known values of a metric over the counted rows, sorted.
func values(rows []row, m Metric, includeFailed bool) []int64 {
	var v []int64
	for _, r := range rows {
		if ns := r.of(m); ns != nil && r.counts(includeFailed) {
			v = append(v, *ns)
		}
	}
	slices.Sort(v)
	return v
}

func meanOf(v []int64) *int64 {
	if len(v) == 0 {
		return nil
	}
	var sum int64
	for _, x := range v {
		sum += x
	}
	sum /= int64(len(v))
	return &sum
}

func quantileOf(v []int64, q float64) *int64 {
	if len(v) == 0 {
		return nil
	}
	return &v[histogram.Rank(q, int64(len(v)))]
}

func outcomes(rows []row) Counts {
	var c Counts
	for _, r := range rows {
		c.N++
		switch r.Outcome {
		case "ok":
			c.OK++
		case "error":
			c.Errors++
		case "cancelled":
			c.Cancelled++
		case "cache_hit":
			c.CacheHits++
		}
	}
	return c
}

// partsOfRow are a row's known parts of the whole; nil for unknown.
func (r row) parts(m Metric) []*int64 {
	if m == TTFT {
		return []*int64{r.TTFTNetworkNS, r.TTFTQueueNS, r.TTFTPrefillNS}
	}
	return []*int64{r.NetworkNS, r.QueueNS, r.PrefillNS, r.DecodeNS}
}

func (r row) complete(m Metric) bool {
	for i, p := range r.parts(m) {
		if p == nil && (i > 0 || r.Vantage != "server") {
			return false
		}
	}
	return true
}

var unknown int64 = -1

// composition is the reference of §4 of the definitions: which requests the
// composition at q is taken over, and the sums of their parts.
func composition(rows []row, m Metric, q float64) (window []row, from, to int64, completeOnly bool) {
	var all, complete []row
	for _, r := range rows {
		if r.of(m) != nil && r.counts(false) {
			all = append(all, r)
			if r.complete(m) {
				complete = append(complete, r)
			}
		}
	}
	if len(complete) < len(all) && len(complete) >= 30 && 2*len(complete) >= len(all) {
		all, completeOnly = complete, true
	}
	slices.SortFunc(all, func(a, b row) int {
		if x, y := *a.of(m), *b.of(m); x != y {
			if x < y {
				return -1
			}
			return 1
		}
		// Those that are equal in every part are interchangeable.
		for i, x := range a.parts(m) {
			x, y := cmp.Or(x, &unknown), cmp.Or(b.parts(m)[i], &unknown)
			if *x != *y {
				return cmp.Compare(*x, *y)
			}
		}
		return 0
	})
	from, to = windowRanks(q, int64(len(all)))
	return all[from:to], from, to, completeOnly
}
