package embedded_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
)

func ptr[T any](v T) *T { return &v }

// The column types of the migrations, each with the values that are easiest to get wrong.
var types = []struct {
	sql    string
	values []any
}{
	{"String", []any{"", "plain", "tab\tnewline\nquote'backslash\\", "\x00 nul and \xff invalid", "snow ☃"}},
	{"LowCardinality(String)", []any{"", "a", "a", "b", "☃"}},
	{"FixedString(16)", []any{strings.Repeat("\x00", 16), strings.Repeat("\xff", 16), "0123456789abcdef"}},
	{"FixedString(8)", []any{"01234567", "\n\n\n\n\n\n\n\n"}},
	{"Int64", []any{int64(math.MinInt64), int64(-1), int64(0), int64(math.MaxInt64)}},
	{"UInt64", []any{uint64(0), uint64(math.MaxUint64)}},
	{"UInt32", []any{uint32(0), uint32(math.MaxUint32)}},
	{"UInt8", []any{uint8(0), uint8(1), uint8(255)}},
	{"Float64", []any{0.0, -1.5, math.Inf(1), math.SmallestNonzeroFloat64}},
	{"Bool", []any{true, false}},
	{"Nullable(Int64)", []any{(*int64)(nil), ptr(int64(0)), ptr(int64(-7))}},
	{"Nullable(Bool)", []any{(*bool)(nil), ptr(false), ptr(true)}},
	{"Enum8('unknown' = 0, 'measured' = 1, 'derived' = 2, 'estimated' = 3)", []any{"unknown", "estimated", "measured"}},
	{"DateTime('UTC')", []any{time.Unix(0, 0).UTC(), time.Date(2026, 11, 23, 19, 0, 1, 0, time.UTC)}},
	{"DateTime64(3, 'UTC')", []any{time.UnixMilli(0).UTC(), time.Date(2026, 11, 23, 19, 0, 1, 999e6, time.UTC)}},
	{"DateTime64(9, 'UTC')", []any{time.Unix(0, 1).UTC(), time.Date(2026, 11, 23, 19, 0, 1, 123456789, time.UTC)}},
	{"Array(LowCardinality(String))", []any{[]string{}, []string{"a"}, []string{"b", "a", "b"}}},
	{"Array(Nullable(Int64))", []any{[]*int64{}, []*int64{nil, ptr(int64(5))}}},
	{"Array(Tuple(hop LowCardinality(String), ns Int64))", []any{
		[]map[string]any{},
		[]map[string]any{{"hop": "gateway", "ns": int64(1)}, {"hop": "", "ns": int64(-2)}},
	}},
	{"Map(LowCardinality(String), String)", []any{map[string]string{}, map[string]string{"k": "v", "": ""}}},
	{"Map(Int16, UInt64)", []any{map[int16]uint64{}, map[int16]uint64{-32768: 1, 32767: math.MaxUint64}}},
}

func TestEveryColumnTypeComesBackAsItWasInserted(t *testing.T) {
	for _, c := range types {
		for _, compression := range []*clickhouse.Compression{nil, {Method: clickhouse.CompressionLZ4}, {Method: clickhouse.CompressionZSTD}} {
			name := c.sql
			if compression != nil {
				name += " compressed with " + compression.Method.String()
			}
			t.Run(name, func(t *testing.T) { roundTrip(t, c.sql, c.values, compression) })
		}
	}
}

func roundTrip(t *testing.T, sql string, values []any, compression *clickhouse.Compression) {
	db := embeddedtest.Open(t)
	ctx := context.Background()
	options := db.Options
	options.Compression = compression
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })

	if err := conn.Exec(ctx, fmt.Sprintf("CREATE TABLE t (n UInt32, v %s) ENGINE = MergeTree ORDER BY n", sql)); err != nil {
		t.Fatal(err)
	}
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO t (n, v)")
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if err := batch.Append(uint32(i), v); err != nil {
			t.Fatalf("append %#v: %v", v, err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}

	rows, err := conn.Query(ctx, "SELECT v FROM t ORDER BY n")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for i := range values {
		if !rows.Next() {
			t.Fatalf("%d rows, want %d: %v", i, len(values), rows.Err())
		}
		got := reflect.New(reflect.TypeOf(values[i]))
		if err := rows.Scan(got.Interface()); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Elem().Interface(), values[i]) {
			t.Errorf("row %d: got %#v, want %#v", i, got.Elem().Interface(), values[i])
		}
	}
	if rows.Next() {
		t.Error("more rows than were inserted")
	}
}

func TestParametersAreBoundAsTheyAre(t *testing.T) {
	conn := embeddedtest.Start(t)
	for _, want := range []string{"", "plain", `'; DROP TABLE t; --`, "tab\tnewline\n\\backslash\r", "{x:String}", "nul\x00", "☃"} {
		var got string
		err := conn.QueryRow(context.Background(), "SELECT {value:String}", clickhouse.Named("value", want)).Scan(&got)
		if err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	var (
		sum    int64
		joined string
		when   time.Time
		absent *string
	)
	moment := time.Date(2026, 11, 23, 19, 0, 1, 123456789, time.UTC)
	err := conn.QueryRow(context.Background(), `SELECT arraySum({list:Array(Int64)}), arrayStringConcat({names:Array(String)}, '|'),
			{at:DateTime64(9, 'UTC')}, {absent:Nullable(String)}`,
		clickhouse.Named("list", []int64{math.MinInt64, 1}), clickhouse.Named("names", []string{"it's", "a\tb"}),
		clickhouse.DateNamed("at", moment, clickhouse.NanoSeconds), clickhouse.Named("absent", nil),
	).Scan(&sum, &joined, &when, &absent)
	if err != nil || sum != math.MinInt64+1 || joined != "it's|a\tb" || !when.Equal(moment) || absent != nil {
		t.Errorf("got %d, %q, %v, %v, %v", sum, joined, when, absent, err)
	}
}

// The engine leaves out early what cannot be among the first rows, and looks at the wrong column for that.
func TestTheFirstRowsAreThoseOfTheOrder(t *testing.T) {
	conn := embeddedtest.Start(t)
	for _, statement := range []string{
		"CREATE TABLE ordered (id LowCardinality(String), at DateTime64(9, 'UTC'), even UInt8, ns Int64) ENGINE = MergeTree PARTITION BY toDate(at) ORDER BY (id, toStartOfMinute(at))",
		`INSERT INTO ordered SELECT toString(number % 5), toDateTime64('2026-01-01', 9, 'UTC') + intDiv(number * 172800, 1000000), number % 2, cityHash64(number) % 1000000000
			FROM numbers(1000000)`,
		"OPTIMIZE TABLE ordered FINAL",
	} {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	const from = "FROM ordered WHERE even = 0 AND at >= '2026-01-01 13:07:00' AND at < '2026-01-02 13:07:00'"
	times := func(query string) (list []time.Time) {
		rows, err := conn.Query(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var at time.Time
			if err := rows.Scan(&id, &at); err != nil {
				t.Fatal(err)
			}
			list = append(list, at)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return list
	}
	got := times("SELECT id, at " + from + " ORDER BY ns DESC LIMIT 50")
	want := times("SELECT '', arrayJoin(arraySlice(arrayReverseSort(groupArray((ns, at))), 1, 50)).2 " + from)
	if len(want) != 50 || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
