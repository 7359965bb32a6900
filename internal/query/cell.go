package query

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/phaseline/phaseline/internal/histogram"
)

// metricColumns are the columns of each metric in requests.
var metricColumns = map[Metric]fragment{
	TTFT: "ttft_ns", TPOT: "tpot_ns", Total: "total_ns", Network: "network_ns", Queue: "queue_ns",
	Prefill: "prefill_ns", Decode: "decode_ns", Unattributed: "unattributed_ns",
}

// amount is how many requests have a duration, and its sum over them.
type amount struct {
	n   int64
	sum sum
}

func (a *amount) merge(o amount) { a.n += o.n; a.sum.merge(o.sum) }

func (a *amount) remove(o amount) { a.n -= o.n; a.sum = a.sum.minus(o.sum) }

// metricIndex is the place of each metric in Metrics.
var metricIndex = func() map[Metric]int {
	at := map[Metric]int{}
	for i, m := range Metrics {
		at[m] = i
	}
	return at
}()

// cell is what is known of the requests of one group in one time block.
type cell struct {
	counts  Counts
	counted int64
	metrics [metricCount]amount // in the order of Metrics, over the counted requests
	// Parts of TTFT over the counted requests that have one.
	ttftNetwork, ttftQueue, ttftPrefill amount
	inputTokens, outputTokens           amount // only from requests
	histograms                          [metricCount]histogram.Histogram
}

const metricCount = 8

func (c *cell) amount(m Metric) *amount { return &c.metrics[metricIndex[m]] }

func (c *cell) histogram(m Metric) *histogram.Histogram { return &c.histograms[metricIndex[m]] }

func (c *cell) merge(o *cell) {
	c.counts.merge(o.counts)
	c.counted += o.counted
	for i := range c.metrics {
		c.metrics[i].merge(o.metrics[i])
		c.histograms[i].Merge(&o.histograms[i])
	}
	c.ttftNetwork.merge(o.ttftNetwork)
	c.ttftQueue.merge(o.ttftQueue)
	c.ttftPrefill.merge(o.ttftPrefill)
	c.inputTokens.merge(o.inputTokens)
	c.outputTokens.merge(o.outputTokens)
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

// readRequests adds the cells of the requests in ranges. Histograms are made of
// the metrics given. With keys, only of those groups.
func (e *Engine) readRequests(ctx context.Context, into cells, s scope, g grid, metrics []Metric, keys []key, ranges ...Range) error {
	q := &statement{most: e.groupRows(keys)}
	q.add("SELECT ")
	s.labels(q, TierRequests)
	g.block(q)
	q.add(" AS block, ")
	q.add("count(), countIf(outcome = 'ok'), countIf(outcome = 'error'), countIf(outcome = 'cancelled'), countIf(outcome = 'cache_hit'), ")
	q.add("countIf(")
	s.counted(q)
	q.add(")")
	for _, m := range Metrics {
		s.amount(q, metricColumns[m])
	}
	s.amount(q, "if(isNull(ttft_ns), NULL, ttft_network_ns)")
	s.amount(q, "if(isNull(ttft_ns), NULL, ttft_queue_ns)")
	s.amount(q, "if(isNull(ttft_ns), NULL, ttft_prefill_ns)")
	s.amount(q, "input_tokens")
	s.amount(q, "output_tokens")
	for _, m := range metrics {
		column := metricColumns[m]
		// Two bytes a request are less work for both sides than a map a group.
		q.add(", groupArrayIf(if(", column, " > 0, toInt16(ceil(log2(assumeNotNull(", column, ")) * 64) - 1), -2), ")
		s.counted(q)
		q.add(" AND isNotNull(", column, "))")
	}
	s.from(q, ranges...)
	s.only(q, keys)
	s.groupBy(q, "block")

	return e.read(ctx, q, func(rows driver.Rows) error {
		r := newCellRow(5)
		indexes := make([][]int16, len(metrics))
		dest := r.dest(s)
		for i := range indexes {
			dest = append(dest, &indexes[i])
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		c := r.addTo(into)
		for i, m := range metrics {
			c.histogram(m).Merge(histogram.FromIndexes(indexes[i]))
		}
		return nil
	})
}

// cellRow is where a cell is scanned to, whichever table it comes from: the
// counts by outcome, the counted, and amounts: those of Metrics, then those of
// the other fields of a cell in their order.
type cellRow struct {
	key     key
	block   int64
	counts  [6]uint64
	amounts []struct{ n, sum uint64 }
}

// newCellRow makes room for the metrics and so many amounts more.
func newCellRow(more int) *cellRow {
	return &cellRow{amounts: make([]struct{ n, sum uint64 }, len(Metrics)+more)}
}

func (r *cellRow) dest(s scope) []any {
	dest := append(s.scan(&r.key), &r.block)
	for i := range r.counts {
		dest = append(dest, &r.counts[i])
	}
	for i := range r.amounts {
		dest = append(dest, &r.amounts[i].n, &r.amounts[i].sum)
	}
	return dest
}

// addTo adds the row to its cell.
func (r *cellRow) addTo(into cells) *cell {
	c := into.at(r.key, r.block)
	c.counts.merge(countsOf(r.counts[:5]))
	c.counted += int64(r.counts[5])
	targets := make([]*amount, 0, len(Metrics)+5)
	for i := range c.metrics {
		targets = append(targets, &c.metrics[i])
	}
	targets = append(targets, &c.ttftNetwork, &c.ttftQueue, &c.ttftPrefill, &c.inputTokens, &c.outputTokens)
	for i, a := range r.amounts {
		targets[i].n += int64(a.n)
		targets[i].sum.add(a.sum)
	}
	return c
}

// amount appends how many counted requests have the column, and its sum.
func (s scope) amount(q *statement, column fragment) {
	q.add(", countIf(isNotNull(", column, ") AND ")
	s.counted(q)
	q.add("), toUInt64(ifNull(sumIf(", column, ", ")
	s.counted(q)
	q.add("), 0))")
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
