package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

func loadSpec(t testing.TB) *openapi3.T {
	t.Helper()
	spec, err := openapi3.NewLoader().LoadFromData(specification)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestSpecificationIsValid(t *testing.T) {
	if err := loadSpec(t).Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestGeneratedCodeIsCurrent(t *testing.T) {
	config, err := os.ReadFile("oapi-codegen.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, command, ok := strings.Cut(string(doc), "//go:generate go ")
	command, _, _ = strings.Cut(command, "\n")
	if !ok {
		t.Fatal("doc.go has no go:generate line")
	}
	dir := t.TempDir()
	fresh := filepath.Join(dir, "api.gen.go")
	moved := bytes.Replace(config, []byte("output: api.gen.go"), []byte("output: "+fresh), 1)
	if err := os.WriteFile(filepath.Join(dir, "oapi-codegen.yaml"), moved, 0o600); err != nil {
		t.Fatal(err)
	}
	command = strings.Replace(command, "-config oapi-codegen.yaml", "-config "+filepath.Join(dir, "oapi-codegen.yaml"), 1)
	if output, err := exec.Command("go", strings.Fields(command)...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", command, err, output)
	}
	want, err := os.ReadFile(fresh)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("api.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("api.gen.go is not what openapi.yaml gives: run `go generate ./api`")
	}
}

func TestEveryRouteIsSpecifiedAndServed(t *testing.T) {
	s := &server{Options: must(Options{Questions: away, Store: func() StoreStatus { return StoreStatus{} }}.withDefaults()), spec: loadSpec(t)}
	router, err := s.router()
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, route := range router.Routes() {
		if strings.HasPrefix(route.Path, prefix) {
			served[route.Method+" "+specPath(route.Path)] = true
		}
	}
	specified := map[string]bool{}
	for path, item := range s.spec.Paths.Map() {
		for method := range item.Operations() {
			specified[method+" "+path] = true
		}
	}
	if !maps.Equal(served, specified) {
		t.Errorf("served:    %v\nspecified: %v", slices.Sorted(maps.Keys(served)), slices.Sorted(maps.Keys(specified)))
	}
}

// Every status of a problem is in the description of the answer that carries
// problems, under its code.
func TestProblemsAreDocumented(t *testing.T) {
	spec := loadSpec(t)
	description := *spec.Components.Responses["Problem"].Value.Description
	pattern := spec.Components.Schemas["Problem"].Value.Properties["type"].Value.Pattern
	for code, status := range statuses {
		if !strings.Contains(description, fmt.Sprint(status)) || !strings.Contains(description, "`"+string(code)+"`") {
			t.Errorf("%d `%s` is not in the description of the Problem response", status, code)
		}
		if !strings.Contains(pattern, string(code)) {
			t.Errorf("%s is not in the pattern of Problem.type", code)
		}
		if titles[code] == "" {
			t.Errorf("%s has no title", code)
		}
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// The Go types of answers have exactly the fields that the specification has:
// a field that is always written is required, a pointer may be null.
func TestTypesMatchTheSpecification(t *testing.T) {
	spec := loadSpec(t)
	for name, value := range map[string]any{
		"Breakdown": Breakdown{}, "TimeSeries": TimeSeries{}, "Heatmap": Heatmap{}, "Composition": Composition{},
		"Comparison": Comparison{}, "Distinction": Distinction{}, "RequestList": RequestList{}, "RequestDetail": RequestDetail{},
		"Trace": Trace{}, "DimensionList": DimensionList{}, "DimensionValues": DimensionValues{}, "Quality": Quality{},
		"Status": Status{}, "Setup": Setup{}, "AlertList": AlertList{}, "AlertHistory": AlertHistory{}, "RuleList": RuleList{},
		"StoredRule": StoredRule{}, "RulePreview": RulePreview{}, "EvaluationList": EvaluationList{}, "Problem": Problem{},
	} {
		c := comparison{t: t, done: map[reflect.Type]bool{}}
		c.compare(name, spec.Components.Schemas[name], reflect.TypeOf(value))
	}
}

type comparison struct {
	t    *testing.T
	done map[reflect.Type]bool
}

func (c *comparison) compare(where string, ref *openapi3.SchemaRef, typ reflect.Type) {
	schema := ref.Value
	nullable := schema.Type.Includes("null")
	if len(schema.OneOf) == 2 && schema.OneOf[1].Value.Type.Is("null") {
		schema, nullable = schema.OneOf[0].Value, true
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	} else if nullable {
		c.t.Errorf("%s may be null, but %s is no pointer", where, typ)
	}
	switch {
	case typ == reflect.TypeFor[time.Time]():
		c.want(where, schema, "string")
	case typ.Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()):
		c.want(where, schema, "string")
	case typ.Kind() == reflect.Struct:
		c.want(where, schema, "object")
		if !c.done[typ] {
			c.done[typ] = true
			c.fields(where, schema, typ)
		}
	case typ.Kind() == reflect.Slice:
		if c.want(where, schema, "array") {
			c.compare(where+"[]", schema.Items, typ.Elem())
		}
	case typ.Kind() == reflect.Map:
		if c.want(where, schema, "object") && schema.AdditionalProperties.Schema != nil {
			c.compare(where+"{}", schema.AdditionalProperties.Schema, typ.Elem())
		}
	default:
		c.want(where, schema, map[reflect.Kind]string{
			reflect.String: "string", reflect.Bool: "boolean", reflect.Float64: "number", reflect.Int: "integer", reflect.Int64: "integer",
			reflect.Uint64: "integer",
		}[typ.Kind()])
	}
}

func (c *comparison) want(where string, schema *openapi3.Schema, kind string) bool {
	if !schema.Type.Includes(kind) {
		c.t.Errorf("%s is %v in the specification, %s in Go", where, schema.Type, kind)
		return false
	}
	return true
}

func (c *comparison) fields(where string, schema *openapi3.Schema, typ reflect.Type) {
	seen := map[string]bool{}
	for _, field := range reflect.VisibleFields(typ) {
		tag := field.Tag.Get("json")
		if tag == "" || tag == "-" || !field.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		seen[name] = true
		property := schema.Properties[name]
		if property == nil {
			c.t.Errorf("%s.%s is not in the specification", where, name)
			continue
		}
		if optional := strings.Contains(options, "omit"); optional == slices.Contains(schema.Required, name) {
			c.t.Errorf("%s.%s: required in the specification: %v, left out when empty: %v", where, name, !optional, optional)
		}
		fieldType := field.Type
		if strings.Contains(options, "omit") && fieldType.Kind() == reflect.Pointer {
			fieldType = fieldType.Elem() // left out rather than null
		}
		c.compare(where+"."+name, property, fieldType)
	}
	for name := range schema.Properties {
		if !seen[name] {
			c.t.Errorf("%s.%s is specified, but no field of %s has it", where, name, typ)
		}
	}
}

func TestOpenAPIDocumentIsTheSpecification(t *testing.T) {
	response := get(t, newTestServer(t, Options{}), "/api/v1/openapi.json")
	var served, want any
	if err := json.Unmarshal(response.body, &served); err != nil {
		t.Fatal(err)
	}
	spec, err := json.Marshal(loadSpec(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(spec, &want); err != nil {
		t.Fatal(err)
	}
	strip(want)
	if bytes.Contains(response.body, []byte("x-go-")) {
		t.Error("the document has extensions that name this project's Go types")
	}
	if response.status != http.StatusOK || !reflect.DeepEqual(served, want) {
		t.Errorf("status %d; the document differs from openapi.yaml", response.status)
	}
	if document, err := openapi3.NewLoader().LoadFromData(response.body); err != nil || document.Validate(t.Context()) != nil {
		t.Errorf("the served document does not load again: %v", err)
	}
}

// Whoever reads the specification learns what everything means: it is what the
// reference page and generated clients show.
func TestEverythingIsDescribed(t *testing.T) {
	spec := loadSpec(t)
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || op.Description == "" || len(op.Tags) != 1 {
				t.Errorf("%s %s: summary %q, description %q, tags %v", method, path, op.Summary, op.Description, op.Tags)
			}
			if strings.HasSuffix(op.Summary, ".") {
				t.Errorf("%s %s: a summary is no sentence: %s", method, path, op.Summary)
			}
			for _, p := range slices.Concat(item.Parameters, op.Parameters) {
				if p.Value.Description == "" {
					t.Errorf("%s %s: parameter %s has no description", method, path, p.Value.Name)
				}
				if !snakeCase.MatchString(p.Value.Name) {
					t.Errorf("%s %s: parameter %s is not in snake_case", method, path, p.Value.Name)
				}
			}
		}
	}
	for name, schema := range spec.Components.Schemas {
		if schema.Value.Description == "" {
			t.Errorf("schema %s has no description", name)
		}
		for field, property := range schema.Value.Properties {
			where := name + "." + field
			if property.Value.Description == "" {
				t.Errorf("%s has no description", where)
			}
			if !snakeCase.MatchString(field) {
				t.Errorf("%s is not in snake_case", where)
			}
			// A duration says its unit, and nothing else ends as one does.
			if named, nanoseconds := strings.HasSuffix(field, "_ns"), strings.Contains(property.Value.Description, "anoseconds"); nanoseconds && !named && field != "ns" && name != "Evidence" {
				t.Errorf("%s is in nanoseconds, but its name does not say so", where)
			}
			for _, unit := range []string{"_ms", "_s", "_sec", "_seconds", "_us"} {
				if strings.HasSuffix(field, unit) {
					t.Errorf("%s: durations are in nanoseconds", where)
				}
			}
		}
	}
}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// What the reference page shows as an answer is one by the specification.
func TestExamplesFitTheirSchemas(t *testing.T) {
	shown := 0
	for name, schema := range loadSpec(t).Components.Schemas {
		text := exampleJSON(schema)
		if text == "" {
			continue
		}
		shown++
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Errorf("%s: %v in %s", name, err, text)
			continue
		}
		if err := schema.Value.VisitJSON(value, openapi3.EnableFormatValidation()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if shown < 40 {
		t.Errorf("only %d examples", shown)
	}
}
