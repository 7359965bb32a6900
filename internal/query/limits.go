package query

import "time"

// Limits protect the store and the answers' readers. The zero value of a field
// takes the default beside it. Passing a limit is an Error of CodeTooLarge or
// CodeTimeout, never a hung page.
type Limits struct {
	// Points is the most steps that fit into a range. Default 11,000.
	Points int64
	// Groups is the most groups or series of one answer. Default 1,000.
	Groups int
	// Page is the most requests of one page. Default 1,000.
	Page int
	// Statements is how many statements run at once, of all questions; further ones wait.
	// Half of the embedded engine's connections, so that questions never keep spans from
	// being written. Default 8.
	Statements int
	// Time is how long one question may take. Default 10 s.
	Time time.Duration
	// Memory is how many bytes the store may use for one statement. Default 1 GiB.
	Memory int64
	// Rows is the most rows of requests that one statement may read; beyond it a
	// question needs the hours table, a shorter range or a filter. Default 20 M.
	Rows int64
	// ExactRows is the number of requests up to which an answer rests on the very
	// numbers of each, kept in memory (some 200 bytes for one). Beyond it they are
	// in log buckets, from the hours table if that can answer. Default 250,000.
	ExactRows int64
	// Cache is how many bytes of what whole hours answered are remembered. Default 64 MiB.
	Cache int64
}

func (l Limits) withDefaults() Limits {
	defaultTo(&l.Points, 11_000)
	defaultTo(&l.Groups, 1_000)
	defaultTo(&l.Page, 1_000)
	defaultTo(&l.Statements, 8)
	defaultTo(&l.Time, 10*time.Second)
	defaultTo(&l.Memory, 1<<30)
	defaultTo(&l.Rows, 20_000_000)
	defaultTo(&l.ExactRows, 250_000)
	defaultTo(&l.Cache, 64<<20)
	return l
}

// seriesPoints is the most points of all series of an answer together.
func (l Limits) seriesPoints() int64 { return 10 * l.Points }

func defaultTo[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Bounds of what a question may carry; the API's specification repeats them.
const (
	maxGroupBy    = 3
	maxQuantiles  = 10
	maxFilters    = 20
	maxValues     = 1_000 // of one filter
	maxFilterSize = 4_096 // bytes of one filter's values

)
