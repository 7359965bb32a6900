package query

import (
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/phaseline/phaseline/internal/histogram"
)

// metricColumns are the columns of each metric in requests.
var metricColumns = map[Metric]fragment{
	TTFT: "ttft_ns", TPOT: "tpot_ns", Total: "total_ns", Network: "network_ns", Queue: "queue_ns",
	Prefill: "prefill_ns", Decode: "decode_ns", Unattributed: "unattributed_ns",
}

// measure is something that is counted and summed up over the counted requests
// of a cell: the metrics in their order, and these.
type measure int

const metricCount = 8

const (
	ttftNetwork measure = metricCount + iota // parts of TTFT
	ttftQueue
	ttftPrefill
	inputTokens // not in the hours table
	outputTokens
	measureCount
)

// measures says where each is read: its column in requests, and its number and
// sum in hours.
var measures = [measureCount]struct{ column, count, sum fragment }{
	{"ttft_ns", "ttft_count", "ttft_sum_ns"},
	{"tpot_ns", "tpot_count", "tpot_sum_ns"},
	{"total_ns", "total_count", "total_sum_ns"},
	{"network_ns", "network_count", "network_sum_ns"},
	{"queue_ns", "queue_count", "queue_sum_ns"},
	{"prefill_ns", "prefill_count", "prefill_sum_ns"},
	{"decode_ns", "decode_count", "decode_sum_ns"},
	{"unattributed_ns", "unattributed_count", "unattributed_sum_ns"},
	{"ttft_network_ns", "arraySum(ttft_parts.network_n)", "arraySum(ttft_parts.network_sum_ns)"},
	{"ttft_queue_ns", "arraySum(ttft_parts.queue_n)", "arraySum(ttft_parts.queue_sum_ns)"},
	{"ttft_prefill_ns", "arraySum(ttft_parts.prefill_n)", "arraySum(ttft_parts.prefill_sum_ns)"},
	{"input_tokens", "", ""},
	{"output_tokens", "", ""},
}

// metricIndex is the measure that each metric is.
var metricIndex = func() map[Metric]measure {
	at := map[Metric]measure{}
	for i, m := range Metrics {
		at[m] = measure(i)
	}
	return at
}()

// everything is all measures.
var everything = func() (all []measure) {
	for m := range measureCount {
		all = append(all, m)
	}
	return all
}()

// madeOf are the measures that a metric's mean and its parts need.
func madeOf(m Metric) []measure {
	if m == TTFT {
		return []measure{metricIndex[TTFT], ttftNetwork, ttftQueue, ttftPrefill}
	}
	all := []measure{metricIndex[Total], metricIndex[Network], metricIndex[Queue], metricIndex[Prefill], metricIndex[Decode]}
	if m == TPOT || m == Unattributed {
		all = append(all, metricIndex[m])
	}
	return all
}

// amount is how many requests have a measure, and its sum over them.
type amount struct {
	n   int64
	sum sum
}

func (a *amount) merge(o amount) { a.n += o.n; a.sum.merge(o.sum) }

func (a *amount) remove(o amount) { a.n -= o.n; a.sum = a.sum.minus(o.sum) }

// cell is what was read of the requests of one group in one time block.
type cell struct {
	counts     Counts
	counted    int64
	amounts    [measureCount]amount // over the counted requests
	histograms [metricCount]histogram.Histogram
	exact      [][]int64 // quantiles of each metric asked for; only from requests
}

func (c *cell) amount(m Metric) *amount { return &c.amounts[metricIndex[m]] }

func (c *cell) histogram(m Metric) *histogram.Histogram { return &c.histograms[metricIndex[m]] }

// merge adds another cell; exact quantiles do not add up and are left.
func (c *cell) merge(o *cell) {
	c.counts.merge(o.counts)
	c.counted += o.counted
	for i := range c.amounts {
		c.amounts[i].merge(o.amounts[i])
	}
	for i := range c.histograms {
		c.histograms[i].Merge(&o.histograms[i])
	}
}

// countsOf are counts as every statement selects them: all, then by outcome.
func countsOf(n []uint64) Counts {
	return Counts{N: int64(n[0]), OK: int64(n[1]), Errors: int64(n[2]), Cancelled: int64(n[3]), CacheHits: int64(n[4])}
}

func (c *Counts) merge(o Counts) {
	c.N += o.N
	c.OK += o.OK
	c.Errors += o.Errors
	c.Cancelled += o.Cancelled
	c.CacheHits += o.CacheHits
}

// cells holds cells by group and time block.
type cells map[key]map[int64]*cell

