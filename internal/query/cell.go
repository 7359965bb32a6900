package query

import (
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

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
	{"ttft_network_ns", "ttft_network_count", "ttft_network_sum_ns"},
	{"ttft_queue_ns", "ttft_queue_count", "ttft_queue_sum_ns"},
	{"ttft_prefill_ns", "ttft_prefill_count", "ttft_prefill_sum_ns"},
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

func (a *amount) add(ns int64) {
	a.n++
	a.sum.add(uint64(ns))
}

func (a *amount) merge(o amount) { a.n += o.n; a.sum.merge(o.sum) }

func (a *amount) remove(o amount) { a.n -= o.n; a.sum = a.sum.minus(o.sum) }

// cell is what was read of the requests of one group in one time block.
type cell struct {
	counts     Counts
	counted    int64
	amounts    [measureCount]amount // over the counted requests
	histograms [metricCount]histogram.Histogram
	// values are what was read of requests one by one, in no order: exact
	// quantiles are chosen from them if the histogram counts nothing else.
	values [metricCount][]int64
	// splits are those of its requests that have the whole, where slices are wanted.
	splits []split
	// encoded are histograms that are not added yet.
	encoded [metricCount][][]byte
}

func (c *cell) amount(m Metric) *amount { return &c.amounts[metricIndex[m]] }

func (c *cell) histogram(m Metric) *histogram.Histogram { return &c.histograms[metricIndex[m]] }

// observe puts what was read into the histograms.
func (c *cell) observe(sum *histogram.Sum) error {
	for m := range c.histograms {
		if len(c.values[m])+len(c.encoded[m]) == 0 {
			continue
		}
		sum.Add(&c.histograms[m])
		sum.Observe(c.values[m])
		for _, text := range c.encoded[m] {
			if err := sum.AddEncoded(text); err != nil {
				return fmt.Errorf("hours: %w", err)
			}
		}
		c.histograms[m], c.encoded[m] = sum.Take(), nil
	}
	return nil
}

// join makes one of the encoded histograms of each metric.
func (c *cell) join(sum *histogram.Sum) error {
	for m, texts := range c.encoded {
		if len(texts) == 1 {
			continue
		}
		size := 0
		for _, text := range texts {
			if err := sum.AddEncoded(text); err != nil {
				return fmt.Errorf("hours: %w", err)
			}
			size += len(text)
		}
		c.encoded[m] = [][]byte{slices.Clip(sum.TakeEncoded(make([]byte, 0, size)))}
	}
	return nil
}

// forget puts the values into the histograms and keeps nothing of single requests.
func (c *cell) forget(sum *histogram.Sum) {
	_ = c.observe(sum) // of values nothing can fail
	for m := range c.values {
		c.values[m] = c.values[m][:0]
	}
	c.splits = nil
}

// add adds what another cell counts, but for its durations.
func (c *cell) add(o *cell) {
	c.counts.merge(o.counts)
	c.counted += o.counted
	for i := range c.amounts {
		c.amounts[i].merge(o.amounts[i])
	}
}

// countsOf are counts as a statement selects them: all, then by outcome.
func countsOf(n []uint64) Counts {
	return Counts{N: int64(n[0]), OK: int64(n[1]), Errors: int64(n[2]), Cancelled: int64(n[3]), CacheHits: int64(n[4])}
}

// add counts n requests of an outcome.
func (c *Counts) add(o outcome, n int64) {
	c.N += n
	switch o {
	case outcomeOK:
		c.OK += n
	case outcomeError:
		c.Errors += n
	case outcomeCancelled:
		c.Cancelled += n
	case outcomeCacheHit:
		c.CacheHits += n
	}
}

// outcome is how the tables number a request's outcome.
type outcome int8

const (
	outcomeOK outcome = iota
	outcomeError
	outcomeCancelled
	outcomeCacheHit
)

func (c *Counts) merge(o Counts) {
	c.N += o.N
	c.OK += o.OK
	c.Errors += o.Errors
	c.Cancelled += o.Cancelled
	c.CacheHits += o.CacheHits
}

// cells holds cells by group and time block.
type cells map[key]map[int64]*cell

// merge adds cells that were read of other requests.
func (c cells) merge(o cells) {
	for k, blocks := range o {
		for number, block := range blocks {
			into := c.at(k, number)
			into.add(block)
			for m := range block.histograms {
				into.histograms[m].Merge(&block.histograms[m])
				into.values[m] = append(into.values[m], block.values[m]...)
			}
		}
	}
}

// observe puts what was read into the histograms of every cell.
func (c cells) observe() error { return c.each((*cell).observe) }

// each does something with every cell, on every processor; each is given a sum of
// its own.
func (c cells) each(do func(*cell, *histogram.Sum) error) error {
	var all []*cell
	for _, blocks := range c {
		for _, block := range blocks {
			all = append(all, block)
		}
	}
	var group errgroup.Group
	for some := range slices.Chunk(all, max(1, (len(all)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))) {
		group.Go(func() error {
			var sum histogram.Sum
			for _, c := range some {
				if err := do(c, &sum); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

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

// block is the number of the block that a time, Unix ns, lies in; without a
// width all times lie in block 0.
func (g grid) block(ns int64) int64 {
	if g.width == 0 {
		return 0
	}
	return (ns - g.origin) / g.width
}

// blockOfRequest appends the number of a request's block.
func (g grid) blockOfRequest(q *statement) {
	if g.width == 0 {
		q.add("toInt64(0)")
		return
	}
	q.add("intDiv(toUnixTimestamp64Nano(end) - ").bind("Int64", g.origin).add(", ").bind("Int64", g.width).add(")")
}

// blockOfHour appends the number of an hour's block.
func (g grid) blockOfHour(q *statement) {
	if g.width == 0 {
		q.add("toInt64(0)")
		return
	}
	q.add("intDiv(toInt64(toUnixTimestamp(hour)) * 1000000000 - ").bind("Int64", g.origin).add(", ").bind("Int64", g.width).add(")")
}

// value chooses quantile q of a metric over cells whose histograms add up to
// all: exactly, if their values are at hand; nil without any.
func value(q float64, m Metric, all *histogram.Histogram, of ...*cell) *int64 {
	var n int64
	values := make([][]int64, len(of))
	for i, c := range of {
		values[i] = c.values[metricIndex[m]]
		n += int64(len(values[i]))
	}
	switch {
	case all.N() == 0:
		return nil
	case n == all.N():
		exact := all.Nth(histogram.Rank(q, n), values...)
		return &exact
	}
	ns, _ := all.Quantile(q)
	return &ns
}
