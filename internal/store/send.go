package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// spanColumns are in the order in which sendSpans fills them.
var spanColumns = []string{"tenant", "start", "trace_id", "ids", "duration_ns", "service", "name", "kind", "status",
	"status_message", "resource", "scope", "attribute_keys", "attribute_values", "dropped_attributes", "events", "dropped_events",
	"content_hash", "writer"}

// prepare begins an insert that ClickHouse takes for a retry of any other with the same token.
func (s *Store) prepare(ctx context.Context, table string, columns []string, token string) (driver.Batch, error) {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		// None of these may hang on what a server's or a user's profile says.
		"async_insert":                  0,
		"insert_deduplicate":            1,
		"insert_deduplication_token":    token,
		"distributed_foreground_insert": 1,
		// Rows of one key within an insert are as rare as they are cheap to merge later;
		// looking for them copies every row of every insert.
		"optimize_on_insert": 0,
	}))
	ctx = s.columns.context(ctx, s.conn, table, columns)
	return s.conn.PrepareBatch(ctx, "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+")")
}

// columnWriter fills a batch column by column and keeps the first error.
type columnWriter struct {
	batch driver.Batch
	next  int
	err   error
}

func (w *columnWriter) column() driver.BatchColumn {
	w.next++
	return w.batch.Column(w.next - 1)
}

// fail keeps err, naming the column written last.
func (w *columnWriter) fail(err error) {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("%w: column %d: %w", errEncode, w.next, err)
	}
}

// slice appends a []int64, []uint32 or another slice that the driver takes whole.
func (w *columnWriter) slice(values any) { w.fail(w.column().Append(values)) }

// times appends Unix nanoseconds. Of integers the driver would believe that they
// are milliseconds.
func (w *columnWriter) times(values []int64) {
	moments := make([]time.Time, len(values))
	for i, v := range values {
		moments[i] = time.Unix(0, v)
	}
	w.slice(moments)
}

// texts appends interned texts; the driver's dictionary tells them by address.
func (w *columnWriter) texts(values []*string) {
	c := w.column()
	for _, v := range values {
		w.fail(c.AppendRow(v))
	}
}

// extents appends parts of an arena, without making a string of each.
func (w *columnWriter) extents(arena []byte, values []extent) {
	c := w.column()
	var text []byte
	for _, v := range values {
		text = arena[v.from:v.to]
		w.fail(c.AppendRow(&text))
	}
}

// ids appends length bytes from the offset of each row of ids.
func (w *columnWriter) ids(ids []byte, row, offset, length int) {
	parts := make([][]byte, 0, len(ids)/row)
	for at := offset; at < len(ids); at += row {
		parts = append(parts, ids[at:at+length])
	}
	w.slice(parts)
}

// sendSpans inserts the rows of some parts.
func (s *Store) sendSpans(ctx context.Context, parts []part, n int) error {
	batch, err := s.prepare(ctx, "spans", spanColumns, token(parts, n))
	if err != nil {
		return err
	}
	defer batch.Close()
	w := columnWriter{batch: batch}
	for _, p := range parts {
		s.fillSpans(&w, &p.block, p.from, p.to)
	}
	if w.err != nil {
		return w.err
	}
	return batch.Send()
}

// fillSpans appends the rows [from, to).
func (s *Store) fillSpans(w *columnWriter, b *block, from, to int) {
	writers := make([]uint32, to-from)
	for i := range writers {
		writers[i] = s.writer
	}
	ids := b.ids[from*idsLength : to*idsLength]
	w.next = 0
	w.texts(b.tenants[from:to])
	w.times(b.starts[from:to])
	w.ids(ids, idsLength, 0, 16)
	w.ids(ids, idsLength, 16, 16)
	w.slice(b.durations[from:to])
	w.texts(b.services[from:to])
	w.texts(b.names[from:to])
	w.slice(b.kinds[from:to])
	w.slice(b.statuses[from:to])
	w.extents(b.arena, b.messages[from:to])
	w.texts(b.resources[from:to])
	w.texts(b.scopes[from:to])
	w.texts(b.keys[from:to])
	w.extents(b.arena, b.values[from:to])
	w.slice(b.droppedAttributes[from:to])
	w.extents(b.arena, b.events[from:to])
	w.slice(b.droppedEvents[from:to])
	w.slice(b.hashes[from:to])
	w.slice(writers)
}
