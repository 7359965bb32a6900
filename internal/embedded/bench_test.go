package embedded_test

import (
	"context"
	"testing"

	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
)

func BenchmarkSelectOne(b *testing.B) {
	conn := embeddedtest.Start(b)
	ctx := context.Background()
	for b.Loop() {
		var one uint8
		if err := conn.QueryRow(ctx, "SELECT 1").Scan(&one); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInsert50kRows(b *testing.B) {
	conn := embeddedtest.Start(b)
	ctx := context.Background()
	if err := conn.Exec(ctx, `CREATE TABLE t (id UInt64, service LowCardinality(String), ttft_ns Nullable(Int64),
		attributes Map(LowCardinality(String), String), flags Array(LowCardinality(String)), parts Array(Nullable(Int64)))
		ENGINE = MergeTree ORDER BY id`); err != nil {
		b.Fatal(err)
	}
	ttft := int64(123_456_789)
	next := uint64(0)
	for b.Loop() {
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO t")
		if err != nil {
			b.Fatal(err)
		}
		for range 50_000 {
			next++
			if err := batch.Append(next, "checkout", &ttft, map[string]string{"model": "m", "region": "eu"},
				[]string{"a", "b"}, []*int64{&ttft, nil}); err != nil {
				b.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			b.Fatal(err)
		}
	}
}
