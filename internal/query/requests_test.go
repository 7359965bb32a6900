package query

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestListsArePagedWithoutGapsOrRepeats(t *testing.T) {
	e, all := stored(t, 6, 1000, noon.Add(-time.Hour), noon)
	// Equal values: only the ids tell them apart.
	same := generate(newRandom(7), 60, noon.Add(-time.Second), noon)
	for i := range same {
		same[i].Start, same[i].End, same[i].TotalNS = noon.Add(-2*time.Second), noon.Add(-time.Second), 1e9
		same[i].Outcome = "ok"
	}
	insert(t, e.conn, same)
	all = append(all, same...)
	scope := Scope{Range: Range{noon.Add(-50 * time.Minute), noon}}
	rows := inRange(all, scope.Range)

	for _, sort := range []string{"", "end", "-start", "-total", "ttft", "-queue", "unattributed"} {
		o, err := checkListOrder(sort)
		require.NoError(t, err)
		sortValue := func(r row) *int64 { return sortedBy(Metric(trimDash(sort)), r.Request) }
		var want []row
		for _, r := range rows {
			if sortValue(r) != nil && (!o.metric || r.counts(false)) {
				want = append(want, r)
			}
		}
		slices.SortFunc(want, func(a, b row) int {
			order := cmp.Or(cmp.Compare(*sortValue(a), *sortValue(b)), cmp.Compare(a.TraceID, b.TraceID), cmp.Compare(a.SpanID, b.SpanID))
			if o.descending {
				return -order
			}
			return order
		})

		var got []Request
		question := Requests{Scope: scope, Sort: sort, Limit: 211}
		for {
			answer, err := e.Requests(t.Context(), question)
			require.NoError(t, err)
			got = append(got, answer.Requests...)
			if question.Cursor = answer.Next; answer.Next == "" {
				break
			}
		}
		require.Equal(t, len(want), len(got), sort)
		for i := range want {
			assert.JSONEq(t, text(t, want[i].Request), text(t, got[i]), "%s: %d", sort, i)
		}
	}
}

// The store orders many rows in other ways than few: it leaves out early what cannot be on the page.
func TestListsOfManyRequestsAreSorted(t *testing.T) {
	conn := database(t)
	day := noon.Truncate(24 * time.Hour)
	synthetic, err := os.ReadFile("../../bench/requests.sql")
	require.NoError(t, err)
	for range 3 { // parts
		require.NoError(t, conn.Exec(t.Context(), string(synthetic), clickhouse.Named("from", day.UnixNano()), clickhouse.Named("n", uint64(50_000))))
	}
	e := New(conn, Limits{})
	scope := Scope{Range: Range{day, day.Add(24 * time.Hour)}, Filters: []Filter{{"model", Equal, []string{"qwen3"}}}}
	for _, by := range append([]Metric{"end", "start"}, Metrics...) {
		for _, sort := range []string{string(by), "-" + string(by)} {
			first, err := e.Requests(t.Context(), Requests{Scope: scope, Sort: sort, Limit: 100})
			require.NoError(t, err, sort)
			require.Len(t, first.Requests, 100, sort)
			second, err := e.Requests(t.Context(), Requests{Scope: scope, Sort: sort, Limit: 100, Cursor: first.Next})
			require.NoError(t, err, sort)
			require.Len(t, second.Requests, 100, sort)
			list := append(first.Requests, second.Requests...)
			assert.True(t, slices.IsSortedFunc(list, func(a, b Request) int {
				x, y := *sortedBy(by, a), *sortedBy(by, b)
				if sort[0] == '-' {
					x, y = y, x
				}
				return cmp.Compare(x, y)
			}), sort)
		}
	}
	slowest, err := e.Requests(t.Context(), Requests{Scope: scope, Sort: "-total", Limit: 1})
	require.NoError(t, err)
	var want uint64
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT toUInt64(max(total_ns)) FROM requests WHERE model = 'qwen3' AND outcome = 'ok'").Scan(&want))
	assert.EqualValues(t, want, slowest.Requests[0].TotalNS)
}

// sortedBy is what a list sorted by a metric or a time, by default the end, is sorted by.
func sortedBy(by Metric, r Request) *int64 {
	ns := r.End.UnixNano()
	switch by {
	case "", "end":
	case "start":
		ns = r.Start.UnixNano()
	default:
		return row{Request: r}.of(by)
	}
	return &ns
}

func trimDash(sort string) string {
	if sort != "" && sort[0] == '-' {
		return sort[1:]
	}
	return sort
}

