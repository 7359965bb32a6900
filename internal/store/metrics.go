package store

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// metrics count what the store did.
type metrics struct {
	inserted, read, derived, written, hours, corrected atomic.Int64

	mu        sync.Mutex
	lastError string
}

func (m *metrics) failed(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastError = ""
	if err != nil {
		m.lastError = err.Error()
	}
}

func (m *metrics) snapshot() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Status{
		SpansInserted:   m.inserted.Load(),
		SpansRead:       m.read.Load(),
		SpansDerived:    m.derived.Load(),
		RequestsWritten: m.written.Load(),
		HoursWritten:    m.hours.Load(),
		Corrected:       m.corrected.Load(),
		LastError:       m.lastError,
	}
}

// columnTypes remembers the tables' columns. Over HTTP the driver would
// otherwise ask for them before every insert.
type columnTypes struct {
	mu     sync.Mutex
	tables map[string]map[string]string // table, column: type
}

// context returns ctx with the types of the columns. Where they cannot be read,
// the driver asks itself, and tells what is wrong.
func (c *columnTypes) context(ctx context.Context, conn driver.Conn, table string, columns []string) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	types := c.tables[table]
	if types == nil {
		types = describe(ctx, conn, table)
		if types == nil {
			return ctx
		}
		if c.tables == nil {
			c.tables = map[string]map[string]string{}
		}
		c.tables[table] = types
	}
	list := make([]clickhouse.ColumnNameAndType, 0, len(columns))
	for _, name := range columns {
		list = append(list, clickhouse.ColumnNameAndType{Name: name, Type: types[name]})
	}
	return clickhouse.Context(ctx, clickhouse.WithColumnNamesAndTypes(list))
}

func describe(ctx context.Context, conn driver.Conn, table string) map[string]string {
	rows, err := conn.Query(ctx, "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = ?", table)
	if err != nil {
		return nil
	}
	defer rows.Close()
	types := map[string]string{}
	for rows.Next() {
		var name, kind string
		if rows.Scan(&name, &kind) != nil {
			return nil
		}
		types[name] = kind
	}
	if rows.Err() != nil || len(types) == 0 {
		return nil
	}
	return types
}