func (c cells) at(k key, block int64) *cell {
	blocks := c[k]
	if blocks == nil {
		blocks = map[int64]*cell{}
		c[k] = blocks
	}
	if blocks[block] == nil {
		blocks[block] = &cell{}
	}
	return blocks[block]
}

// grid numbers time blocks: block i starts at origin + i·width.
type grid struct{ origin, width int64 } // Unix ns, ns

// block appends the number of a request's block.
func (g grid) block(q *statement) {
	q.add("intDiv(toUnixTimestamp64Nano(end) - ").bind("Int64", g.origin).add(", ").bind("Int64", g.width).add(")")
}

// blockOfHour appends the number of an hour's block.
func (g grid) blockOfHour(q *statement) {
	q.add("intDiv(toInt64(toUnixTimestamp(hour)) * 1000000000 - ").bind("Int64", g.origin).add(", ").bind("Int64", g.width).add(")")
}

// reading says what of the cells is wanted. Each column costs time: its own,
// and that of analysing a longer statement.
type reading struct {
	grid       grid
	numbers    bool      // of requests that have each metric
	sums       []measure // with their numbers
	histograms []Metric
	exact      []Metric // of which quantiles are wanted, exactly: from requests only
	quantiles  []float64
	keys       []key // only these groups; nil is all
}

// readRequests adds the cells of the requests in ranges.
func (e *Engine) readRequests(ctx context.Context, into cells, s scope, r reading, ranges ...Range) error {
	counted, summed := r.amounts(measureCount)
	q := &statement{most: e.groupRows(r.keys)}
	q.add("SELECT ")
	s.labelNames(q)
	q.add("block, count(), countIf(outcome = 'ok'), countIf(outcome = 'error'), countIf(outcome = 'cancelled'), countIf(outcome = 'cache_hit'), countIf(counts)")
	for _, m := range counted {
		q.add(", countIf(counts AND isNotNull(", measures[m].column, "))")
	}
	for _, m := range summed {
		q.add(", sumIf(", measures[m].column, ", counts)")
	}
	for _, m := range r.histograms {
		column := metricColumns[m]
		// A list of all is less work for the store than a map, and text is less
		// work for the driver than a list.
		q.add(", toString(groupArrayIf(if(", column, " > 0, toInt16(ceil(log2(assumeNotNull(", column, ")) * 64) - 1), -2), counts AND isNotNull(", column, ")))")
	}
	for _, m := range r.exact {
		q.add(", quantilesExactIf(")
		list(q, ", ", r.quantiles, func(level float64) { q.bind("Float64", level) })
		q.add(")(", metricColumns[m], ", counts)")
	}
	q.add(" FROM (SELECT ")
	s.labels(q, TierRequests)
	r.grid.block(q)
	q.add(" AS block, outcome, ")
	s.counted(q)
	q.add(" AS counts")
	for _, m := range r.read(counted) {
		q.add(", ", measures[m].column)
	}
	s.from(q, ranges...)
	s.only(q, r.keys)
	q.add(")")
	s.groupBy(q, "block")

	return e.read(ctx, q, func(rows driver.Rows) error {
		row := newCellRow(s, counted, summed)
		indexes := make([]string, len(r.histograms))
		for i := range indexes {
			row.dest = append(row.dest, &indexes[i])
		}
		exact := make([][]int64, len(r.exact))
		for i := range exact {
			row.dest = append(row.dest, &exact[i])
		}
		if err := rows.Scan(row.dest...); err != nil {
			return err
		}
		c := row.addTo(into)
		for i, m := range r.histograms {
			c.histogram(m).Merge(histogram.FromIndexes(integers(indexes[i])))
		}
		if len(exact) > 0 {
			c.exact = exact
		}
		return nil
	})
}

