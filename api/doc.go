// Package api serves Phaseline over HTTP: the REST API of openapi.yaml, its
// reference page, /metrics, health checks and the UI's files.
//
// openapi.yaml is the source of truth. The server's routes, parameters and
// bodies are generated from it; requests are checked against it before a
// handler sees them, and tests check every response against it.
package api

import _ "embed"

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config oapi-codegen.yaml openapi.yaml

//go:embed openapi.yaml
var specification []byte
