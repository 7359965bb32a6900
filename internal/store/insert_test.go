package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestHostileSpansAreCountedAndHarmNoOther(t *testing.T) {
	conn := open(t)
	g := newGenerator(21)
	now := time.Now()
	at := func(d time.Duration) pcommon.Timestamp { return pcommon.NewTimestampFromTime(now.Add(d)) }
	for _, c := range []struct {
		name   string
		change func(ptrace.Span)
		reason Reason
		stored bool
	}{
		{"from 1970", func(s ptrace.Span) { s.SetStartTimestamp(0) }, ReasonTooOld, false},
		{"from 2100", func(s ptrace.Span) { s.SetStartTimestamp(at(74 * 365 * day)) }, ReasonInFuture, false},
		{"ends in 2100", func(s ptrace.Span) { s.SetEndTimestamp(at(74 * 365 * day)) }, ReasonInFuture, false},
		{"ends at the last nanosecond", func(s ptrace.Span) { s.SetEndTimestamp(math.MaxUint64) }, ReasonInFuture, false},
		{"just too old", func(s ptrace.Span) { s.SetStartTimestamp(at(-7*day - time.Second)) }, ReasonTooOld, false},
		{"no trace id", func(s ptrace.Span) { s.SetTraceID(pcommon.TraceID{}) }, ReasonNoID, false},
		{"no span id", func(s ptrace.Span) { s.SetSpanID(pcommon.SpanID{}) }, ReasonNoID, false},
		{"a clock a little ahead", func(s ptrace.Span) { s.SetStartTimestamp(at(5 * time.Minute)); s.SetEndTimestamp(at(6 * time.Minute)) }, "", true},
		{"end before start", func(s ptrace.Span) { s.SetEndTimestamp(s.StartTimestamp() - 5) }, ReasonEndBeforeStart, true},
		{"an end long before", func(s ptrace.Span) { s.SetEndTimestamp(at(-day)) }, ReasonEndBeforeStart, true},
		{"a huge attribute", func(s ptrace.Span) { s.Attributes().PutStr("x", strings.Repeat("x", 10<<20)) }, ReasonTrimmed, true},
		{"no UTF-8", func(s ptrace.Span) { s.SetName("a\xff"); s.Attributes().PutStr("gen_ai.request.model", "\xfe") }, ReasonTrimmed, true},
		{"many attributes", func(s ptrace.Span) {
			for i := range 5_000 {
				s.Attributes().PutInt(fmt.Sprint(i), 1)
			}
		}, ReasonTrimmed, true},
		{"many events", func(s ptrace.Span) {
			for range 20_000 {
				s.Events().AppendEmpty().SetName("chunk")
			}
		}, ReasonTrimmed, true},
		{"deep nesting", func(s ptrace.Span) {
			v := s.Attributes().PutEmpty("deep")
			for range 1_000 {
				v = v.SetEmptySlice().AppendEmpty()
			}
		}, ReasonTrimmed, true},
		{"nonsense numbers", func(s ptrace.Span) {
			s.Attributes().PutDouble("gen_ai.response.time_to_first_chunk", math.NaN())
			s.Attributes().PutInt("gen_ai.usage.input_tokens", math.MinInt64)
			s.Attributes().PutDouble("gen_ai.usage.output_tokens", math.Inf(1))
		}, "", true},
		{"nonsense enums", func(s ptrace.Span) { s.SetKind(99); s.Status().SetCode(-3) }, ReasonTrimmed, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			truncate(t, conn)
			s := newStore(t, conn)
			bad, good := oneCall(g, now.Add(-time.Minute)), oneCall(g, now.Add(-time.Minute))
			c.change(bad[0].span())
			insert(t, s, append(bad, good...)...)
			derive(t, s, now)
			counts := s.Status(t.Context()).Counts
			if c.reason == "" {
				require.Empty(t, counts)
			} else {
				require.EqualValues(t, map[Reason]int64{c.reason: 1}, counts)
			}
			want := 5
			if c.stored {
				want = 6
			}
			require.EqualValues(t, want, count(t, conn, "SELECT count() FROM spans"))
			id := good[0].span().TraceID()
			require.EqualValues(t, 1, count(t, conn, "SELECT count() FROM requests FINAL WHERE trace_id = unhex(?) AND isNotNull(queue_ns)", id.String()))
			// What was trimmed decomposes the same from memory and from the store.
			rows := requestRows(t, conn)
			again := newStore(t, conn)
			derive(t, again, now)
			require.Equal(t, rows, requestRows(t, conn))
		})
	}
}

