package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/phaseline/phaseline/internal/query"
)

// testServer is a running API whose answers are all checked against the
// specification.
type testServer struct {
	*httptest.Server
	routes routers.Router
	spec   *openapi3.T
}

// newTestServer fills in what the options leave out.
func newTestServer(t testing.TB, o Options) *testServer {
	t.Helper()
	if o.Questions == nil {
		o.Questions = away
	}
	if o.Store == nil {
		o.Store = func() StoreStatus { return StoreStatus{Ready: true, Kind: StoreStatusKindEmbedded} }
	}
	handler, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	spec := loadSpec(t)
	routes, err := legacy.NewRouter(spec)
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{Server: httptest.NewServer(handler), routes: routes, spec: spec}
	t.Cleanup(s.Close)
	return s
}

type response struct {
	status int
	header http.Header
	body   []byte
}

func (r response) problem(t testing.TB) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal(r.body, &p); err != nil || r.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d %s is no problem document: %s", r.status, r.header.Get("Content-Type"), r.body)
	}
	return p
}

func get(t testing.TB, s *testServer, path string, headers ...string) response {
	t.Helper()
	return send(t, s, http.MethodGet, path, "", headers...)
}

// send sends a request, with pairs of header names and values, and checks the
// answer against the specification.
func send(t testing.TB, s *testServer, method, path, body string, headers ...string) response {
	t.Helper()
	r, err := s.try(method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (s *testServer) try(method, path, body string, headers ...string) (response, error) {
	request, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
	}
	answer, err := s.Client().Do(request)
	if err != nil {
		return response{}, err
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		return response{}, err
	}
	r := response{status: answer.StatusCode, header: answer.Header, body: read}
	if strings.HasPrefix(path, prefix) {
		err = s.check(request, r)
	}
	return r, err
}

// check fails on a status, a body or a field that the specification does not have.
func (s *testServer) check(request *http.Request, r response) error {
	bare := request.Clone(context.Background())
	if bare.Method == http.MethodHead {
		return nil // GET without the body
	}
	bare.URL.Host, bare.URL.Scheme = "", ""
	route, params, err := s.routes.FindRoute(bare)
	if err != nil {
		if r.status == http.StatusNotFound || r.status == http.StatusMethodNotAllowed || r.status == http.StatusUnauthorized {
			return nil // no operation, so nothing is specified
		}
		return fmt.Errorf("%d, but the specification has no such route: %w", r.status, err)
	}
	documented := route.Operation.Responses.Status(r.status)
	if documented == nil {
		var problem Problem
		if err := json.Unmarshal(r.body, &problem); err != nil {
			return fmt.Errorf("%d is not specified and no problem document: %s", r.status, r.body)
		}
		code := query.Code(strings.TrimPrefix(problem.Type, problemType))
		if statuses[code] != r.status || problem.Status != r.status {
			return fmt.Errorf("status %d, but the problem is %s with status %d", r.status, problem.Type, problem.Status)
		}
		documented = route.Operation.Responses.Default()
	}
	if r.status == http.StatusNotModified || r.status == http.StatusNoContent {
		if len(r.body) > 0 {
			return fmt.Errorf("%d has a body: %s", r.status, r.body)
		}
		return nil
	}
	kind, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	media := documented.Value.Content[kind]
	if media == nil {
		return fmt.Errorf("%d %s is not specified", r.status, kind)
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: bare, PathParams: params, Route: route},
		Status:                 r.status, Header: r.header, Body: io.NopCloser(bytes.NewReader(r.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil || kind == "text/csv" {
		return err
	}
	var value any
	if err := json.Unmarshal(r.body, &value); err != nil {
		return err
	}
	if extra := undocumented(media.Schema.Value, value, "$"); len(extra) > 0 {
		return errors.New("not in the specification: " + strings.Join(extra, ", "))
	}
	return nil
}

// undocumented lists the fields of value that its schema does not have.
func undocumented(schema *openapi3.Schema, value any, path string) []string {
	if len(schema.OneOf) > 0 {
		if value == nil {
			return nil
		}
		schema = schema.OneOf[0].Value
	}
	var extra []string
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			property := schema.Properties[name]
			if property == nil {
				property = schema.AdditionalProperties.Schema
			}
			if property != nil {
				extra = append(extra, undocumented(property.Value, v[name], path+"."+name)...)
			} else if len(schema.Properties) > 0 {
				extra = append(extra, path+"."+name)
			}
		}
	case []any:
		for _, item := range v {
			extra = append(extra, undocumented(schema.Items.Value, item, path+"[]")...)
		}
	}
	return extra
}

// faulty answers every question with the same error.
type faulty struct{ err error }

func (f faulty) Limits() query.Limits { return query.Limits{Time: time.Minute} }

func (f faulty) Breakdown(context.Context, query.Breakdown) (a query.BreakdownAnswer, err error) {
	return a, f.err
}

func (f faulty) TimeSeries(context.Context, query.TimeSeries) (a query.TimeSeriesAnswer, err error) {
	return a, f.err
}

func (f faulty) Heatmap(context.Context, query.Heatmap) (a query.HeatmapAnswer, err error) {
	return a, f.err
}

func (f faulty) Composition(context.Context, query.Composition) (a query.CompositionAnswer, err error) {
	return a, f.err
}

func (f faulty) Compare(context.Context, query.Compare) (a query.CompareAnswer, err error) {
	return a, f.err
}

func (f faulty) Distinguish(context.Context, query.Distinguish) (a query.DistinguishAnswer, err error) {
	return a, f.err
}

func (f faulty) Requests(context.Context, query.Requests) (a query.RequestsAnswer, err error) {
	return a, f.err
}

func (f faulty) Request(context.Context, query.RequestID) ([]query.Request, error) {
	return nil, f.err
}

func (f faulty) Dimensions(context.Context, query.Dimensions) (a query.DimensionsAnswer, err error) {
	return a, f.err
}

func (f faulty) DimensionValues(context.Context, query.DimensionValues) (a query.DimensionValuesAnswer, err error) {
	return a, f.err
}

func (f faulty) Quality(context.Context, query.Quality) (a query.QualityAnswer, err error) {
	return a, f.err
}

// away is what a store answers that is not there.
var away = faulty{&query.Error{Code: query.CodeUnavailable, Message: "the store does not answer; try again in a few seconds"}}
