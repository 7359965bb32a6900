package api

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// exampleRequest is an address that asks an operation with those parameters
// that the specification has an example of.
func exampleRequest(path string, parameters []*openapi3.Parameter) string {
	var query []string
	for _, p := range parameters {
		if p.In == openapi3.ParameterInPath {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(exampleText(p)))
			continue
		}
		values := []any{p.Example}
		if list, ok := p.Example.([]any); ok {
			values = list
		}
		for _, value := range values {
			text, isText := value.(string)
			if !isText && value != nil {
				text = string(marshal(value))
			}
			if text != "" {
				query = append(query, url.QueryEscape(p.Name)+"="+url.QueryEscape(text))
			}
		}
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	return path
}

func exampleText(p *openapi3.Parameter) string {
	for _, value := range append([]any{p.Example}, p.Schema.Value.Examples...) {
		if text, ok := value.(string); ok {
			return text
		}
	}
	return p.Name
}

// exampleJSON is what a document of a schema looks like: the examples of its
// fields, one item for each list.
func exampleJSON(ref *openapi3.SchemaRef) string {
	if ref == nil || len(ref.Value.Properties) == 0 {
		return ""
	}
	var b strings.Builder
	writeExample(&b, ref.Value, "\n")
	return b.String()
}

func writeExample(b *strings.Builder, s *openapi3.Schema, indent string) {
	inner := indent + "  "
	switch {
	case len(s.Examples) > 0:
		b.Write(marshal(s.Examples[0]))
	case len(s.Enum) > 0:
		b.Write(marshal(s.Enum[0]))
	case len(s.OneOf) > 0:
		writeExample(b, s.OneOf[0].Value, indent)
	case s.Type.Includes(openapi3.TypeArray):
		b.WriteString("[")
		if item := s.Items.Value; len(item.Properties) == 0 {
			writeExample(b, item, indent)
		} else {
			b.WriteString(inner)
			writeExample(b, item, inner)
			b.WriteString(indent)
		}
		b.WriteString("]")
	case len(s.Properties) > 0:
		b.WriteString("{")
		for i, name := range fieldOrder(s) {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(inner)
			b.Write(marshal(name))
			b.WriteString(": ")
			writeExample(b, s.Properties[name].Value, inner)
		}
		b.WriteString(indent + "}")
	case s.Type.Includes(openapi3.TypeObject):
		b.WriteString("{}")
	case s.Type.Includes(openapi3.TypeInteger), s.Type.Includes(openapi3.TypeNumber):
		b.WriteString("1")
	case s.Type.Includes(openapi3.TypeBoolean):
		b.WriteString("false")
	case s.Format == "date-time":
		b.WriteString(`"2026-03-01T14:05:00Z"`)
	default:
		b.WriteString(`""`)
	}
}

func marshal(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // the specification's own text and numbers
	}
	return text
}

// fieldOrder is the specification's where it has one: that of the required
// fields. The others follow.
func fieldOrder(s *openapi3.Schema) []string {
	order := slices.Clone(s.Required)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	return order
}
