package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The flags are the parameters of the API's specification: neither may have one
// that the other has not.
func TestQueryFlagsAreTheParametersOfTheAPI(t *testing.T) {
	spec, err := openapi3.NewLoader().LoadFromFile("../../api/openapi.yaml")
	require.NoError(t, err)
	for _, q := range questions {
		path := "/" + q.path([]string{"{trace_id}", "{span_id}"})
		path = strings.NewReplacer("%7B", "{", "%7D", "}", "dimensions/{trace_id}", "dimensions/{name}").Replace(path)
		item := spec.Paths.Find(path)
		require.NotNil(t, item, path)
		var want []string
		single := true
		for _, p := range item.Get.Parameters {
			switch {
			case p.Value.Name == "format":
				single = false
			case p.Value.In == "query":
				want = append(want, p.Value.Name)
			}
		}
		assert.Equal(t, single, q.single, "%s: whether there is CSV", path)
		var got []string
		for _, name := range q.flags {
			got = append(got, strings.ReplaceAll(name, "-", "_"))
		}
		assert.ElementsMatch(t, want, got, path)
	}
}

func TestQueryAsksTheServer(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RequestURI()
		_, _ = w.Write([]byte(`{"range":{"from":"2026-03-02T11:00:00Z","to":"2026-03-02T12:00:00Z"},"n":0}`))
	}))
	defer server.Close()
	run := func(args ...string) (string, error) {
		var out bytes.Buffer
		root := newRootCommand()
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetArgs(append([]string{"query", "--server", server.URL}, args...))
		err := root.ExecuteContext(t.Context())
		return out.String(), err
	}
	out, err := run("breakdown", "--group-by", "model", "--group-by", "service", "--filter", "a in x,y", "--include-failed")
	require.NoError(t, err)
	assert.Equal(t, "/api/v1/breakdown?filter=a+in+x%2Cy&group_by=model&group_by=service&include_failed=true&metric=ttft&metric=total&quantiles=0.5%2C0.9%2C0.99", asked)
	assert.Contains(t, out, "no requests ended from 2026-03-02T11:00:00Z")
	_, err = run("request", "0123456789abcdef0123456789abcdef", "../x")
	require.NoError(t, err)
	assert.Equal(t, "/api/v1/requests/0123456789abcdef0123456789abcdef/..%2Fx", asked)
	out, err = run("timeseries", "--format", "json", "--step", "1m")
	require.NoError(t, err)
	assert.Equal(t, "/api/v1/timeseries?step=1m", asked)
	assert.True(t, strings.HasPrefix(out, `{"range"`))
	_, err = run("quality", "--format", "csv")
	require.NoError(t, err)
	assert.Equal(t, "/api/v1/quality?format=csv", asked)
	_, err = run("distinguish", "--select-low-ns", "1.5s", "--select-high-ns", "9000000000")
	require.NoError(t, err)
	assert.Equal(t, "/api/v1/distinguish?select_high_ns=9000000000&select_low_ns=1500000000", asked)
	_, err = run("status", "--format", "csv")
	assert.ErrorContains(t, err, "has no rows")
	_, err = run("breakdwn")
	assert.ErrorContains(t, err, "did you mean breakdown?")
	_, err = run("quality", "--format", "xml")
	assert.ErrorContains(t, err, "table, json or csv")
}
