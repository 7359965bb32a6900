// Package query answers questions about stored requests: a typed question goes
// in, a typed answer comes out, and the limits that protect the store live
// here and nowhere else.
//
// Ranges are half-open, in UTC, and always by the end of a request: by start,
// an incident would first look healthy, since only its fast requests have
// arrived. All durations are integer nanoseconds. A nil number is unknown, or
// there is nothing to compute it from; it is never a zero.
package query

import "time"

// Range is the half-open interval [From, To) of request ends.
type Range struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Metric is a duration of one request.
type Metric string

const (
	TTFT         Metric = "ttft"
	TPOT         Metric = "tpot"
	Total        Metric = "total"
	Network      Metric = "network"
	Queue        Metric = "queue"
	Prefill      Metric = "prefill"
	Decode       Metric = "decode"
	Unattributed Metric = "unattributed"
)

// Metrics lists every metric in the order in which answers show them.
var Metrics = []Metric{TTFT, TPOT, Total, Network, Queue, Prefill, Decode, Unattributed}

// Part is a piece of a composition. The parts of the total are the four phases
// and unattributed; the parts of TTFT are network, queue, prefill and rest.
type Part string

const (
	PartNetwork      Part = "network"
	PartQueue        Part = "queue"
	PartPrefill      Part = "prefill"
	PartDecode       Part = "decode"
	PartUnattributed Part = "unattributed"
	PartRest         Part = "rest" // of TTFT: what the evidence cannot split
)

// Operator is how a filter compares.
type Operator string

const (
	Equal    Operator = "="
	NotEqual Operator = "!="
	Matches  Operator = "=~" // RE2, anchored at both ends
	In       Operator = "in"
)

// Filter keeps the requests whose dimension compares true. Only In takes more
// than one value. A request without the dimension has the empty value.
type Filter struct {
	Dimension string   `json:"dimension"`
	Operator  Operator `json:"operator"`
	Values    []string `json:"values"`
}

// Tier is the table an answer was read from.
type Tier string

const (
	TierRequests Tier = "requests" // exact, but for very many
	TierHours    Tier = "hours"    // log buckets; open hours and ragged edges from requests
)

// Scope is what every question asks about. The zero value of each field but
// Range has a meaning: all requests of the default tenant.
type Scope struct {
	Range   Range    `json:"range"`
	Filters []Filter `json:"filters,omitempty"`
	Tenant  string   `json:"tenant,omitempty"`
	// IncludeFailed also lets failed, cancelled and cache-hit requests into
	// latencies and compositions. Rates always count them.
	IncludeFailed bool `json:"include_failed,omitempty"`
}

// Meta is what every answer says about itself.
type Meta struct {
	Range Range `json:"range"`
	Tier  Tier  `json:"tier"`
	// ErrorBound is the largest relative error of any quantile: 0 when exact, as it
	// is of up to Limits.ExactRows requests.
	ErrorBound float64 `json:"error_bound"`
	// N counts the requests in range after filters, whatever their outcome.
	N int64 `json:"n"`
	// Counted is how many of N the latencies rest on (see Scope.IncludeFailed).
	Counted int64 `json:"counted"`
	// Coverage is the share of Counted that has each duration at all.
	Coverage Coverage `json:"coverage"`
	// EstimatedRows is the estimate of rows to read that chose the tier.
	EstimatedRows int64 `json:"estimated_rows"`
}

// Coverage holds, per duration, the share of requests that have it, 0 to 1;
// nil without requests.
type Coverage struct {
	TTFT    *float64 `json:"ttft"`
	TPOT    *float64 `json:"tpot"`
	Network *float64 `json:"network"`
	Queue   *float64 `json:"queue"`
	Prefill *float64 `json:"prefill"`
	Decode  *float64 `json:"decode"`
}

// Counts are numbers of requests by outcome; they add up to N.
type Counts struct {
	N         int64 `json:"n"`
	OK        int64 `json:"ok"`
	Errors    int64 `json:"errors"`
	Cancelled int64 `json:"cancelled"`
	CacheHits int64 `json:"cache_hits"`
}

// Label is one dimension of a group and its value.
type Label struct {
	Dimension string `json:"dimension"`
	Value     string `json:"value"`
}

