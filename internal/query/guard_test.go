package query

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Hostile values must come back as values: each is stored, found again by
// every operator, and nothing else happens.
func TestHostileValuesAreOnlyValues(t *testing.T) {
	conn := database(t)
	e := New(conn, Limits{})
	hostile := []string{
		`'; DROP TABLE requests; --`, `' OR 1=1 --`, `\`, `\'`, "a\tb\nc\x00d\r", `{p0:String}`, `?`, `%s$1@x`, "\\N", "NULL", `"]}`,
		"\xff\xfe broken", "😀", strings.Repeat("x", 4000), "url('http://127.0.0.1/')", " ", `a,b"c`,
	}
	rows := generate(newRandom(80), len(hostile), noon.Add(-time.Hour), noon)
	for i := range rows {
		rows[i].Model, rows[i].Attributes, rows[i].Outcome = hostile[i], map[string]string{hostile[i]: "yes"}, "ok"
	}
	insert(t, conn, rows)
	s := Scope{Range: Range{noon.Add(-time.Hour), noon}}
	n := func(f Filter) int64 {
		t.Helper()
		s := s
		s.Filters = []Filter{f}
		answer, err := e.Breakdown(t.Context(), Breakdown{Scope: s, Metrics: []Metric{Total}})
		require.NoError(t, err, f)
		return answer.N
	}
	for _, value := range hostile {
		assert.EqualValues(t, 1, n(Filter{"model", Equal, []string{value}}), "%q", value)
		assert.EqualValues(t, 1, n(Filter{"model", In, []string{value, "none"}}), "%q", value)
		assert.EqualValues(t, len(hostile)-1, n(Filter{"model", NotEqual, []string{value}}), "%q", value)
		assert.EqualValues(t, 1, n(Filter{"attributes." + value, Equal, []string{"yes"}}), "%q", value)
		_, err := e.DimensionValues(t.Context(), DimensionValues{Scope: s, Dimension: "model", Prefix: value})
		assert.NoError(t, err)
		empty, err := e.Request(t.Context(), RequestID{Tenant: value, TraceID: rows[0].TraceID})
		assert.Equal(t, CodeNotFound, codeOf(err), "no such tenant: %v", empty)
	}
	answer, err := e.Breakdown(t.Context(), Breakdown{Scope: s, GroupBy: []string{"model"}})
	require.NoError(t, err)
	assert.Len(t, answer.Groups, len(hostile))
}

func TestWrongQuestionsNameTheParameter(t *testing.T) {
	e := New(nil, Limits{}) // none of them reaches the store
	good := Scope{Range: Range{noon.Add(-time.Hour), noon}}
	filtered := func(f ...Filter) Scope { s := good; s.Filters = f; return s }
	ranged := func(from, to time.Time) Scope { return Scope{Range: Range{from, to}} }
	breakdown := func(b Breakdown) func() error {
		return func() error { _, err := e.Breakdown(context.Background(), b); return err }
	}
	tests := map[string]struct {
		ask       func() error
		parameter string
		code      Code
	}{
		"empty range":      {breakdown(Breakdown{Scope: ranged(noon, noon)}), "from", CodeInvalid},
		"backwards":        {breakdown(Breakdown{Scope: ranged(noon, noon.Add(-1))}), "from", CodeInvalid},
		"before time":      {breakdown(Breakdown{Scope: ranged(time.Time{}, noon)}), "from", CodeInvalid},
		"far future":       {breakdown(Breakdown{Scope: ranged(noon, noon.AddDate(900, 0, 0))}), "to", CodeInvalid},
		"no dimension":     {breakdown(Breakdown{Scope: good, GroupBy: []string{"total_ns"}}), "group_by", CodeInvalid},
		"not to group by":  {breakdown(Breakdown{Scope: good, GroupBy: []string{"trace_id"}}), "group_by", CodeInvalid},
		"twice":            {breakdown(Breakdown{Scope: good, GroupBy: []string{"model", "model"}}), "group_by", CodeInvalid},
		"four":             {breakdown(Breakdown{Scope: good, GroupBy: []string{"model", "service", "version", "engine"}}), "group_by", CodeInvalid},
		"metric":           {breakdown(Breakdown{Scope: good, Metrics: []Metric{"cost"}}), "metric", CodeInvalid},
		"quantile":         {breakdown(Breakdown{Scope: good, Quantiles: []float64{99}}), "quantiles", CodeInvalid},
		"sort":             {breakdown(Breakdown{Scope: good, Sort: "1; DROP"}), "sort", CodeInvalid},
		"limit":            {breakdown(Breakdown{Scope: good, Limit: 1001}), "limit", CodeTooLarge},
		"negative limit":   {breakdown(Breakdown{Scope: good, Limit: -1}), "limit", CodeInvalid},
		"filter dimension": {breakdown(Breakdown{Scope: filtered(Filter{"1=1", Equal, []string{""}})}), "filter", CodeInvalid},
		"operator":         {breakdown(Breakdown{Scope: filtered(Filter{"model", "LIKE", []string{"%"}})}), "filter", CodeInvalid},
		"expression":       {breakdown(Breakdown{Scope: filtered(Filter{"model", Matches, []string{"("}})}), "filter", CodeInvalid},
		"no value":         {breakdown(Breakdown{Scope: filtered(Filter{"model", Equal, nil})}), "filter", CodeInvalid},
		"long value":       {breakdown(Breakdown{Scope: filtered(Filter{"model", Equal, []string{strings.Repeat("x", 4097)}})}), "filter", CodeTooLarge},
		"composition metric": {func() error {
			_, err := e.Composition(context.Background(), Composition{Scope: good, Metric: Queue})
			return err
		}, "metric", CodeInvalid},
		"selection": {func() error {
			_, err := e.Distinguish(context.Background(), Distinguish{Scope: good, Selection: Rectangle{Range: Range{noon.Add(-2 * time.Hour), noon}}})
			return err
		}, "select_from", CodeInvalid},
		"step": {func() error {
			_, err := e.TimeSeries(context.Background(), TimeSeries{Scope: good, Step: time.Millisecond})
			return err
		}, "step", CodeTooLarge},
		"series": {func() error {
			_, err := e.TimeSeries(context.Background(), TimeSeries{Scope: good, Step: time.Second, GroupBy: []string{"model"}, Limit: 1000})
			return err
		}, "limit", CodeTooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			known, ok := tt.ask().(*Error)
			require.True(t, ok)
			assert.Equal(t, tt.code, known.Code)
			assert.Equal(t, tt.parameter, known.Parameter)
			assert.NotEmpty(t, known.Message)
		})
	}
}

