package client

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/query"
)

func TestAskSendsAndDecodes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/behind/a/proxy/api/v1/breakdown", r.URL.Path)
		assert.Equal(t, []string{"model=a&b", "service!=x"}, r.URL.Query()["filter"])
		assert.Equal(t, "Bearer secret", r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(`{"n": 3}`))
	}))
	defer server.Close()
	c := Client{Server: server.URL + "/behind/a/proxy/", Token: "secret"}
	var answer query.BreakdownAnswer
	require.NoError(t, c.Ask(t.Context(), "breakdown", url.Values{"filter": {"model=a&b", "service!=x"}}, &answer))
	assert.EqualValues(t, 3, answer.N)
}

func TestErrorsSayWhatToDo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/invalid":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"detail": "there is no dimension \"x\u001b[2J\"", "parameter": "group_by", "allowed": ["model", "service"]}`))
		case "/api/v1/token":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"detail": "a bearer token is needed"}`))
		case "/api/v1/html":
			_, _ = w.Write([]byte(`<html>`))
		default:
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	c := Client{Server: server.URL}
	ask := func(c Client, path string) string { return c.Ask(t.Context(), path, nil, new(any)).Error() }
	assert.Equal(t, `group_by: there is no dimension "x�[2J" (allowed: model, service)`, ask(c, "invalid"))
	assert.Contains(t, ask(c, "token"), "PHASELINE_TOKEN")
	assert.Contains(t, ask(c, "html"), "does not answer like a Phaseline server")
	assert.Contains(t, ask(c, "other"), "502")
	server.Close()
	assert.Contains(t, ask(c, "invalid"), "--server")
	for _, address := range []string{"", "localhost:8321", "ftp://x", "http://", "::"} {
		assert.Contains(t, ask(Client{Server: address}, "x"), "no address of a server", address)
	}
}

func TestDurationsHaveThreeDigitsAndAUnit(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0 ns", 999: "999 ns", 1_500: "1.50 µs", 12_340_000: "12.3 ms", 182_400_000: "182 ms", 1_240_000_000: "1.24 s",
		-41_000_000: "-41.0 ms", 119e9: "119 s", 150e9: "2.50 min", 7200e9: "2.00 h",
	} {
		assert.Equal(t, want, duration(&ns))
	}
	assert.Equal(t, "–", duration(nil))
	assert.Equal(t, "1,234,567", count(1234567))
	assert.Equal(t, "12", count(12))
}

// A bar's length is that of the whole, however its parts are rounded.
func TestBarsAddUp(t *testing.T) {
	parts := []query.PartMean{{Part: query.PartNetwork, MeanNS: 14}, {Part: query.PartQueue, MeanNS: 14}, {Part: query.PartPrefill, MeanNS: 14}, {Part: query.PartRest, MeanNS: 58}}
	assert.Equal(t, "──────░░░░░██████·······················", bar(parts, 100))
	assert.Len(t, []rune(bar(parts, 200)), barWidth/2)
	assert.Empty(t, bar(nil, 0))
}

func TestHostileTextIsOnlyText(t *testing.T) {
	hostile := "\x1b]0;owned\x07\x1b[2Jx\u202egnp\r\n"
	total := int64(1e9)
	var b bytes.Buffer
	a := query.BreakdownAnswer{Groups: []query.BreakdownGroup{{
		Labels:     []query.Label{{Dimension: hostile, Value: hostile}},
		Metrics:    []query.Distribution{{Metric: query.Total, Quantiles: []query.Quantile{{Q: 0.5, ValueNS: &total, TooSmall: true}}}},
		TotalParts: []query.PartMean{{Part: query.PartUnattributed, MeanNS: total}},
	}}}
	a.N = 1
	Breakdown(&b, a)
	Values(&b, query.DimensionValuesAnswer{Meta: a.Meta, Dimension: hostile, Values: []query.ValueCount{{Value: hostile}}})
	Requests(&b, query.RequestsAnswer{Requests: []query.Request{{Service: hostile, Model: hostile, Outcome: hostile, TotalNS: total}}, Next: hostile})
	Request(&b, RequestDetail{Request: query.Request{Service: hostile, Flags: []string{hostile}}})
	Quality(&b, query.QualityAnswer{Meta: a.Meta, Services: []query.ServiceQuality{{Service: hostile, Hints: []string{hostile}}}, Flags: []query.FlagCount{{Flag: hostile}}})
	Dimensions(&b, query.DimensionsAnswer{Dimensions: []query.Dimension{{Name: hostile, Description: hostile}}})
	assert.NotContains(t, b.String(), "\x1b")
	assert.NotContains(t, b.String(), "\u202e")
	assert.NotContains(t, b.String(), "\r")
	assert.Contains(t, b.String(), "(1.00 s)", "too few for an interval")
}
