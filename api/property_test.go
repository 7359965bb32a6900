package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"
)

// checkRandomParameters asks the real engine with random parameters, made
// from the specification: valid ones, ones just outside of it, and hostile text.
// Every answer must be one that the specification has, and none a fault or a
// refusal to answer.
func checkRandomParameters(t *testing.T, s *testServer) {
	spec := loadSpec(t)
	var paths []string
	for path, item := range spec.Paths.Map() {
		if item.Get != nil {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	asked, answered := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(t, "path")
		item := spec.Paths.Value(path)
		values := url.Values{}
		for _, ref := range slices.Concat(item.Parameters, item.Get.Parameters) {
			p := ref.Value
			if p.In == openapi3.ParameterInPath {
				path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(parameterValue(p).Draw(t, p.Name)), 1)
			} else if rapid.IntRange(0, 2).Draw(t, "give "+p.Name) == 0 {
				for range rapid.IntRange(1, 2).Draw(t, "times") {
					values.Add(p.Name, parameterValue(p).Draw(t, p.Name))
				}
			}
		}
		target := prefix + path
		if len(values) > 0 {
			target += "?" + values.Encode()
		}
		r, err := s.try(http.MethodGet, target, "")
		if err != nil {
			t.Fatalf("GET %s: %v", target, err)
		}
		if r.status >= http.StatusInternalServerError {
			t.Fatalf("GET %s: %d %s", target, r.status, r.body)
		}
		asked++
		if r.status == http.StatusOK {
			answered++
		}
	})
	if answered*5 < asked {
		t.Errorf("only %d of %d questions were answered: the parameters are too wild to prove anything", answered, asked)
	}
}

// hostileText is text that has broken other programs.
var hostileText = rapid.OneOf(
	rapid.String(),
	rapid.SampledFrom([]string{"", " ", "'", `"`, "\x00", "%", "{p0:String}", "?", "\\", "-- ", "NULL", "nan", "1e309", "-1", "9223372036854775808",
		"';DROP TABLE requests;--", "<script>", "../../etc/passwd", "\xff\xfe", strings.Repeat("a", 5000), "now-99999999h", "0000-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z", "2262-04-12T00:00:00Z", "1969-12-31T23:59:59Z"}),
)

// plausible has, for each parameter, values that get past the specification.
var plausible = map[string][]string{
	"from":     {"now-1h", "now-5m", "now-7d", "now-400d", "now", "2020-01-01T00:00:00Z"},
	"to":       {"now", "now-1m", "now-1h", "2030-01-01T00:00:00Z"},
	"step":     {"1s", "10s", "1m", "7m", "1h", "1d", "1ns", "100000h"},
	"group_by": {"service", "model", "version", "outcome", "ttft_source", "input_bucket", "session", "flag", "attributes.x"},
	"filter": {"model=model-0", "model!=model-1", "model=~model-.*", "model in model-0,model-1", "service=~(a|b)*c", "flag=error", "streaming=true",
		"model=~(?i)^x$|", "attributes.x=y", "trace_id=" + strings.Repeat("0", 32), "trace_id=zz", "version=", "model=~.{1000}", "model in ''"},
	"name":   {"model", "service", "session", "flag", "attributes.x", "ttft_regression"},
	"cursor": {"", "eyJ2IjpbMF19"},
}

func parameterValue(p *openapi3.Parameter) *rapid.Generator[string] {
	known := plausible[strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(p.Name, "a_"), "b_"), "select_")]
	if p.Name == "a" || p.Name == "b" {
		known = plausible["filter"]
	}
	schema := p.Schema.Value
	if schema.Items != nil {
		schema = schema.Items.Value
	}
	generators := []*rapid.Generator[string]{hostileText}
	if len(known) > 0 {
		generators = append(generators, rapid.SampledFrom(known), rapid.SampledFrom(known), rapid.SampledFrom(known))
	}
	if len(schema.Enum) > 0 {
		generators = append(generators, enumValue(schema), enumValue(schema), enumValue(schema))
	}
	if schema.Pattern != "" {
		generators = append(generators, rapid.StringMatching(schema.Pattern), rapid.StringMatching(schema.Pattern))
	}
	switch {
	case schema.Type.Is("integer"):
		generators = append(generators, rapid.SampledFrom([]string{"1", "2", "100", "1000", "1000000000", "9223372036854775807"}), rapid.StringMatching(`-?[0-9]{1,20}`))
	case schema.Type.Is("number"):
		generators = append(generators, rapid.SampledFrom([]string{"0.5", "0.5,0.9", "0.001", "0.999999", "0.9,0.9", "0,1"}))
	case schema.Type.Is("boolean"):
		generators = append(generators, rapid.SampledFrom([]string{"true", "false", "1"}))
	}
	return rapid.OneOf(generators...)
}

func enumValue(schema *openapi3.Schema) *rapid.Generator[string] {
	values := make([]string, len(schema.Enum))
	for i, v := range schema.Enum {
		values[i] = v.(string)
	}
	return rapid.SampledFrom(values)
}
