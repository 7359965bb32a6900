package embedded

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxStatement = 16 << 20 // bytes of SQL
	maxInsert    = 1 << 30  // bytes of one insert's data

	// How long an insert of rows may take: insertLimit, and a second more for each
	// insertRate bytes. Rarely, the engine was seen to never end one. Its sender repeats it
	// once the process is another, so patience as with a query would only delay the rows.
	insertLimit = 30 * time.Second
	insertRate  = 4 << 20

	// A statement that is still there this long after it was killed never ends. Then the
	// process does, and the parent starts another: a thread inside the engine cannot be stopped.
	killLimit = 10 * time.Second
)

// handler answers the part of ClickHouse's HTTP interface that clickhouse-go uses.
type handler struct {
	lib      *chdb
	args     []string
	hello    []byte        // the answer to the driver's greeting
	slots    chan struct{} // statements at once
	sessions sessions      // that may be used again
	fail     func(error)   // ends the process
}

func newHandler(lib *chdb, args []string, hello []byte) *handler {
	return &handler{
		lib: lib, args: args, hello: hello,
		slots: make(chan struct{}, maxConns),
		fail: func(err error) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		},
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := newResponse(w)
	s, err := readStatement(r)
	if err == nil {
		defer s.close()
		err = h.run(r.Context(), s, out)
	}
	if err == nil {
		err = out.finish()
	}
	if err != nil {
		out.fail(err)
	}
}

// hello is the query by which clickhouse-go greets a server.
const hello = "SELECT displayName(), version(), revision(), timezone()"

