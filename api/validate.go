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
		s.fail(c, asFailure(err, c))
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

// asFailure says in our words what the specification does not allow, and what
// it does.
func asFailure(err error, c *gin.Context) error {
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
		if mismatch == nil || mismatch.Schema == nil || where == "body" {
			return failure(query.CodeInvalid, where, "%s", reason)
		}
		return refused(where, fmt.Sprint(mismatch.Value), mismatch.Schema, reason)
	}
	name, schema := wrong.Parameter.Name, wrong.Parameter.Schema.Value
	given := c.Request.URL.Query()[name]
	if wrong.Parameter.In == openapi3.ParameterInPath {
		given = []string{c.Param(name)}
	}
	if schema.Items != nil {
		if wrong.Parameter.Explode != nil && !*wrong.Parameter.Explode {
			given = strings.Split(strings.Join(given, ","), ",")
		}
		if schema.MaxItems != nil && uint64(len(given)) > *schema.MaxItems {
			return failure(query.CodeInvalid, name, "it has %d values; at most %d", len(given), *schema.MaxItems)
		}
		schema = schema.Items.Value
	}
	return refused(name, strings.Join(given, ", "), schema, reason)
}

// refused is the problem that a value does not fit its schema. Where the schema
// does not say it shortly, the reason does.
func refused(where, value string, schema *openapi3.Schema, reason string) *query.Error {
	if len(value) > 64 {
		value = value[:64] + "…"
	}
	problem := failure(query.CodeInvalid, where, "%q is not allowed: %s", strings.ToValidUTF8(value, "\uFFFD"), reason)
	if wanted := expectation(schema); wanted != "" {
		problem.Message = fmt.Sprintf("%q is not allowed: write %s", strings.ToValidUTF8(value, "\uFFFD"), wanted)
	}
	for _, value := range schema.Enum {
		problem.Allowed = append(problem.Allowed, fmt.Sprint(value))
	}
	return problem
}

// expectation says what a value of a schema looks like.
func expectation(s *openapi3.Schema) string {
	switch {
	case len(s.Enum) > 0:
		return "one of the allowed values"
	case s.Type.Includes(openapi3.TypeBoolean):
		return "true or false"
	case s.Type.Includes(openapi3.TypeInteger):
		return "a whole number" + bounds(s)
	case s.Type.Includes(openapi3.TypeNumber):
		return "a number" + bounds(s)
	case s.Pattern != "" && s.Description != "":
		return strings.ToLower(s.Description[:1]) + strings.TrimSuffix(s.Description[1:], ".")
	case s.Pattern != "":
		return "what matches " + s.Pattern
	case s.MaxLength != nil && s.MinLength > 0:
		return fmt.Sprintf("%d to %d characters", s.MinLength, *s.MaxLength)
	case s.MaxLength != nil:
		return fmt.Sprintf("at most %d characters, or leave it out", *s.MaxLength)
	}
	return ""
}

func bounds(s *openapi3.Schema) string {
	above, below := s.ExclusiveMin.Value, s.ExclusiveMax.Value
	switch {
	case above != nil && below != nil:
		return fmt.Sprintf(" between %v and %v", *above, *below)
	case s.Min != nil && s.Max != nil:
		return fmt.Sprintf(" from %v to %v", *s.Min, *s.Max)
	case s.Min != nil:
		return fmt.Sprintf(", at least %v", *s.Min)
	case s.Max != nil:
		return fmt.Sprintf(", at most %v", *s.Max)
	}
	return ""
}