func TestRetriesAreStoredOnce(t *testing.T) {
	conn := open(t)
	s := newStore(t, conn)
	td := merge(oneCall(newGenerator(22), time.Now().Add(-time.Minute)))
	for range 3 {
		require.NoError(t, s.InsertTraces(t.Context(), td))
	}
	require.EqualValues(t, 3, count(t, conn, "SELECT count() FROM spans"), "without FINAL: the token alone does it")
}

func TestPoisonIsIsolated(t *testing.T) {
	conn := open(t)
	require.NoError(t, conn.Exec(t.Context(), "ALTER TABLE spans ADD CONSTRAINT wholesome CHECK name != 'poison'"))
	g := newGenerator(23)
	now := time.Now()
	var pieces []piece
	for range 40 {
		pieces = append(pieces, oneCall(g, now.Add(-time.Minute))...)
	}
	for _, i := range []int{7, 8, 100} {
		pieces[i].span().SetName("poison")
	}
	s := newStore(t, conn)
	insert(t, s, pieces...)
	require.EqualValues(t, 117, count(t, conn, "SELECT count() FROM spans"))
	status := s.Status(t.Context())
	require.EqualValues(t, map[Reason]int64{ReasonRejected: 3}, status.Counts)
	require.EqualValues(t, 117, status.SpansInserted)

	text, err := os.ReadFile(s.dead.path)
	require.NoError(t, err)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	require.Len(t, lines, 3)
	var letter deadLetter
	require.NoError(t, json.Unmarshal(lines[0], &letter))
	require.EqualValues(t, 469, letter.Code)
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(letter.Span)
	require.NoError(t, err)
	require.Equal(t, pieces[7].td, td, "the span as it came, to be sent again")

	// Requests are derived from what is stored, and not from what was refused.
	derive(t, s, now)
	rows := requestRows(t, conn)
	truncate(t, conn)
	again := newStore(t, conn)
	insert(t, again, append(pieces[:7:7], append(pieces[9:100:100], pieces[101:]...)...)...)
	derive(t, again, now)
	require.Equal(t, rows, requestRows(t, conn))
}

func TestDeadLettersAreBounded(t *testing.T) {
	path := t.TempDir() + "/dead.jsonl"
	d := deadLetters{path: path, limit: 1_000}
	for i := range 100 {
		require.NoError(t, d.write([]deadLetter{{Reason: fmt.Sprint(i), Span: json.RawMessage(`"` + strings.Repeat("x", 100) + `"`)}}))
	}
	for _, file := range []string{path, path + ".1"} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(1_000))
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), `"reason":"99"`, "the newest are kept")
	require.Error(t, (&deadLetters{}).write(nil))
}

func TestFaults(t *testing.T) {
	exception := func(code int32) error { return fmt.Errorf("insert: %w", &clickhouse.Exception{Code: code}) }
	for _, c := range []struct {
		err  error
		want fault
	}{
		{nil, faultNone},
		{exception(252), faultRetry},
		{exception(319), faultRetry},
		{exception(53), faultPermanent},
		{exception(469), faultPermanent},
		{exception(60), faultUnknown}, // no such table: it may come
		{fmt.Errorf("%w: x", errEncode), faultPermanent},
		{context.DeadlineExceeded, faultRetry},
		{errors.New("connection refused"), faultRetry},
	} {
		got, _ := classify(c.err)
		require.Equal(t, c.want, got, "%v", c.err)
	}
	for code := range permanentCodes {
		require.False(t, retryCodes[code])
	}
}

