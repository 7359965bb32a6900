package query

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDimensionsListEveryName(t *testing.T) {
	e, _ := stored(t, 11, 100, noon.Add(-time.Hour), noon)
	scope := Scope{Range: Range{noon.Add(-time.Hour), noon}}
	answer, err := e.Dimensions(t.Context(), Dimensions{scope})
	require.NoError(t, err)
	names := []string{}
	for _, d := range answer.Dimensions {
		names = append(names, d.Name)
		if d.Group {
			_, err := e.Breakdown(t.Context(), Breakdown{Scope: scope, GroupBy: []string{d.Name}, Metrics: []Metric{Total}})
			assert.NoError(t, err, d.Name)
		}
		_, err := e.DimensionValues(t.Context(), DimensionValues{Scope: scope, Dimension: d.Name})
		assert.NoError(t, err, d.Name)
	}
	assert.Contains(t, names, "attributes.route")
	assert.Subset(t, names, []string{"service", "version", "environment", "model", "provider", "operation", "streaming", "engine",
		"server_address", "cache", "outcome", "error_type", "finish_reason", "input_bucket", "vantage", "ttft_source", "dialect"})
}

func TestDimensionValuesAgreeWithTheReference(t *testing.T) {
	e, all := stored(t, 12, 2000, noon.Add(-time.Hour), noon)
	scope := Scope{Range: Range{noon.Add(-time.Hour), noon}}
	for _, name := range []string{"service", "model", "input_bucket", "outcome", "attributes.route", "trace_id"} {
		answer, err := e.DimensionValues(t.Context(), DimensionValues{Scope: scope, Dimension: name, Limit: 3})
		require.NoError(t, err)
		groups := groupsOf(all, name)
		assert.EqualValues(t, max(len(groups)-3, 0), answer.Omitted, name)
		assert.EqualValues(t, len(all), answer.N)
		for i, v := range answer.Values {
			assert.Equal(t, outcomes(groups[key{v.Value}]), v.Counts, name)
			if i > 0 {
				assert.LessOrEqual(t, v.Counts.N, answer.Values[i-1].Counts.N)
			}
		}
	}
	answer, err := e.DimensionValues(t.Context(), DimensionValues{Scope: scope, Dimension: "service", Prefix: "chat"})
	require.NoError(t, err)
	require.Len(t, answer.Values, 1)
	assert.Equal(t, "chat-api", answer.Values[0].Value)
}

func TestDistinguishFindsWhatWasPlanted(t *testing.T) {
	conn := database(t)
	e := New(conn, Limits{})
	rows := generate(newRandom(13), 3000, noon.Add(-time.Hour), noon)
	for i := range rows {
		if rows[i].TTFTNS != nil && rows[i].Outcome == "ok" {
			*rows[i].TTFTNS = 200e6
			if i%30 == 0 {
				*rows[i].TTFTNS, rows[i].Attributes = 5e9, map[string]string{"route": "/slow"}
			}
		}
	}
	insert(t, conn, rows)
	scope := Scope{Range: Range{noon.Add(-time.Hour), noon}}
	low := int64(1e9)
	answer, err := e.Distinguish(t.Context(), Distinguish{Scope: scope, Selection: Rectangle{Range: scope.Range, Metric: TTFT, LowNS: &low}})
	require.NoError(t, err)
	require.NotEmpty(t, answer.Values)
	assert.Equal(t, Label{"attributes.route", "/slow"}, answer.Values[0].Label)
	assert.Equal(t, 1., answer.Values[0].SelectedShare)
	assert.Zero(t, answer.Values[0].RestShare)

	var inside, outside int64
	for _, r := range rows {
		if ns := r.TTFTNS; ns != nil && r.counts(false) {
			if *ns > low {
				inside++
			} else {
				outside++
			}
		}
	}
	assert.Equal(t, [2]int64{inside, outside}, [2]int64{answer.Selected, answer.Rest})
	assert.True(t, slices.IsSortedFunc(answer.Values, func(a, b Distinction) int { return int(math.Copysign(1, b.Score-a.Score)) }))

	half := Rectangle{Range: Range{noon.Add(-30 * time.Minute), noon}, Metric: TTFT}
	answer, err = e.Distinguish(t.Context(), Distinguish{Scope: scope, Selection: half, Dimensions: []string{"service", "attributes.route"}})
	require.NoError(t, err)
	assert.Empty(t, answer.Values, "chance is not told")
	assert.Positive(t, answer.Selected)
}

func TestQualitySaysWhatIsMissing(t *testing.T) {
	conn := database(t)
	e := New(conn, Limits{})
	rows := generate(newRandom(14), 500, noon.Add(-time.Hour), noon)
	yes := true
	for i := range rows {
		if rows[i].Service == "agent" { // a client that streams and tells nothing
			bare := row{version: 1}
			bare.TraceID, bare.SpanID, bare.Service, bare.End, bare.Start = rows[i].TraceID, rows[i].SpanID, "agent", rows[i].End, rows[i].Start
			bare.Outcome, bare.Vantage, bare.Streaming, bare.Dialect, bare.TTFTKind = "ok", "client", &yes, "openlit", "unknown"
			bare.Provenance, bare.Flags = rows[i].Provenance, []string{"ttft_untrusted"}
			bare.TotalNS, bare.UnattributedNS = 1e9, 1e9
			rows[i] = bare
		}
	}
	insert(t, conn, rows)
	answer, err := e.Quality(t.Context(), Quality{Scope{Range: Range{noon.Add(-time.Hour), noon}}})
	require.NoError(t, err)
	require.Len(t, answer.Services, 3)
	at := slices.IndexFunc(answer.Services, func(s ServiceQuality) bool { return s.Service == "agent" })
	agent := answer.Services[at]
	assert.Zero(t, *agent.Coverage.TTFT)
	assert.Equal(t, "openlit", agent.Dialects[0].Value)
	assert.Len(t, agent.Hints, 2)
	assert.Contains(t, agent.Hints[0], "100 %")
	flag := slices.IndexFunc(answer.Flags, func(f FlagCount) bool { return f.Flag == "ttft_untrusted" })
	require.GreaterOrEqual(t, flag, 0)
	assert.Equal(t, agent.Counts.N, answer.Flags[flag].N)
	assert.NotEmpty(t, answer.Flags[flag].Meaning)
	assert.NotEmpty(t, answer.Flags[flag].Action)
	assert.EqualValues(t, 500, answer.N)
}
