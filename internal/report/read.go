// Package report reads OTLP files and prints what their requests decompose into.
package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
)

// ReadFiles reads the spans of OTLP files, JSON or protobuf, as one set. The
// name "-" stands for stdin. A JSON file may hold several documents, as the
// collector's file exporter writes them.
func ReadFiles(names []string, stdin io.Reader, reader *dialect.Reader) ([]dialect.Facts, error) {
	var spans []dialect.Facts
	for _, name := range names {
		data, err := readFile(name, stdin)
		if err != nil {
			return nil, err
		}
		if name == "-" {
			name = "standard input"
		}
		more, err := read(data, reader)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		spans = append(spans, more...)
	}
	return spans, nil
}

func readFile(name string, stdin io.Reader) ([]byte, error) {
	if name != "-" {
		return os.ReadFile(name)
	}
	data, err := io.ReadAll(stdin)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return data, nil
}

func read(data []byte, reader *dialect.Reader) ([]dialect.Facts, error) {
	trimmed := bytes.TrimLeft(data, " \t\r\n\ufeff")
	if len(trimmed) == 0 {
		return nil, errors.New("empty: expected an OTLP trace export, JSON or protobuf")
	}
	if trimmed[0] != '{' && trimmed[0] != '[' {
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
		if err != nil {
			return nil, fmt.Errorf("neither OTLP/JSON, which begins with {, nor OTLP protobuf: %w", err)
		}
		return reader.ReadTraces(td), nil
	}
	var spans []dialect.Facts
	documents := json.NewDecoder(bytes.NewReader(trimmed))
	for {
		var document json.RawMessage
		if err := documents.Decode(&document); err == io.EOF {
			return spans, nil
		} else if err != nil {
			return nil, fmt.Errorf("not valid JSON: %w", err)
		}
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(document)
		if err != nil {
			return nil, fmt.Errorf("not an OTLP trace export (expected {\"resourceSpans\": […]}): %w", err)
		}
		if td.ResourceSpans().Len() == 0 && !bytes.Contains(document, []byte("resourceSpans")) {
			return nil, errors.New("not an OTLP trace export: no resourceSpans")
		}
		spans = append(spans, reader.ReadTraces(td)...)
	}
}
