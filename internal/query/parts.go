package query

import (
	"cmp"
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// whole is a duration that is made of parts.
type whole struct {
	metric    Metric
	column    fragment
	known     []Part // the parts with evidence of their own
	columns   []fragment
	remainder Part // what is left
	// complete is true if every part is known; nothing before a server is observed.
	complete fragment
	// hours are the arrays of the hours table: metric's sum, then n and sum of each part.
	hours []fragment
	array fragment
}

var wholes = map[Metric]whole{
	TTFT: {
		metric: TTFT, column: "ttft_ns", remainder: PartRest,
		known:    []Part{PartNetwork, PartQueue, PartPrefill},
		columns:  []fragment{"ttft_network_ns", "ttft_queue_ns", "ttft_prefill_ns"},
		complete: "isNotNull(ttft_queue_ns) AND isNotNull(ttft_prefill_ns) AND (isNotNull(ttft_network_ns) OR vantage = 'server')",
		array:    "ttft_parts",
		hours:    []fragment{"ttft_sum_ns", "network_n", "network_sum_ns", "queue_n", "queue_sum_ns", "prefill_n", "prefill_sum_ns"},
	},
	Total: {
		metric: Total, column: "total_ns", remainder: PartUnattributed,
		known:    []Part{PartNetwork, PartQueue, PartPrefill, PartDecode},
		columns:  []fragment{"network_ns", "queue_ns", "prefill_ns", "decode_ns"},
		complete: "isNotNull(queue_ns) AND isNotNull(prefill_ns) AND isNotNull(decode_ns) AND (isNotNull(network_ns) OR vantage = 'server')",
		array:    "total_parts",
		hours:    []fragment{"total_sum_ns", "network_n", "network_sum_ns", "queue_n", "queue_sum_ns", "prefill_n", "prefill_sum_ns", "decode_n", "decode_sum_ns"},
	},
}

// slice is a set of requests with the sums of their parts: those of one group,
// time block, coarse bucket of the whole, completeness and input bucket.
type slice struct {
	key      key
	block    int64
	bucket   int16
	input    int8
	complete bool

	whole amount
	parts [4]amount // as whole.known
}

func (s *slice) merge(o slice) {
	s.whole.merge(o.whole)
	for i := range s.parts {
		s.parts[i].merge(o.parts[i])
	}
}

// remove takes back what was merged.
func (s *slice) remove(o slice) {
	s.whole.remove(o.whole)
	for i := range s.parts {
		s.parts[i].remove(o.parts[i])
	}
}

// means are the mean parts of the slice, which add up to its mean.
func (s slice) means(w whole) []PartMean {
	known := make([]part, len(w.known))
	for i, name := range w.known {
		known[i] = part{name, s.parts[i]}
	}
	return partMeans(s.whole, w.remainder, known)
}

// finer says by what slices are told apart beside group, bucket and completeness.
type finer struct {
	grid  grid // zero: all blocks are block 0
	input bool
}

// readSlices reads the slices of the counted requests that have the whole.
func (e *Engine) readSlices(ctx context.Context, s scope, p plan, w whole, f finer, keys []key) ([]slice, error) {
	var found []slice
	if p.tier == TierHours {
		q := &statement{}
		q.add("SELECT ")
		s.labels(q, TierHours)
		if f.grid.width > 0 {
			q.add("intDiv(toInt64(toUnixTimestamp(hour)) * 1000000000 - ").bind("Int64", f.grid.origin).add(", ").bind("Int64", f.grid.width).add(")")
		} else {
			q.add("toInt64(0)")
		}
		q.add(" AS block, part_bucket, ", "part_complete, ")
		if f.input {
			q.add("part_input AS input")
		} else {
			q.add("toInt8(0) AS input")
		}
		q.add(", sum(part_n)")
		for i := range w.hours {
			q.add(", toUInt64(sum(", partNames[i], "))")
		}
		s.fromHoursJoin(q, p.hours, w)
		s.only(q, keys)
		s.groupBy(q, "block", "part_bucket", "part_complete", "input")
		if err := e.scanSlices(ctx, q, s, w, &found); err != nil {
			return nil, err
		}
	}
	if len(p.edges) > 0 {
		q := &statement{}
		q.add("SELECT ")
		s.labels(q, TierRequests)
		if f.grid.width > 0 {
			f.grid.block(q)
		} else {
			q.add("toInt64(0)")
		}
		q.add(" AS block, toInt16(floor(if(", w.column, " > 0, ceil(log2(assumeNotNull(", w.column, ")) * 64) - 1, -2) / 8)) AS part_bucket, ")
		q.add("(", w.complete, ") AS part_complete, ")
		if f.input {
			q.add(inputNumber, " AS input")
		} else {
			q.add("toInt8(0) AS input")
		}
		q.add(", count(), toUInt64(assumeNotNull(sum(", w.column, ")))")
		for _, c := range w.columns {
			q.add(", countIf(isNotNull(", c, ")), toUInt64(ifNull(sum(", c, "), 0))")
		}
		s.from(q, p.edges...)
		q.add(" AND ")
		s.counted(q)
		q.add(" AND isNotNull(", w.column, ")")
		s.only(q, keys)
		s.groupBy(q, "block", "part_bucket", "part_complete", "input")
		if err := e.scanSlices(ctx, q, s, w, &found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// inputNumber is input_bucket as the hours table numbers it.
const inputNumber fragment = `toInt8(multiIf(isNull(input_tokens), -1, input_tokens - ifNull(cached_input_tokens, 0) < 256, 0, ` +
	`input_tokens - ifNull(cached_input_tokens, 0) < 1024, 1, input_tokens - ifNull(cached_input_tokens, 0) < 4096, 2, ` +
	`input_tokens - ifNull(cached_input_tokens, 0) < 16384, 3, input_tokens - ifNull(cached_input_tokens, 0) < 65536, 4, 5))`

var partNames = [...]fragment{"part0", "part1", "part2", "part3", "part4", "part5", "part6", "part7", "part8"}

// fromHoursJoin appends FROM and WHERE over whole hours, an element of the
// arrays of w for each row.
func (s scope) fromHoursJoin(q *statement, r Range, w whole) {
	q.add(" FROM hours FINAL ARRAY JOIN ", w.array, ".bucket AS part_bucket, ", w.array, ".complete AS part_complete, ",
		w.array, ".input_bucket AS part_input, ", w.array, ".n AS part_n")
	for i, column := range w.hours {
		q.add(", ", w.array, ".", column, " AS ", partNames[i])
	}
	s.whereHours(q, r)
	q.add(" AND ")
	s.counted(q)
}

func (e *Engine) scanSlices(ctx context.Context, q *statement, s scope, w whole, into *[]slice) error {
	return e.read(ctx, q, func(rows driver.Rows) error {
		var x slice
		var n, sum uint64
		parts := make([]struct{ n, sum uint64 }, len(w.known))
		dest := append(s.scan(&x.key), &x.block, &x.bucket, &x.complete, &x.input, &n, &sum)
		for i := range parts {
			dest = append(dest, &parts[i].n, &parts[i].sum)
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		x.whole.n = int64(n)
		x.whole.sum.add(sum)
		for i, p := range parts {
			x.parts[i].n = int64(p.n)
			x.parts[i].sum.add(p.sum)
		}
		*into = append(*into, x)
		return nil
	})
}

// evidence says how many requests there are, and over which of them a
// composition is taken.
type evidence struct {
	n, complete  int64
	completeOnly bool
}

// weigh applies the rule of the definition: those with complete evidence if
// they are at least half and at least 30, otherwise all.
func weigh(all []slice) evidence {
	var e evidence
	for _, s := range all {
		e.n += s.whole.n
		if s.complete {
			e.complete += s.whole.n
		}
	}
	e.completeOnly = e.complete < e.n && e.complete >= windowRequired && 2*e.complete >= e.n
	return e
}

// population is the requests that a composition is taken over: one slice for
// each bucket of the whole, ascending.
type population struct {
	slices []slice
	size   int64
}

func populationOf(all []slice, completeOnly bool) population {
	p := population{}
	byBucket := map[int16]*slice{}
	for _, s := range all {
		if completeOnly && !s.complete {
			continue
		}
		if byBucket[s.bucket] == nil {
			byBucket[s.bucket] = &slice{bucket: s.bucket}
		}
		byBucket[s.bucket].merge(s)
		p.size += s.whole.n
	}
	for _, s := range byBucket {
		p.slices = append(p.slices, *s)
	}
	slices.SortFunc(p.slices, func(a, b slice) int { return cmp.Compare(a.bucket, b.bucket) })
	return p
}

// without returns the population less the requests of a part of it.
func (p population) without(o population) population {
	left := population{slices: slices.Clone(p.slices), size: p.size - o.size}
	at := 0
	for _, s := range o.slices {
		for left.slices[at].bucket != s.bucket {
			at++
		}
		left.slices[at].remove(s)
	}
	return left
}

// around returns the sums over ranks [from, to), a slice on the edge counting
// with the share of its requests that lies inside.
func (p population) around(from, to int64) fractions {
	var sum fractions
	var below int64
	for _, s := range p.slices {
		inside := min(to, below+s.whole.n) - max(from, below)
		if inside > 0 {
			sum.add(s, float64(inside)/float64(s.whole.n))
		}
		below += s.whole.n
	}
	return sum
}

// fractions are sums that contain fractions of slices.
type fractions struct {
	n, whole float64
	parts    [4]struct{ n, sum float64 }
}

func (f *fractions) add(s slice, share float64) {
	f.n += share * float64(s.whole.n)
	f.whole += share * s.whole.sum.float()
	for i, p := range s.parts {
		f.parts[i].n += share * float64(p.n)
		f.parts[i].sum += share * p.sum.float()
	}
}

// means are the known parts, the remainder, and last the whole, by request.
func (f fractions) means(known int) []float64 {
	left := f.whole
	means := make([]float64, 0, known+2)
	for _, p := range f.parts[:known] {
		means = append(means, p.sum/f.n)
		left -= p.sum
	}
	return append(means, left/f.n, f.whole/f.n)
}
