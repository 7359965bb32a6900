package api

import (
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gin-gonic/gin"

	"github.com/phaseline/phaseline/internal/query"
)

// maxBody is the largest request body that is read.
const maxBody = 1 << 20

// checkAgainstSpec refuses what the specification does not allow, before any
// handler runs. It also refuses parameters that the specification does not
// know: a misspelt filter that is ignored would give a wrong answer.
func (s *server) checkAgainstSpec(c *gin.Context) {
	route := s.route(c.Request.Method, c.FullPath())
	if err := checkNames(route, c); err != nil {
		s.fail(c, err)
		return
	}
	if route.Operation.RequestBody != nil {
		if kind, _, err := mime.ParseMediaType(c.ContentType()); err != nil || kind != "application/json" {
			s.fail(c, failure(codeMediaType, "Content-Type", "send the body as application/json"))
			return
		}
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
	}
	err := openapi3filter.ValidateRequest(c, &openapi3filter.RequestValidationInput{
		Request:     c.Request,
		PathParams:  pathParams(c),
		QueryParams: c.Request.URL.Query(),
		Route:       route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:  openapi3filter.NoopAuthenticationFunc, // authenticate has done it
			SkipSettingDefaults: true,                                  // internal/query has the defaults
		},
	})
	if err != nil {
		s.fail(c, asFailure(err))
	}
}

// route finds the operation of a gin route in the specification.
func (s *server) route(method, ginPath string) *routers.Route {
	path := specPath(ginPath)
	item := s.spec.Paths.Value(path)
	return &routers.Route{
		Spec: s.spec, Server: s.spec.Servers[0], Path: path, PathItem: item, Method: method,
		Operation: item.GetOperation(method),
	}
}

var ginParameter = regexp.MustCompile(`:(\w+)`)

// specPath writes gin's /api/v1/dimensions/:name as the specification does:
// /dimensions/{name}.
func specPath(ginPath string) string {
	return ginParameter.ReplaceAllString(strings.TrimPrefix(ginPath, prefix), "{$1}")
}

func pathParams(c *gin.Context) map[string]string {
	params := make(map[string]string, len(c.Params))
	for _, p := range c.Params {
		params[p.Key] = p.Value
	}
	return params
}

// checkNames refuses unknown query parameters, and a second value for one that
// takes one.
func checkNames(route *routers.Route, c *gin.Context) error {
	known := map[string]*openapi3.Parameter{}
	for _, ref := range slices.Concat(route.PathItem.Parameters, route.Operation.Parameters) {
		if ref.Value.In == openapi3.ParameterInQuery {
			known[ref.Value.Name] = ref.Value
		}
	}
	given := c.Request.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		parameter, ok := known[name]
		if !ok {
			err := failure(query.CodeInvalid, name, "there is no parameter of this name here")
			err.Allowed = slices.Sorted(maps.Keys(known))
			return err
		}
		repeatable := parameter.Schema.Value.Type.Is(openapi3.TypeArray) && (parameter.Explode == nil || *parameter.Explode)
		if len(given[name]) > 1 && !repeatable {
			return failure(query.CodeInvalid, name, "it was given %d times; give it once", len(given[name]))
		}
	}
	return nil
}

// asFailure says in our words what the specification does not allow.
func asFailure(err error) error {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return failure(codeBodyTooLarge, "body", "it is larger than %d bytes", tooBig.Limit)
	}
	var wrong *openapi3filter.RequestError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("check a request against the specification: %w", err)
	}
	reason := wrong.Reason
	if wrong.Err != nil {
		reason = wrong.Err.Error()
	}
	var mismatch *openapi3.SchemaError
	if errors.As(err, &mismatch) {
		reason = mismatch.Reason
	}
	reason, _, _ = strings.Cut(reason, "\n")
	if wrong.Parameter == nil {
		where := "body"
		if mismatch != nil && len(mismatch.JSONPointer()) > 0 {
			where = strings.Join(mismatch.JSONPointer(), ".")
		}
		return failure(query.CodeInvalid, where, "%s", reason)
	}
	problem := failure(query.CodeInvalid, wrong.Parameter.Name, "%s", reason)
	schema := wrong.Parameter.Schema.Value
	if schema.Items != nil {
		schema = schema.Items.Value
	}
	for _, value := range schema.Enum {
		problem.Allowed = append(problem.Allowed, fmt.Sprint(value))
	}
	return problem
}
