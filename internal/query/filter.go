package query

import (
	"encoding/csv"
	"encoding/hex"
	"regexp/syntax"
	"strings"
)

// String writes the filter as ParseFilter reads it.
func (f Filter) String() string {
	if f.Operator == In {
		var b strings.Builder
		w := csv.NewWriter(&b)
		_ = w.Write(f.Values)
		w.Flush()
		return f.Dimension + " in " + strings.TrimSuffix(b.String(), "\n")
	}
	return f.Dimension + string(f.Operator) + strings.Join(f.Values, ",")
}

// Validate refuses a filter that no question takes.
func (f Filter) Validate() error {
	_, err := f.check()
	return err
}

// condition is a filter that was checked.
type condition struct {
	column
	operator Operator
	value    any // string, or []string for In
}

func checkFilters(filters []Filter) ([]condition, error) {
	if len(filters) > maxFilters {
		return nil, tooLarge("filter", "%d filters are too many; at most %d", len(filters), maxFilters)
	}
	conditions := make([]condition, 0, len(filters))
	for _, f := range filters {
		c, err := f.check()
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
	}
	return conditions, nil
}

func (f Filter) check() (condition, error) {
	col, err := lookUp("filter", f.Dimension)
	if err != nil {
		return condition{}, err
	}
	size := 0
	for _, v := range f.Values {
		size += len(v)
	}
	if size > maxFilterSize || len(f.Values) > maxValues {
		return condition{}, tooLarge("filter", "the values of %s are too long; at most %d values of %d bytes in all", f.Dimension, maxValues, maxFilterSize)
	}
	c := condition{column: col, operator: f.Operator}
	if f.Operator == In {
		c.value = f.Values
		return c, nil
	}
	if len(f.Values) != 1 {
		return condition{}, invalid("filter", "%s %s takes one value", f.Dimension, f.Operator)
	}
	switch f.Operator {
	case Equal, NotEqual:
		c.value = f.Values[0]
	case Matches:
		parsed, err := syntax.Parse(f.Values[0], syntax.Perl)
		if err != nil {
			return condition{}, invalid("filter", "%s: %v; the syntax is that of RE2", f.Dimension, err)
		}
		// From the parsed form: a \Q without its end would swallow the anchor.
		c.value = `\A(?:` + parsed.String() + `)\z`
	default:
		e := invalid("filter", "there is no operator %q", f.Operator)
		e.Allowed = []string{string(Equal), string(NotEqual), string(Matches), string(In)}
		return condition{}, e
	}
	return c, nil
}

// write appends the condition as SQL over the table of tier.
func (c condition) write(s *statement, tier Tier) {
	if c.name == "flag" {
		c.writeFlag(s)
		return
	}
	// By its bytes, so that the index of trace_id is used.
	if id, ok := c.value.(string); ok && c.name == "trace_id" && c.operator == Equal {
		if raw, err := hex.DecodeString(id); err == nil && len(raw) == 16 {
			s.add("trace_id = unhex(").bind("String", id).add(")")
			return
		}
	}
	switch c.operator {
	case Equal:
		c.column.write(s, tier)
		s.add(" = ").bind("String", c.value)
	case NotEqual:
		c.column.write(s, tier)
		s.add(" != ").bind("String", c.value)
	case Matches:
		s.add("match(")
		c.column.write(s, tier)
		s.add(", ").bind("String", c.value).add(")")
	case In:
		c.column.write(s, tier)
		s.add(" IN ").bind("Array(String)", c.value)
	}
}

// writeFlag asks the list of flags: any of them for every operator but !=.
func (c condition) writeFlag(s *statement) {
	switch c.operator {
	case Equal:
		s.add("has(flags, ").bind("String", c.value).add(")")
	case NotEqual:
		s.add("NOT has(flags, ").bind("String", c.value).add(")")
	case Matches:
		s.add("arrayExists(f -> match(f, ").bind("String", c.value).add("), flags)")
	case In:
		s.add("hasAny(flags, ").bind("Array(String)", c.value).add(")")
	}
}