func TestStoreAwayIsAnErrorToRetry(t *testing.T) {
	conn := open(t)
	s := newStore(t, conn)
	require.NoError(t, conn.Exec(t.Context(), "RENAME TABLE spans TO away"))
	td := merge(oneCall(newGenerator(24), time.Now().Add(-time.Minute)))
	require.Error(t, s.InsertTraces(t.Context(), td))
	require.EqualValues(t, map[Reason]int64{ReasonUnknownFault: 1}, s.Status(t.Context()).Counts)
	require.NoError(t, conn.Exec(t.Context(), "RENAME TABLE away TO spans"))
	require.NoError(t, s.InsertTraces(t.Context(), td))
	require.EqualValues(t, 3, count(t, conn, "SELECT count() FROM spans"))
}

func TestContentIsDroppedUnlessAskedFor(t *testing.T) {
	conn := open(t)
	for _, capture := range []bool{false, true} {
		truncate(t, conn)
		s := newStore(t, conn, func(c *Config) { c.CaptureContent = capture })
		call := oneCall(newGenerator(25), time.Now().Add(-time.Minute))
		span := call[0].span()
		span.Attributes().PutStr("gen_ai.input.messages", "the secret")
		span.Attributes().PutEmptySlice("gen_ai.output.messages").AppendEmpty().SetStr("the secret")
		event := span.Events().AppendEmpty()
		event.SetName("gen_ai.content.prompt")
		event.Attributes().PutStr("gen_ai.prompt", "the secret")
		insert(t, s, call...)
		got := count(t, conn, "SELECT countSubstrings(attribute_values || events, 'the secret') FROM spans WHERE notEmpty(events)")
		if capture {
			require.EqualValues(t, 3, got)
		} else {
			require.Zero(t, got)
		}
		require.Zero(t, s.Status(t.Context()).Counts[ReasonTrimmed])
	}
}

func TestLoadTraceGivesTheSpansBack(t *testing.T) {
	conn := open(t)
	g := newGenerator(26)
	now := time.Now()
	s := newStore(t, conn)
	call := oneCall(g, now.Add(-time.Minute))
	for _, p := range call {
		p.td.ResourceSpans().At(0).Resource().Attributes().PutStr("tenant", "a")
	}
	event := call[0].span().Events().AppendEmpty()
	event.SetName("chunk")
	event.SetTimestamp(call[0].span().StartTimestamp() + 5)
	event.Attributes().PutInt("n", 1)
	insert(t, s, append(call, oneCall(g, now)...)...)

	id := [16]byte(call[0].span().TraceID())
	td, err := s.LoadTrace(t.Context(), "a", id)
	require.NoError(t, err)
	got := map[pcommon.SpanID]ptrace.Span{}
	eachSpan(td, func(span ptrace.Span) { got[span.SpanID()] = span })
	require.Len(t, got, 3)
	for _, p := range call {
		require.Equal(t, p.span(), got[p.span().SpanID()])
	}
	td, err = s.LoadTrace(t.Context(), "b", id)
	require.NoError(t, err)
	require.Zero(t, td.SpanCount(), "another tenant's trace")
}

// TestNoEnd sends a span that never ended: its request has no time to be shown at.
func TestNoEnd(t *testing.T) {
	conn := open(t)
	now := time.Now()
	s := newStore(t, conn)
	call := oneCall(newGenerator(27), now.Add(-time.Minute))[:1]
	call[0].span().SetEndTimestamp(0)
	insert(t, s, call...)
	derive(t, s, now)
	require.EqualValues(t, 1, count(t, conn, "SELECT count() FROM spans"))
	require.Zero(t, count(t, conn, "SELECT count() FROM requests"))
	require.EqualValues(t, map[Reason]int64{ReasonEndBeforeStart: 1, ReasonRequestOutOfRange: 1}, s.Status(t.Context()).Counts)
}

func TestSendersWaitForTheDeriver(t *testing.T) {
	s := newStore(t, open(t))
	g := newGenerator(77)
	s.deriver.setRunning(true)
	s.deriver.waiting = maxInbox + 1

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.InsertTraces(ctx, oneCall(g, time.Now())[0].td), context.DeadlineExceeded)

	sent := make(chan error, 1)
	go func() { sent <- s.InsertTraces(t.Context(), oneCall(g, time.Now())[0].td) }()
	select {
	case err := <-sent:
		t.Fatalf("the deriver is behind, and the span was taken: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	s.deriver.drain(time.Now())
	require.NoError(t, <-sent)
	require.EqualValues(t, 1, s.Status(t.Context()).SpansInserted)
}
