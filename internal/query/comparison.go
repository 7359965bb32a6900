package query

// Compare asks what differs between two sets of requests, A (before) and B.
// They may differ in range, in filters, or in both.
type Compare struct {
	A         Scope     `json:"a"`
	B         Scope     `json:"b"`
	Metric    Metric    `json:"metric,omitempty"` // ttft (default) or total
	Quantiles []float64 `json:"quantiles,omitempty"`
}

// CompareAnswer shows both sides, the difference and who owns it.
type CompareAnswer struct {
	Metric Metric `json:"metric"`
	A      Side   `json:"a"`
	B      Side   `json:"b"`
	// Mean is the difference of the means over all requests, nil if one side has
	// none; Quantiles hold the difference of the compositions at each quantile.
	Mean      *Difference          `json:"mean"`
	Quantiles []QuantileDifference `json:"quantiles"`
	Mix       Mix                  `json:"mix"`
}

// Side is one of the two sets.
type Side struct {
	Meta
	Counts      Counts           `json:"counts"`
	Metrics     []Distribution   `json:"metrics"`
	Composition CompositionGroup `json:"composition"`
	MeanParts   []PartMean       `json:"mean_parts"`
	Blocks      int              `json:"blocks"` // time blocks with data
}

// Estimate is a difference B − A in nanoseconds with its 95 % interval by
// batch means. The interval is nil with fewer than 10 time blocks on a side.
type Estimate struct {
	NS     int64  `json:"ns"`
	LowNS  *int64 `json:"low_ns"`
	HighNS *int64 `json:"high_ns"`
}

// PartDifference is one part's share in a difference.
type PartDifference struct {
	Part Part `json:"part"`
	Estimate
	// Share of the whole difference; nil if that is zero.
	Share *float64 `json:"share"`
}

// Owner values besides the parts.
const (
	OwnerShared = "shared" // no part has half of it with an interval that excludes 0
	OwnerNone   = "none"   // the difference is not distinguishable from 0
)

// Difference is a difference and its parts, which add up to it exactly.
type Difference struct {
	Estimate
	// Relative is NS divided by A's value; RelativeBound is the largest relative
	// difference that the interval allows, for "no difference larger than ±x".
	Relative      *float64         `json:"relative"`
	RelativeBound *float64         `json:"relative_bound"`
	Parts         []PartDifference `json:"parts"`
	Owner         string           `json:"owner"` // a part, shared or none
}

// QuantileDifference is the difference of the compositions around q.
type QuantileDifference struct {
	Q float64 `json:"q"`
	// ValueNS is the difference of the two quantiles themselves.
	ValueNS *int64 `json:"value_ns"`
	// Difference is nil if one side's window is too small.
	Difference *Difference `json:"difference"`
}

// Mix sets the shift of the workload apart from the change of the service:
// difference of the means = Within + Shift, over strata of model ×
// uncached-input-token bucket that both sides have.
type Mix struct {
	WithinNS *int64 `json:"within_ns"` // both sides at B's mix
	ShiftNS  *int64 `json:"shift_ns"`
	// Compared is the share of B's requests that lie in strata both sides have.
	Compared *float64  `json:"compared"`
	Strata   []Stratum `json:"strata"` // the largest contributions first
}

// Stratum is requests of one model and uncached-input-token bucket.
type Stratum struct {
	Model       string  `json:"model"`
	InputBucket string  `json:"input_bucket"`
	AShare      float64 `json:"a_share"`
	BShare      float64 `json:"b_share"`
	AMeanNS     *int64  `json:"a_mean_ns"`
	BMeanNS     *int64  `json:"b_mean_ns"`
}
