package query

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// hourColumns are the columns of each metric in the hours table.
var hourColumns = map[Metric]struct{ count, sum, buckets fragment }{
	TTFT:         {"ttft_count", "ttft_sum_ns", "ttft_buckets"},
	TPOT:         {"tpot_count", "tpot_sum_ns", "tpot_buckets"},
	Total:        {"total_count", "total_sum_ns", "total_buckets"},
	Network:      {"network_count", "network_sum_ns", "network_buckets"},
	Queue:        {"queue_count", "queue_sum_ns", "queue_buckets"},
	Prefill:      {"prefill_count", "prefill_sum_ns", "prefill_buckets"},
	Decode:       {"decode_count", "decode_sum_ns", "decode_buckets"},
	Unattributed: {"unattributed_count", "unattributed_sum_ns", "unattributed_buckets"},
}

// readHours adds the cells of whole hours.
func (e *Engine) readHours(ctx context.Context, into cells, s scope, g grid, metrics []Metric, keys []key, r Range) error {
	q := &statement{most: e.groupRows(keys)}
	q.add("SELECT ")
	s.labels(q, TierHours)
	q.add("intDiv(toInt64(toUnixTimestamp(hour)) * 1000000000 - ").bind("Int64", g.origin).add(", ").bind("Int64", g.width).add(") AS block, ")
	q.add("sum(requests), sumIf(requests, outcome = 'ok'), sumIf(requests, outcome = 'error'), sumIf(requests, outcome = 'cancelled'), sumIf(requests, outcome = 'cache_hit')")
	total := func(column fragment) {
		q.add(", toUInt64(sumIf(", column, ", ")
		s.counted(q)
		q.add("))")
	}
	total("requests")
	for _, m := range Metrics {
		total(hourColumns[m].count)
		total(hourColumns[m].sum)
	}
	for _, column := range []fragment{
		"arraySum(ttft_parts.network_n)", "arraySum(ttft_parts.network_sum_ns)",
		"arraySum(ttft_parts.queue_n)", "arraySum(ttft_parts.queue_sum_ns)",
		"arraySum(ttft_parts.prefill_n)", "arraySum(ttft_parts.prefill_sum_ns)",
	} {
		total(column)
	}
	for i, m := range metrics {
		buckets := hourColumns[m].buckets
		q.add(", (sumMapIf(mapKeys(", buckets, "), mapValues(", buckets, "), ")
		s.counted(q)
		q.add(") AS ", bucketNames[i], ").1, ", bucketNames[i], ".2")
	}
	s.fromHours(q, r)
	s.only(q, keys)
	s.groupBy(q, "block")

	return e.read(ctx, q, func(rows driver.Rows) error {
		r := newCellRow(3)
		indexes, counts := make([][]int16, len(metrics)), make([][]uint64, len(metrics))
		dest := r.dest(s)
		for i := range metrics {
			dest = append(dest, &indexes[i], &counts[i])
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		c := r.addTo(into)
		for i, m := range metrics {
			for j, index := range indexes[i] {
				c.histogram(m).Add(int32(index), int64(counts[i][j]))
			}
		}
		return nil
	})
}

var bucketNames = [...]fragment{"b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"}