func (h *handler) run(ctx context.Context, s *statement, out *response) error {
	if err := out.setCompression(s.compress); err != nil {
		return err
	}
	if s.sql == hello {
		return out.emit(h.hello)
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	in, err := h.session(s)
	if err != nil {
		return err
	}
	ended := h.watch(ctx, s, in)
	err = h.answer(in.conn, s, out)
	if ended() && err == nil && s.streams() {
		h.sessions.keep(in)
	} else {
		in.conn.close()
	}
	return err
}

func (h *handler) answer(conn *connection, s *statement, out *response) error {
	if s.streams() {
		return conn.stream(s.sql, s.params, out.emit)
	}
	data, err := conn.exec(s.sql, s.params)
	if err != nil || len(data) == 0 {
		return err
	}
	return out.emit(data)
}

// session is one for the statement: of a SELECT, one that other SELECTs with the
// same settings had.
func (h *handler) session(s *statement) (*session, error) {
	if s.streams() {
		if kept := h.sessions.take(s.sessionName()); kept != nil {
			return kept, nil
		}
	}
	conn, err := h.lib.open(h.args)
	if err != nil {
		return nil, err
	}
	x := &session{name: s.sessionName(), id: rand.Text(), conn: conn}
	if err := s.prepare(conn, x.id); err != nil {
		conn.close()
		return nil, err
	}
	return x, nil
}

// watch kills the statement when its client leaves or its time is up, until the returned
// function is called. That says whether nothing was killed. The engine checks
// max_execution_time itself, but not everywhere.
func (h *handler) watch(ctx context.Context, s *statement, x *session) (ended func() bool) {
	done := make(chan struct{})
	var over atomic.Bool // either way
	go func() {
		limit := time.NewTimer(s.limit + time.Second)
		defer limit.Stop()
		select {
		case <-done:
			return
		case <-ctx.Done():
		case <-limit.C:
		}
		if over.Swap(true) {
			return // it just ended, and the session may be another statement's by now
		}
		h.kill(x)
		select {
		case <-done:
		case <-time.After(killLimit):
			h.fail(fmt.Errorf("a statement does not end, though it was killed %s ago; the engine's process gives up: %.500s", killLimit, s.sql))
		}
	}()
	return func() bool {
		close(done)
		return !over.Swap(true)
	}
}

// kill asks the engine to cancel the session's statement. SYNC was seen to hang, so it
// does not wait.
func (h *handler) kill(x *session) {
	conn, err := h.lib.open(h.args)
	if err != nil {
		return // the statement's limits remain
	}
	defer conn.close()
	_, _ = conn.exec("KILL QUERY WHERE Settings['log_comment'] = "+quote(x.id)+" ASYNC", nil)
}

// statement is one request: SQL, its bound parameters and its settings.
type statement struct {
	sql      string
	database string
	params   []parameter
	settings []parameter
	limit    time.Duration
	compress string   // the driver's wish: LZ4, ZSTD or empty
	data     *os.File // an insert's rows
}

// Parameters of the HTTP interface that are no settings. What they ask for is fixed here
// (Native format, no authentication on a private socket) or has no meaning in one process.
var ignoredParameters = []string{
	"default_format", "client_protocol_version", "query_id", "quota_key", "user", "password",
	"wait_end_of_query", "buffer_size", "network_compression_method", "network_zstd_compression_level",
}

var settingName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func readStatement(r *http.Request) (*statement, error) {
	if r.Method != http.MethodPost {
		return nil, refuse("only POST is served")
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return nil, refuse("external tables are not supported by the embedded engine")
	}
	query := r.URL.Query()
	s := &statement{limit: StatementLimit}
	for name, values := range query {
		value := values[len(values)-1]
		switch bound, isParam := strings.CutPrefix(name, "param_"); {
		case isParam:
			s.params = append(s.params, parameter{bound, value})
		case name == "query" || name == "compress" || name == "decompress" || slices.Contains(ignoredParameters, name):
		case name == "database":
			s.database = value
		case name == "session_id":
			return nil, refuse("sessions are not supported by the embedded engine")
		case !settingName.MatchString(name):
			return nil, refuse(fmt.Sprintf("%q is no name of a setting", name))
		default:
			s.settings = append(s.settings, parameter{name, value})
		}
		if seconds, err := strconv.ParseFloat(value, 64); name == "max_execution_time" && err == nil && seconds > 0 {
			s.limit = time.Duration(seconds * float64(time.Second))
		}
	}
	// Once readonly is set no setting can be changed any more, so it comes last.
	slices.SortFunc(s.settings, func(a, b parameter) int {
		return cmp.Or(boolInt(a.name == "readonly")-boolInt(b.name == "readonly"), strings.Compare(a.name, b.name))
	})
	if query.Get("compress") == "1" {
		s.compress = query.Get("network_compression_method")
	}
	return s, s.readBody(r, query)
}

// readBody takes the SQL from the body, or from the query parameter; then the body is the
// data of an insert.
func (s *statement) readBody(r *http.Request, query url.Values) error {
	body, err := requestBody(r, query.Get("decompress") == "1")
	if err != nil {
		return err
	}
	if !query.Has("query") {
		sql, err := io.ReadAll(io.LimitReader(body, maxStatement+1))
		if err != nil {
			return fmt.Errorf("read the statement: %w", err)
		}
		if len(sql) > maxStatement {
			return refuse("the statement is too long; send rows as a batch")
		}
		s.sql = string(sql)
		return nil
	}
	s.sql = query.Get("query")
	const suffix = " FORMAT Native"
	insert, ok := strings.CutSuffix(s.sql, suffix)
	if !ok {
		return refuse("data is taken for INSERT … FORMAT Native only")
	}
	if s.data, err = memoryFile(); err != nil {
		return err
	}
	n, err := io.Copy(s.data, io.LimitReader(body, maxInsert+1))
	if err == nil && n > maxInsert {
		err = refuse("the insert is larger than 1 GiB; send smaller batches")
	}
	if err != nil {
		s.close()
		return fmt.Errorf("read the rows to insert: %w", err)
	}
	s.limit = min(s.limit, insertLimit+time.Duration(n)*time.Second/insertRate)
	// Inline binary data would be cut at its first newline, so the engine reads a file.
	s.sql = insert + " FROM INFILE " + quote(memoryPath(s.data)) + " COMPRESSION 'none'" + suffix
	return nil
}

func (s *statement) close() {
	if s.data != nil {
		closeMemoryFile(s.data)
	}
}

// sessionName says what the statement wants of its session.
func (s *statement) sessionName() string { return fmt.Sprintf("%q %q", s.database, s.settings) }

// prepare gives the session its id, its database and its settings.
func (s *statement) prepare(conn *connection, id string) error {
	if s.database != "" && s.database != "default" {
		if _, err := conn.exec("USE "+identifier(s.database), nil); err != nil {
			return err
		}
	}
	// The engine chooses query_id itself.
	set := []string{"log_comment = " + quote(id)}
	for _, p := range s.settings {
		if p.name != "log_comment" {
			set = append(set, p.name+" = "+quote(p.value))
		}
	}
	_, err := conn.exec("SET "+strings.Join(set, ", "), nil)
	return err
}

var streamed = regexp.MustCompile(`(?is)^(\s|--[^\n]*\n|/\*.*?\*/|\()*(SELECT|WITH)\b`)

// streams says whether the engine can stream the statement's answer: it refuses to for
// anything but a SELECT.
func (s *statement) streams() bool { return streamed.MatchString(s.sql) }

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

var quoteEscaper = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

func quote(s string) string { return "'" + quoteEscaper.Replace(s) + "'" }

func identifier(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(s) + "`"
}

// refuse is an error with ClickHouse's code for what is not implemented.
func refuse(message string) error {
	return &queryError{code: "48", message: "Code: 48. DB::Exception: " + message + " (NOT_IMPLEMENTED)"}
}
