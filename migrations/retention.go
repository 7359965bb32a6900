package migrations

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// applyRetention makes the tables' TTL what the options say. A table whose TTL
// is that already is left alone: an ALTER writes its parts' TTL anew.
func applyRetention(ctx context.Context, conn driver.Conn, o Options) error {
	for _, t := range []struct {
		table, column string
		keep          time.Duration
	}{
		{"spans", "start", o.Retention.Spans},
		{"requests", "end", o.Retention.Requests},
		{"hours", "hour", o.Retention.Hours},
	} {
		has, err := currentTTL(ctx, conn, o, t.table)
		if err != nil {
			return fmt.Errorf("migrations: read the retention of %s: %w", t.table, err)
		}
		want, change := "", "REMOVE TTL"
		if t.keep > 0 {
			want = fmt.Sprintf("toDateTime(%s) + toIntervalSecond(%d)", t.column, int64(t.keep/time.Second))
			change = "MODIFY TTL " + want
		}
		if has == want {
			continue
		}
		if err := exec(ctx, conn, o, `ALTER TABLE {{local "`+t.table+`"}} {{onCluster}} `+change); err != nil {
			return fmt.Errorf("migrations: set the retention of %s to %s: %w", t.table, t.keep, err)
		}
	}
	return nil
}

// currentTTL returns the table's TTL expression as ClickHouse writes it; empty: none.
func currentTTL(ctx context.Context, conn driver.Conn, o Options, table string) (string, error) {
	if o.Cluster != "" {
		table += "_local"
	}
	var engine string
	err := conn.QueryRow(ctx, "SELECT engine_full FROM system.tables WHERE database = ? AND name = ?", o.Database, table).Scan(&engine)
	if err != nil {
		return "", err
	}
	_, rest, found := strings.Cut(engine, " TTL ")
	if !found {
		return "", nil
	}
	expression, _, _ := strings.Cut(rest, " SETTINGS ")
	return expression, nil
}
