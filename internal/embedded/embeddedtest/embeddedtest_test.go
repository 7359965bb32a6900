package embeddedtest

import (
	"context"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func TestEachCallHasItsOwnDatabase(t *testing.T) {
	a, b := Open(t), Open(t)
	ctx := context.Background()
	if err := a.Conn.Exec(ctx, "CREATE TABLE only_here (x Int64) ENGINE = MergeTree ORDER BY x"); err != nil {
		t.Fatal(err)
	}
	var count uint64
	for _, c := range []struct {
		db   *Database
		want uint64
	}{{a, 1}, {b, 0}} {
		row := c.db.Conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase()")
		if err := row.Scan(&count); err != nil {
			t.Fatal(err)
		}
		if count != c.want {
			t.Errorf("database %s has %d tables, want %d", c.db.Name, count, c.want)
		}
	}
}
