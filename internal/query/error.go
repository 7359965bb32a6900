package query

import (
	"fmt"
	"strings"
)

// Code says what kind of failure an Error is.
type Code string

const (
	CodeInvalid     Code = "invalid"     // the question makes no sense as asked
	CodeTooLarge    Code = "too_large"   // the answer would pass a limit
	CodeNotFound    Code = "not_found"   // no such request
	CodeTimeout     Code = "timeout"     // the time limit was reached
	CodeUnavailable Code = "unavailable" // the store cannot answer now; try again
)

// Error is the only error type this package returns, but for the context's own.
type Error struct {
	Code      Code
	Parameter string   // the question's parameter at fault, as the API names it; may be empty
	Message   string   // what was wrong and what to do
	Allowed   []string // the values that would have been right, where they can be listed
	cause     error
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Parameter != "" {
		fmt.Fprintf(&b, "%s: ", e.Parameter)
	}
	b.WriteString(e.Message)
	if len(e.Allowed) > 0 {
		fmt.Fprintf(&b, " (allowed: %s)", strings.Join(e.Allowed, ", "))
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.cause }

func invalid(parameter, format string, a ...any) *Error {
	return &Error{Code: CodeInvalid, Parameter: parameter, Message: fmt.Sprintf(format, a...)}
}

func tooLarge(parameter, format string, a ...any) *Error {
	return &Error{Code: CodeTooLarge, Parameter: parameter, Message: fmt.Sprintf(format, a...)}
}