// Quantile is element floor(q·n), 0-based, of the sorted values, with its 95 %
// confidence interval by order statistics.
type Quantile struct {
	Q       float64 `json:"q"`
	ValueNS *int64  `json:"value_ns"`
	LowNS   *int64  `json:"low_ns"`
	HighNS  *int64  `json:"high_ns"`
	// Overdispersion is φ ≥ 1: how much more the tail beyond the quantile varies
	// from time block to time block than it would if requests were independent.
	// Nil if fewer than 10 time blocks have data; then there is no interval.
	Overdispersion *float64 `json:"overdispersion"`
	// Effective is n divided by φ: how many independent requests the interval
	// rests on.
	Effective *int64 `json:"n_effective"`
	// Required is the smallest Effective for which an interval exists.
	Required int64 `json:"n_required"`
	// TooSmall says that Effective is below Required or unknown.
	TooSmall bool `json:"n_too_small"`
}

// Distribution is one metric of one group.
type Distribution struct {
	Metric Metric `json:"metric"`
	// N is how many counted requests have the metric.
	N         int64      `json:"n"`
	MeanNS    *int64     `json:"mean_ns"`
	Quantiles []Quantile `json:"quantiles"`
}

// PartMean is the mean of one part over a set of requests. The MeanNS of all
// parts of a set add up to the set's mean exactly.
type PartMean struct {
	Part   Part  `json:"part"`
	MeanNS int64 `json:"mean_ns"`
	// Coverage is the share of the requests for which the part is known; an
	// unknown part's time is in unattributed (of TTFT: in rest).
	Coverage float64 `json:"coverage"`
}

// Breakdown asks for counts, latencies and mean compositions per group.
type Breakdown struct {
	Scope
	GroupBy   []string  `json:"group_by,omitempty"` // at most 3 dimensions
	Metrics   []Metric  `json:"metrics,omitempty"`  // default all
	Quantiles []float64 `json:"quantiles,omitempty"`
	// Sort is n, errors or a metric (by its last quantile); a leading "-" sorts
	// descending. Default -n.
	Sort  string `json:"sort,omitempty"`
	Limit int    `json:"limit,omitempty"` // groups; default 100
}

// BreakdownAnswer has the groups in order of Breakdown.Sort.
type BreakdownAnswer struct {
	Meta
	Groups []BreakdownGroup `json:"groups"`
	// Groups beyond Limit that are not shown.
	Omitted int64 `json:"omitted_groups"`
}

// BreakdownGroup is one row of a breakdown.
type BreakdownGroup struct {
	Labels        []Label        `json:"labels"`
	Counts        Counts         `json:"counts"`
	Counted       int64          `json:"counted"`
	RatePerSecond float64        `json:"rate_per_second"`
	ErrorRate     *float64       `json:"error_rate"`
	Coverage      Coverage       `json:"coverage"`
	Metrics       []Distribution `json:"metrics"`
	// TotalParts are the mean phases of the counted requests.
	TotalParts []PartMean `json:"total_parts"`
	// TTFTParts are the mean parts of TTFT of the counted requests that have one.
	TTFTParts []PartMean `json:"ttft_parts"`
	// The means of the counted requests that say how many.
	MeanInputTokens  *int64 `json:"mean_input_tokens"`
	MeanOutputTokens *int64 `json:"mean_output_tokens"`
}

// TimeSeries asks how counts, a metric and its parts move.
type TimeSeries struct {
	Scope
	GroupBy   []string      `json:"group_by,omitempty"`
	Metric    Metric        `json:"metric,omitempty"`
	Quantiles []float64     `json:"quantiles,omitempty"`
	Step      time.Duration `json:"step_ns,omitempty"` // default about 120 points, or hours where those of a million requests are read
	Limit     int           `json:"limit,omitempty"`   // series, the busiest first; default 10
}

// TimeSeriesAnswer holds columns: every slice of a series is as long as Times.
type TimeSeriesAnswer struct {
	Meta
	Metric  Metric      `json:"metric"`
	StepNS  int64       `json:"step_ns"`
	Times   []time.Time `json:"times"` // the start of each step
	Series  []Series    `json:"series"`
	Omitted int64       `json:"omitted_series"`
}

// Series is one group over time.
type Series struct {
	Labels    []Label          `json:"labels"`
	N         []int64          `json:"n"`
	Errors    []int64          `json:"errors"`
	Counted   []int64          `json:"counted"` // requests that have the metric
	MeanNS    []*int64         `json:"mean_ns"`
	Quantiles []SeriesQuantile `json:"quantiles"`
	// Parts are the mean parts of the metric (ttft: of TTFT, else of the total).
	Parts []SeriesPart `json:"parts"`
}

// SeriesQuantile is one quantile over time.
type SeriesQuantile struct {
	Q        float64  `json:"q"`
	ValuesNS []*int64 `json:"values_ns"`
}

