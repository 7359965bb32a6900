package api

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
)

//go:embed reference
var referenceFiles embed.FS

// addReference serves the specification as a page at /api. It is rendered once:
// the specification does not change while the process runs.
func (s *server) addReference(r *gin.Engine) error {
	page, err := template.New("page.html").Funcs(template.FuncMap{
		"schema": describeSchema, "prose": prose, "sample": exampleJSON, "anchor": func(name string) string { return "schema-" + name },
	}).ParseFS(referenceFiles, "reference/page.html")
	if err != nil {
		return fmt.Errorf("read the reference page: %w", err)
	}
	var html bytes.Buffer
	if err := page.Execute(&html, newReference(s.spec)); err != nil {
		return fmt.Errorf("render the reference page: %w", err)
	}
	style, err := referenceFiles.ReadFile("reference/style.css")
	if err != nil {
		return fmt.Errorf("read the reference page's style: %w", err)
	}
	serve := func(kind string, body []byte) gin.HandlerFunc {
		return func(c *gin.Context) {
			c.Header("Cache-Control", "no-cache")
			c.Data(http.StatusOK, kind, body)
		}
	}
	r.GET("/api", serve("text/html; charset=utf-8", html.Bytes()))
	r.GET("/api/reference.css", serve("text/css; charset=utf-8", style))
	return nil
}

type reference struct {
	Info    *openapi3.Info
	Tags    []referenceTag
	Schemas []referenceSchema
	Problem string
}

type referenceTag struct {
	Name, Description string
	Operations        []referenceOperation
}

type referenceOperation struct {
	*openapi3.Operation
	Method, Path string
	Short        string // the path as the specification has it
	Parameters   []*openapi3.Parameter
	Body         *openapi3.SchemaRef
	Answers      []referenceAnswer
	Example      string // an address to ask, for what only reads
	Sample       string // what the answer looks like
}

type referenceAnswer struct {
	Status, Type string
	Schema       *openapi3.SchemaRef
}

type referenceSchema struct {
	Name string
	*openapi3.Schema
	Limits string
	Fields []referenceField
}

type referenceField struct {
	Name     string
	Required bool
	Ref      *openapi3.SchemaRef
}

func newReference(spec *openapi3.T) reference {
	ref := reference{Info: spec.Info, Problem: *spec.Components.Responses["Problem"].Value.Description}
	for _, tag := range spec.Tags {
		ref.Tags = append(ref.Tags, referenceTag{Name: tag.Name, Description: tag.Description, Operations: operations(spec, tag.Name)})
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Components.Schemas)) {
		schema := referenceSchema{Name: name, Schema: spec.Components.Schemas[name].Value}
		schema.Limits = limitsOf(schema.Schema)
		for _, field := range fieldOrder(schema.Schema) {
			schema.Fields = append(schema.Fields, referenceField{field, slices.Contains(schema.Required, field), schema.Properties[field]})
		}
		ref.Schemas = append(ref.Schemas, schema)
	}
	return ref
}

func operations(spec *openapi3.T, tag string) []referenceOperation {
	var found []referenceOperation
	for _, path := range slices.Sorted(maps.Keys(spec.Paths.Map())) {
		item := spec.Paths.Value(path)
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
			op := item.GetOperation(method)
			if op == nil || !slices.Contains(op.Tags, tag) {
				continue
			}
			entry := referenceOperation{Operation: op, Method: method, Path: prefix + path, Short: path}
			for _, p := range slices.Concat(item.Parameters, op.Parameters) {
				entry.Parameters = append(entry.Parameters, p.Value)
			}
			if op.RequestBody != nil {
				entry.Body = op.RequestBody.Value.Content.Get("application/json").Schema
			}
			for _, status := range slices.Sorted(maps.Keys(op.Responses.Map())) {
				answer := op.Responses.Value(status).Value
				for _, kind := range slices.Sorted(maps.Keys(answer.Content)) {
					entry.Answers = append(entry.Answers, referenceAnswer{status, kind, answer.Content[kind].Schema})
					if kind == "application/json" {
						entry.Sample = exampleJSON(answer.Content[kind].Schema)
					}
				}
				if len(answer.Content) == 0 {
					entry.Answers = append(entry.Answers, referenceAnswer{Status: status})
				}
			}
			if method == http.MethodGet {
				entry.Example = exampleRequest(entry.Path, entry.Parameters)
			}
			found = append(found, entry)
		}
	}
	return found
}

// shape is a schema in one line: words, with the name of a component to link to
// between them.
type shape struct {
	Before, Link, After string
	Limits              string
	Description         string
}

func describeSchema(ref *openapi3.SchemaRef) shape {
	if ref == nil {
		return shape{}
	}
	out := shape{Description: ref.Value.Description}
	if name, ok := strings.CutPrefix(ref.Ref, "#/components/schemas/"); ok {
		out.Link, out.Limits = name, limitsOf(ref.Value)
		return out
	}
	s := ref.Value
	switch {
	case s.Items != nil:
		inner := describeSchema(s.Items)
		out.Before, out.Link, out.After = "array of "+inner.Before, inner.Link, inner.After
	case len(s.OneOf) == 2 && s.OneOf[1].Value.Type.Is("null"):
		inner := describeSchema(s.OneOf[0])
		out.Before, out.Link, out.After = inner.Before, inner.Link, inner.After+" or null"
	case s.AdditionalProperties.Schema != nil:
		inner := describeSchema(s.AdditionalProperties.Schema)
		out.Before, out.Link, out.After = "object of "+inner.Before, inner.Link, inner.After
	default:
		out.Before = strings.Join(s.Type.Slice(), " or ")
		if s.Format != "" {
			out.Before += " (" + s.Format + ")"
		}
	}
	out.Limits = limitsOf(s)
	return out
}

func limitsOf(s *openapi3.Schema) string {
	var parts []string
	if len(s.Enum) > 0 {
		values := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			values[i] = fmt.Sprint(v)
		}
		parts = append(parts, "one of "+strings.Join(values, ", "))
	}
	if s.Min != nil {
		parts = append(parts, fmt.Sprintf("at least %v", *s.Min))
	}
	if s.Max != nil {
		parts = append(parts, fmt.Sprintf("at most %v", *s.Max))
	}
	if s.MaxItems != nil {
		parts = append(parts, fmt.Sprintf("at most %d items", *s.MaxItems))
	}
	if s.Default != nil && fmt.Sprint(s.Default) != "" && fmt.Sprint(s.Default) != "[]" {
		parts = append(parts, fmt.Sprintf("default %v", s.Default))
	}
	return strings.Join(parts, "; ")
}