func TestLimitsOfTheStore(t *testing.T) {
	conn := database(t)
	rows := generate(newRandom(81), 3000, noon.Add(-time.Hour), noon)
	for i := range rows {
		rows[i].Attributes["id"] = rows[i].TraceID
	}
	insert(t, conn, rows)
	s := Scope{Range: Range{noon.Add(-time.Hour), noon}}
	_, err := New(conn, Limits{}).Breakdown(t.Context(), Breakdown{Scope: s, GroupBy: []string{"attributes.id"}})
	assert.Equal(t, CodeTooLarge, codeOf(err), "more groups than an answer has")
	assert.Equal(t, "group_by", err.(*Error).Parameter)
	_, err = New(conn, Limits{Rows: 100}).Breakdown(t.Context(), Breakdown{Scope: s})
	assert.Equal(t, CodeTooLarge, codeOf(err), "more rows than may be read")

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = New(conn, Limits{}).Breakdown(cancelled, Breakdown{Scope: s})
	assert.ErrorIs(t, err, context.Canceled)
}

// endless is a statement that runs until it is stopped.
func endless() *statement {
	return (&statement{}).add("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1")
}

func TestTheTimeLimitStopsTheStatement(t *testing.T) {
	e := New(database(t), Limits{Time: 300 * time.Millisecond, Rows: 1 << 60})
	began := time.Now()
	err := e.read(t.Context(), endless(), nil)
	assert.Equal(t, CodeTimeout, codeOf(err), "%v", err)
	assert.Less(t, time.Since(began), 5*time.Second)
}

func TestAQuestionWaitsForItsTurn(t *testing.T) {
	e := New(database(t), Limits{Time: 2 * time.Second, Statements: 1, Rows: 1 << 60})
	first := make(chan error)
	go func() { first <- e.read(t.Context(), endless(), nil) }()
	require.Eventually(t, func() bool { return len(e.slots) == 1 }, 5*time.Second, time.Millisecond)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, e.read(cancelled, endless(), nil), context.Canceled)
	assert.Equal(t, CodeTimeout, codeOf(<-first))

	e.slots <- struct{}{}
	err := e.read(t.Context(), endless(), nil)
	assert.Equal(t, CodeUnavailable, codeOf(err), "%v", err)
}

func TestCancellingStopsTheStatement(t *testing.T) {
	e := New(database(t), Limits{Rows: 1 << 60})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- e.read(ctx, endless(), nil)
	}()
	time.Sleep(300 * time.Millisecond)
	cancel()
	select {
	case err := <-done:
		assert.ErrorIs(t, err, context.Canceled)
	case <-time.After(5 * time.Second):
		t.Fatal("the statement goes on")
	}
}

func TestExceptionsOfTheStoreGetACode(t *testing.T) {
	e := New(nil, Limits{})
	for code, want := range map[int32]Code{
		158: CodeTooLarge, 159: CodeTimeout, 202: CodeUnavailable, 241: CodeTooLarge, 242: CodeUnavailable, 394: CodeTimeout,
		396: CodeTooLarge, 427: CodeInvalid, 60: CodeUnavailable, 62: "",
	} {
		err := e.classify(t.Context(), &clickhouse.Exception{Code: code})
		assert.Equal(t, want, codeOf(err), code)
		assert.Error(t, err)
	}
	assert.NoError(t, e.classify(t.Context(), nil))
}

func TestAStoreThatIsAway(t *testing.T) {
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{"127.0.0.1:1"}, Protocol: clickhouse.HTTP, DialTimeout: time.Second})
	require.NoError(t, err)
	defer conn.Close()
	_, err = New(conn, Limits{}).Breakdown(t.Context(), Breakdown{Scope: Scope{Range: Range{noon.Add(-time.Hour), noon}}})
	assert.Equal(t, CodeUnavailable, codeOf(err))
}

func isLiteral(e ast.Expr) bool { _, ok := e.(*ast.BasicLit); return ok }

// SQL is only ever made of constants of this package. A variable can become a
// fragment by conversion alone, so only literals are converted; and no other
// place may write SQL.
func TestSQLIsMadeOfConstants(t *testing.T) {
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, f.Name(), nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "fragment" && !isLiteral(call.Args[0]) {
				t.Errorf("%s: a conversion to fragment", set.Position(n.Pos()))
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); ok {
				switch method.Sel.Name {
				case "Query", "QueryRow", "Exec", "Select", "PrepareBatch":
					if f.Name() != "engine.go" {
						t.Errorf("%s: a statement that the engine does not send", set.Position(n.Pos()))
					}
				case "WriteString":
					if receiver, ok := method.X.(*ast.SelectorExpr); ok && receiver.Sel.Name == "sql" && f.Name() != "statement.go" {
						t.Errorf("%s: SQL written past fragment", set.Position(n.Pos()))
					}
				}
			}
			return true
		})
	}
}