// SeriesPart is one part's mean over time.
type SeriesPart struct {
	Part   Part     `json:"part"`
	MeanNS []*int64 `json:"mean_ns"`
}

// Heatmap asks how a metric is distributed over time.
type Heatmap struct {
	Scope
	Metric Metric        `json:"metric,omitempty"`
	Step   time.Duration `json:"step_ns,omitempty"` // default as for TimeSeries
}

// HeatmapAnswer counts requests per step and log bucket.
type HeatmapAnswer struct {
	Meta
	Metric  Metric      `json:"metric"`
	StepNS  int64       `json:"step_ns"`
	Times   []time.Time `json:"times"`
	Buckets []Bucket    `json:"buckets"` // ascending, adjacent
	// Counts[i][j] is the number of requests of Times[i] in Buckets[j].
	Counts [][]int64 `json:"counts"`
}

// Bucket is the interval (LowNS, HighNS] of durations.
type Bucket struct {
	LowNS  int64 `json:"low_ns"`
	HighNS int64 `json:"high_ns"`
}

// Rectangle is a selection in a heatmap: requests ending in Range with
// LowNS < metric <= HighNS. Nil bounds are open, and so is a LowNS of 0.
type Rectangle struct {
	Range  Range  `json:"range"`
	Metric Metric `json:"metric"`
	LowNS  *int64 `json:"low_ns"`
	HighNS *int64 `json:"high_ns"`
}

// Distinguish asks which dimension values are over-represented in a selection
// of the heatmap against the rest of Scope.
type Distinguish struct {
	Scope
	Selection  Rectangle `json:"selection"`
	Dimensions []string  `json:"dimensions,omitempty"` // default all but the continuous ones
	Limit      int       `json:"limit,omitempty"`      // default 20
}

// DistinguishAnswer ranks values that are more frequent in the selection, the
// most telling first.
type DistinguishAnswer struct {
	Meta
	Selected int64         `json:"selected"`
	Rest     int64         `json:"rest"`
	Values   []Distinction `json:"values"`
}

// Distinction is one value and how often it occurs inside and outside.
type Distinction struct {
	Label
	Selected      int64   `json:"selected"`
	Rest          int64   `json:"rest"`
	SelectedShare float64 `json:"selected_share"`
	RestShare     float64 `json:"rest_share"`
	// Score is the log-likelihood ratio (G²) of the two shares. Values are told
	// from 10.83 on, which chance alone passes once in a thousand.
	Score float64 `json:"score"`
}

// Composition asks what the requests around quantiles of a metric are made of.
type Composition struct {
	Scope
	Metric    Metric    `json:"metric,omitempty"` // ttft (default) or total
	GroupBy   []string  `json:"group_by,omitempty"`
	Quantiles []float64 `json:"quantiles,omitempty"`
	Limit     int       `json:"limit,omitempty"` // groups; default 10
}

// CompositionAnswer has the groups, the busiest first.
type CompositionAnswer struct {
	Meta
	Metric  Metric             `json:"metric"`
	Groups  []CompositionGroup `json:"groups"`
	Omitted int64              `json:"omitted_groups"`
}

// CompositionGroup is one group's compositions, by ascending quantile.
type CompositionGroup struct {
	Labels []Label `json:"labels"`
	N      int64   `json:"n"` // counted requests that have the metric
	// Complete is how many of N have complete evidence: every part known.
	Complete int64 `json:"complete"`
	// CompleteOnly says that the windows are taken over the complete ones.
	CompleteOnly bool                  `json:"complete_only"`
	Compositions []QuantileComposition `json:"compositions"`
	// Finding is the one sentence under the picture; empty if there is none.
	Finding string `json:"finding"`
}

// QuantileComposition is the mean composition of the requests around one quantile.
type QuantileComposition struct {
	Quantile
	// Window is how many requests the means rest on; their ranks are
	// [FromRank, ToRank) of the sorted values. MeanNS is their mean, and what
	// the parts add up to.
	Window   int64      `json:"window_n"`
	FromRank int64      `json:"from_rank"`
	ToRank   int64      `json:"to_rank"`
	MeanNS   *int64     `json:"mean_ns"`
	Parts    []PartMean `json:"parts"` // empty if WindowTooSmall
	// WindowTooSmall: fewer than WindowRequired requests lie close enough.
	WindowTooSmall bool  `json:"window_too_small"`
	WindowRequired int64 `json:"window_required"`
}
