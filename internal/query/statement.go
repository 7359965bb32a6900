package query

import (
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// fragment is a piece of SQL that stands in this package's source. Only
// constants are ever converted to it (a test reads the source and says so), so
// that no text from a question can become SQL.
type fragment string

// statement is SQL put together from fragments, with its bound parameters.
type statement struct {
	sql  strings.Builder
	args []any
}

// add appends fragments as they are.
func (s *statement) add(fragments ...fragment) *statement {
	for _, f := range fragments {
		s.sql.WriteString(string(f))
	}
	return s
}

// bind appends a server-side parameter of the given ClickHouse type.
func (s *statement) bind(kind fragment, value any) *statement {
	name := "p" + strconv.Itoa(len(s.args))
	s.args = append(s.args, clickhouse.Named(name, value))
	s.sql.WriteString("{" + name + ":" + string(kind) + "}")
	return s
}

// list appends the items with a separator between them.
func list[T any](s *statement, separator fragment, items []T, write func(T)) *statement {
	for i, item := range items {
		if i > 0 {
			s.add(separator)
		}
		write(item)
	}
	return s
}
