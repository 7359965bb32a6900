package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/query"
)

const problemType = "urn:phaseline:problem:"

// retryAfter is how many seconds a client should wait after a 503: about as
// long as a restart of the embedded engine takes.
const retryAfter = "2"

// Codes of problems beside those of internal/query.
const (
	codeUnauthorized query.Code = "unauthorized"
	codeForbidden    query.Code = "forbidden"
	codeNoMethod     query.Code = "method_not_allowed"
	CodeConflict     query.Code = "conflict"
	codeBodyTooLarge query.Code = "body_too_large"
	codeMediaType    query.Code = "unsupported_media_type"
	codeInternal     query.Code = "internal"
)

// statuses is the one place that maps a code to HTTP.
var statuses = map[query.Code]int{
	query.CodeInvalid:     http.StatusBadRequest,
	codeUnauthorized:      http.StatusUnauthorized,
	codeForbidden:         http.StatusForbidden,
	query.CodeNotFound:    http.StatusNotFound,
	codeNoMethod:          http.StatusMethodNotAllowed,
	CodeConflict:          http.StatusConflict,
	codeBodyTooLarge:      http.StatusRequestEntityTooLarge,
	codeMediaType:         http.StatusUnsupportedMediaType,
	query.CodeTooLarge:    http.StatusUnprocessableEntity,
	codeInternal:          http.StatusInternalServerError,
	query.CodeUnavailable: http.StatusServiceUnavailable,
	query.CodeTimeout:     http.StatusServiceUnavailable,
}

var titles = map[query.Code]string{
	query.CodeInvalid:     "The question makes no sense as asked",
	codeUnauthorized:      "A bearer token is needed",
	codeForbidden:         "Not from there",
	query.CodeNotFound:    "There is no such thing",
	codeNoMethod:          "Not by this method",
	CodeConflict:          "That cannot be changed so",
	codeBodyTooLarge:      "The body is too large",
	codeMediaType:         "The body must be JSON",
	query.CodeTooLarge:    "The answer would pass a limit",
	codeInternal:          "A fault in Phaseline",
	query.CodeUnavailable: "The store cannot answer now",
	query.CodeTimeout:     "The answer took too long",
}

func failure(code query.Code, parameter, format string, a ...any) *query.Error {
	return &query.Error{Code: code, Parameter: parameter, Message: fmt.Sprintf(format, a...)}
}

// fail ends the request with a problem document. An error that is no
// query.Error is a fault of ours: its text goes to the log only.
func (s *server) fail(c *gin.Context, err error) {
	if errors.Is(err, context.Canceled) && c.Request.Context().Err() != nil {
		c.Abort() // nobody is there to read an answer
		return
	}
	var known *query.Error
	if !errors.As(err, &known) {
		if errors.Is(err, context.DeadlineExceeded) {
			known = failure(query.CodeTimeout, "", "it did not finish in time; ask for a shorter range or fewer groups")
		} else {
			s.Logger.Error("request failed", zap.String("request_id", requestID(c)), zap.String("path", c.FullPath()), zap.Error(err))
			known = failure(codeInternal, "", "the log has the cause under request id %s", requestID(c))
		}
	}
	status, ok := statuses[known.Code]
	if !ok {
		s.Logger.Error("unknown error code", zap.String("code", string(known.Code)), zap.Error(err))
		known, status = failure(codeInternal, "", "the log has the cause under request id %s", requestID(c)), http.StatusInternalServerError
	}
	problem := Problem{
		Type: problemType + string(known.Code), Title: titles[known.Code], Status: status,
		Detail: known.Message, Instance: new(requestID(c)),
	}
	if known.Parameter != "" {
		problem.Parameter = &known.Parameter
	}
	if len(known.Allowed) > 0 {
		problem.Allowed = &known.Allowed
	}
	if status == http.StatusServiceUnavailable {
		c.Header("Retry-After", retryAfter)
		s.Logger.Warn("query failed", zap.String("request_id", requestID(c)), zap.String("path", c.FullPath()), zap.Error(err))
	}
	body, err := json.Marshal(problem)
	if err != nil {
		panic(err) // strings and an integer always marshal
	}
	c.Abort()
	c.Data(status, "application/problem+json", append(body, '\n'))
}
