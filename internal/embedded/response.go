package embedded

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/ClickHouse/ch-go/compress"
	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// response writes Native blocks, and errors the way ClickHouse does: as a status and a
// header before the first block, as a marked text in the body after it.
type response struct {
	w          http.ResponseWriter
	compressor *compress.Writer
	started    bool
}

func newResponse(w http.ResponseWriter) *response { return &response{w: w} }

func (o *response) setCompression(method string) error {
	switch method {
	case "":
	case "LZ4":
		o.compressor = compress.NewWriter(0, compress.LZ4)
	case "ZSTD":
		o.compressor = compress.NewWriter(0, compress.ZSTD)
	default:
		return refuse("compression " + method + " is not supported by the embedded engine, nor of use on one machine")
	}
	return nil
}

// emit sends data on at once, so that the client reads while the engine works.
func (o *response) emit(data []byte) error {
	if o.compressor != nil {
		if err := o.compressor.Compress(data); err != nil {
			return fmt.Errorf("compress the answer: %w", err)
		}
		data = o.compressor.Data
	}
	if !o.started {
		o.started = true
		o.w.Header().Set("Content-Type", "application/octet-stream")
	}
	if _, err := o.w.Write(data); err != nil {
		return fmt.Errorf("send the answer: %w", err)
	}
	return http.NewResponseController(o.w).Flush()
}

// finish ends an answer without blocks; clickhouse-go wants its length to be 0.
func (o *response) finish() error {
	if !o.started {
		o.w.Header().Set("Content-Length", "0")
		o.w.WriteHeader(http.StatusOK)
	}
	return nil
}

func (o *response) fail(err error) {
	code, message := "1002", "Code: 1002. DB::Exception: "+err.Error()+" (UNKNOWN_EXCEPTION)"
	if q := new(queryError); errors.As(err, &q) {
		code, message = q.code, q.message
	}
	if !o.started {
		o.w.Header().Set("X-ClickHouse-Exception-Code", code)
		http.Error(o.w, message, http.StatusInternalServerError)
		return
	}
	if len(message) > 8<<10 {
		message = message[:8<<10] // the driver looks for the marker in the last 16 KiB
	}
	tag := rand.Text()[:16]
	fmt.Fprintf(o.w, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", tag, message, len(message), tag)
}

// helloBlock asks the engine what the driver's greeting asks for. Revision 0 makes the driver
// decode all later blocks without the headers of newer protocol revisions, as libchdb writes
// them; this one block it decodes at its own revision.
func helloBlock(conn *connection) ([]byte, error) {
	data, err := conn.exec("SELECT 'phaseline', version(), toUInt32(0), timezone()", nil)
	if err != nil {
		return nil, err
	}
	block := proto.NewBlock()
	if err := block.Decode(chproto.NewReader(bytes.NewReader(data)), 0); err != nil {
		return nil, fmt.Errorf("decode the engine's first answer: %w", err)
	}
	var buf chproto.Buffer
	if err := block.Encode(&buf, clickhouse.ClientTCPProtocolVersion); err != nil {
		return nil, fmt.Errorf("encode the greeting: %w", err)
	}
	return buf.Buf, nil
}

// requestBody returns the body as the driver wrote it before compression.
func requestBody(r *http.Request, compressed bool) (io.Reader, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" {
		return nil, refuse("Content-Encoding " + encoding + " is not supported by the embedded engine, nor of use on one machine")
	}
	if !compressed {
		return r.Body, nil
	}
	reader := chproto.NewReader(r.Body)
	reader.EnableCompression()
	return plainEOF{reader}, nil
}

// plainEOF unwraps the end of file that ch-go's reader reports in a context of its own;
// io.Copy knows the plain one only.
type plainEOF struct{ io.Reader }

func (r plainEOF) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n, err
}