// readHours adds the cells of whole hours.
func (e *Engine) readHours(ctx context.Context, into cells, s scope, r reading, span Range) error {
	counted, summed := r.amounts(inputTokens)
	q := &statement{most: e.groupRows(r.keys)}
	q.add("SELECT ")
	s.labels(q, TierHours)
	r.grid.blockOfHour(q)
	q.add(" AS block, sum(requests), sumIf(requests, outcome = 'ok'), sumIf(requests, outcome = 'error'), sumIf(requests, outcome = 'cancelled'), sumIf(requests, outcome = 'cache_hit')")
	q.add(", sumIf(requests, ")
	s.counted(q)
	q.add(" AS counts)")
	for _, m := range counted {
		q.add(", sumIf(", measures[m].count, ", counts)")
	}
	for _, m := range summed {
		q.add(", sumIf(", measures[m].sum, ", counts)")
	}
	for i, m := range r.histograms {
		// Of the map as it is: of its keys and values apart takes twice the time.
		q.add(", toString(mapKeys(sumMapIf(", bucketColumns[metricIndex[m]], ", counts) AS ", bucketNames[i], ")), toString(mapValues(", bucketNames[i], "))")
	}
	s.fromHours(q, span)
	s.only(q, r.keys)
	s.groupBy(q, "block")

	return e.read(ctx, q, func(rows driver.Rows) error {
		row := newCellRow(s, counted, summed)
		indexes, counts := make([]string, len(r.histograms)), make([]string, len(r.histograms))
		for i := range r.histograms {
			row.dest = append(row.dest, &indexes[i], &counts[i])
		}
		if err := rows.Scan(row.dest...); err != nil {
			return err
		}
		c := row.addTo(into)
		for i, m := range r.histograms {
			n := integers(counts[i])
			for j, index := range integers(indexes[i]) {
				c.histogram(m).Add(int32(index), n[j])
			}
		}
		return nil
	})
}

// integers reads a list as ClickHouse writes it: [1,-2,3].
func integers(text string) []int64 {
	list := make([]int64, 0, len(text)/4)
	var n int64
	sign, digits := int64(1), false
	for _, c := range []byte(text) {
		switch {
		case c == '-':
			sign = -1
		case '0' <= c && c <= '9':
			n, digits = 10*n+int64(c-'0'), true
		case digits: // a comma or the end
			list = append(list, sign*n)
			n, sign, digits = 0, 1, false
		}
	}
	return list
}

// bucketColumns are the histograms of each metric in hours.
var bucketColumns = [metricCount]fragment{
	"ttft_buckets", "tpot_buckets", "total_buckets", "network_buckets", "queue_buckets", "prefill_buckets", "decode_buckets", "unattributed_buckets",
}

var bucketNames = [metricCount]fragment{"b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"}

// amounts are the measures to count and those to sum up, of those before limit.
func (r reading) amounts(limit measure) (counted, summed []measure) {
	for m := range limit {
		summing := slices.Contains(r.sums, m)
		if summing {
			summed = append(summed, m)
		}
		if summing || r.numbers && m < metricCount {
			counted = append(counted, m)
		}
	}
	return counted, summed
}

// read are the measures whose columns are read: those counted, and the metrics.
func (r reading) read(counted []measure) []measure {
	all := slices.Clone(counted)
	for _, m := range slices.Concat(r.histograms, r.exact) {
		if i := metricIndex[m]; !slices.Contains(all, i) {
			all = append(all, i)
		}
	}
	return all
}

// cellRow is where a cell is scanned to, whichever table it comes from.
type cellRow struct {
	key             key
	block           int64
	counts          [6]uint64
	counted, summed []measure
	n               []uint64
	sums            []*int64
	dest            []any
}

func newCellRow(s scope, counted, summed []measure) *cellRow {
	r := &cellRow{counted: counted, summed: summed, n: make([]uint64, len(counted)), sums: make([]*int64, len(summed))}
	r.dest = append(s.scan(&r.key), &r.block)
	for i := range r.counts {
		r.dest = append(r.dest, &r.counts[i])
	}
	for i := range r.n {
		r.dest = append(r.dest, &r.n[i])
	}
	for i := range r.sums {
		r.dest = append(r.dest, &r.sums[i])
	}
	return r
}

// addTo adds the row to its cell.
func (r *cellRow) addTo(into cells) *cell {
	c := into.at(r.key, r.block)
	c.counts.merge(countsOf(r.counts[:5]))
	c.counted += int64(r.counts[5])
	for i, m := range r.counted {
		c.amounts[m].n += int64(r.n[i])
	}
	for i, m := range r.summed {
		if r.sums[i] != nil {
			c.amounts[m].sum.add(uint64(*r.sums[i]))
		}
	}
	return c
}

// only appends the condition that a request belongs to one of the groups; none
// means any.
func (s scope) only(q *statement, keys []key) {
	if len(keys) == 0 || len(s.groups) == 0 {
		return
	}
	values := make([][]string, len(keys))
	for i, k := range keys {
		values[i] = k[:len(s.groups)]
	}
	q.add(" AND has(").bind("Array(Array(String))", values).add(", [")
	list(q, ", ", groupNames[:len(s.groups)], func(f fragment) { q.add(f) })
	q.add("])")
}

// groupRows is how many groups times time blocks a statement may make: with
// chosen groups any number, since their points were counted before.
func (e *Engine) groupRows(keys []key) int {
	if len(keys) > 0 {
		return 0
	}
	return max(e.limits.Groups*maxBlocks, int(e.limits.seriesPoints()))
}
