package embedded

import (
	"regexp"
)

// queryError is an exception of the engine: its ClickHouse code, and its text as the
// engine wrote it.
type queryError struct {
	code    string
	message string
}

func (e *queryError) Error() string { return e.message }

var codePrefix = regexp.MustCompile(`Code:\s*(\d+)\.`)

func newQueryError(message string) *queryError {
	e := &queryError{code: "1002", message: message} // UNKNOWN_EXCEPTION
	if m := codePrefix.FindStringSubmatch(message); m != nil {
		e.code = m[1]
	}
	return e
}