func text(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func TestSelectionHoldsWhatItsCellCounts(t *testing.T) {
	e, _ := stored(t, 8, 3000, noon.Add(-time.Hour), noon)
	scope := Scope{Range: Range{noon.Add(-time.Hour), noon}}
	heatmap, err := e.Heatmap(t.Context(), Heatmap{Scope: scope, Metric: Queue, Step: 20 * time.Minute})
	require.NoError(t, err)
	for i, from := range heatmap.Times {
		for j, b := range heatmap.Buckets {
			if j%9 != 0 {
				continue
			}
			selection := &Rectangle{Range: Range{from, from.Add(20 * time.Minute)}, Metric: Queue, LowNS: &b.LowNS, HighNS: &b.HighNS}
			list, err := e.Requests(t.Context(), Requests{Scope: scope, Selection: selection, Limit: 1000})
			require.NoError(t, err)
			assert.Len(t, list.Requests, int(heatmap.Counts[i][j]))
		}
	}
}

func TestRequest(t *testing.T) {
	conn := database(t)
	e := New(conn, Limits{})
	rows := generate(newRandom(9), 3, noon, noon.Add(time.Minute))
	for i := range rows {
		rows[i].TraceID, rows[i].Start = rows[0].TraceID, noon.Add(time.Duration(i)*time.Second)
		rows[i].End = rows[i].Start.Add(time.Duration(rows[i].TotalNS))
	}
	rows[2].Tenant = "other"
	insert(t, conn, rows)
	found, err := e.Request(t.Context(), RequestID{TraceID: rows[0].TraceID})
	require.NoError(t, err)
	require.Len(t, found, 2, "another tenant's request is not there")
	assert.JSONEq(t, text(t, rows[0].Request), text(t, found[0]))
	found, err = e.Request(t.Context(), RequestID{TraceID: rows[0].TraceID, SpanID: rows[1].SpanID})
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, rows[1].SpanID, found[0].SpanID)
	for _, id := range []RequestID{{TraceID: "xyz"}, {TraceID: rows[0].TraceID, SpanID: "1"}, {TraceID: rows[0].TraceID + "'"}} {
		_, err = e.Request(t.Context(), id)
		assert.Equal(t, CodeInvalid, codeOf(err))
	}
}

func TestCursorsAreChecked(t *testing.T) {
	e := New(nil, Limits{})
	s := Scope{Range: Range{noon.Add(-time.Hour), noon}}
	p := position{Value: 1, Trace: "0123456789abcdef0123456789abcdef", Span: "0123456789abcdef"}
	byTotal, err := checkListOrder("-total")
	require.NoError(t, err)
	for _, cursor := range []string{"x", "e30", p.cursor(byTotal), "eyJzIjoiLWVuZCIsInQiOiInOyJ9"} {
		_, err := e.Requests(t.Context(), Requests{Scope: s, Cursor: cursor})
		assert.Equal(t, CodeInvalid, codeOf(err), cursor)
		assert.Equal(t, "cursor", err.(*Error).Parameter)
	}
}

// What Go computes of a request is what the table's ALIAS columns say, whatever is known.
func TestDerivedColumnsAreThoseOfTheTable(t *testing.T) {
	conn := database(t)
	require.NoError(t, conn.Exec(t.Context(), `INSERT INTO requests (service, end, trace_id, span_id, total_ns, network_ns, queue_ns, prefill_ns, decode_ns,
			ttft_ns, ttft_is_split, ttft_network_ns, retry_ns, server_other_ns, server_ttft_other_ns, version)
		WITH number AS n, bitTest(n, 11) AS own SELECT 'a', toDateTime64('2026-03-02 12:00:00.123456789', 9, 'UTC') + n % 50, toFixedString('0123456789abcdef', 16),
			toFixedString(leftPad(toString(n), 8, '0'), 8), 1000 + n, if(bitTest(n, 0), 100, NULL), if(bitTest(n, 1), 20, NULL), if(bitTest(n, 2), 3, NULL),
			if(bitTest(n, 3), 400, NULL), if(bitTest(n, 4), 300, NULL), bitTest(n, 5), if(bitTest(n, 6), 50, NULL), if(bitTest(n, 7), 7, NULL),
			if(bitTest(n, 8), if(own, -1, 5), NULL), if(bitTest(n, 9), if(own, -1, 6), NULL), 1
		FROM numbers(4096)`))
	found, err := New(conn, Limits{}).Request(t.Context(), RequestID{TraceID: hex.EncodeToString([]byte("0123456789abcdef"))})
	require.NoError(t, err)
	require.Len(t, found, 4096)
	want := map[string]string{}
	rows, err := conn.Query(t.Context(), `SELECT lower(hex(span_id)), toString((start, unattributed_ns, ttft_queue_ns, ttft_prefill_ns, ttft_rest_ns, server_ns, server_ttft_ns)) FROM requests`)
	require.NoError(t, err)
	for rows.Next() {
		var span, all string
		require.NoError(t, rows.Scan(&span, &all))
		want[span] = all
	}
	require.NoError(t, rows.Err())
	number := func(ns *int64) string {
		if ns == nil {
			return "NULL"
		}
		return strconv.FormatInt(*ns, 10)
	}
	for _, r := range found {
		got := fmt.Sprintf("('%s',%d,%s,%s,%s,%s,%s)", r.Start.Format("2006-01-02 15:04:05.000000000"), r.UnattributedNS,
			number(r.TTFTQueueNS), number(r.TTFTPrefillNS), number(r.TTFTRestNS), number(r.ServerNS), number(r.ServerTTFTNS))
		require.Equal(t, want[r.SpanID], got)
	}
}
