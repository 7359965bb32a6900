package embedded

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// chdb is the C interface of libchdb, bound without cgo. One process can hold one engine,
// on one data folder; it lives as long as the first of its connections.
type chdb struct {
	connect       func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConn     func(conn unsafe.Pointer)
	query         func(conn, query unsafe.Pointer, queryLen uint, format unsafe.Pointer, formatLen uint, names, nameLens, values, valueLens unsafe.Pointer, count uint) unsafe.Pointer
	streamQuery   func(conn, query unsafe.Pointer, queryLen uint, format unsafe.Pointer, formatLen uint, names, nameLens, values, valueLens unsafe.Pointer, count uint) unsafe.Pointer
	streamFetch   func(conn, stream unsafe.Pointer) unsafe.Pointer
	streamCancel  func(conn, stream unsafe.Pointer)
	resultBuffer  func(result unsafe.Pointer) unsafe.Pointer
	resultLength  func(result unsafe.Pointer) uint
	resultError   func(result unsafe.Pointer) string
	destroyResult func(result unsafe.Pointer)
	enableSignals func(enabled int32)
}

// loadChdb opens the library and turns its signal handlers off: they do not get along with
// Go's runtime, and a fault in the engine must end the process at once, so that the parent
// sees it.
func loadChdb(path string) (*chdb, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	lib := &chdb{}
	for name, target := range map[string]any{
		"chdb_connect":                     &lib.connect,
		"chdb_close_conn":                  &lib.closeConn,
		"chdb_query_with_params_n":         &lib.query,
		"chdb_stream_query_with_params_n":  &lib.streamQuery,
		"chdb_stream_fetch_result":         &lib.streamFetch,
		"chdb_stream_cancel_query":         &lib.streamCancel,
		"chdb_result_buffer":               &lib.resultBuffer,
		"chdb_result_length":               &lib.resultLength,
		"chdb_result_error":                &lib.resultError,
		"chdb_destroy_query_result":        &lib.destroyResult,
		"chdb_set_signal_handlers_enabled": &lib.enableSignals,
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("%s lacks %s; it must be libchdb 26.5 or newer: %w", path, name, err)
		}
		purego.RegisterFunc(target, symbol)
	}
	lib.enableSignals(0)
	return lib, nil
}

// connection is one session of the engine: its settings and current database are its own.
// It is not safe for concurrent use.
type connection struct {
	lib    *chdb
	handle unsafe.Pointer // chdb_connection *
}

// open starts the engine with args if it is not running yet, and opens a session.
// Every call must have the same args.
func (lib *chdb) open(args []string) (*connection, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	argv := make([]*byte, len(args)+1)
	for i, arg := range args {
		argv[i] = unsafe.StringData(arg + "\x00")
		pin.Pin(argv[i])
	}
	handle := lib.connect(int32(len(args)), unsafe.Pointer(&argv[0]))
	runtime.KeepAlive(argv)
	if handle == nil || *(*unsafe.Pointer)(handle) == nil {
		return nil, errors.New("the engine refused to start")
	}
	return &connection{lib: lib, handle: handle}, nil
}

func (c *connection) close() { c.lib.closeConn(c.handle) }

// parameter is a bound {name:Type} parameter; its value is TSV-escaped text.
type parameter struct{ name, value string }

// exec runs one statement and returns its whole output in ClickHouse's Native format.
func (c *connection) exec(query string, params []parameter) ([]byte, error) {
	result := c.call(c.lib.query, query, params)
	defer c.lib.destroyResult(result)
	data, err := c.take(result)
	return append([]byte(nil), data...), err
}

// stream runs one SELECT and hands its Native blocks to emit as the engine produces them.
// A block is only valid during the call. An error from emit cancels the query.
func (c *connection) stream(query string, params []parameter, emit func([]byte) error) error {
	stream := c.call(c.lib.streamQuery, query, params)
	defer c.lib.destroyResult(stream)
	if message := c.lib.resultError(stream); message != "" {
		return newQueryError(message)
	}
	for {
		done, err := c.next(stream, emit)
		if err != nil {
			c.lib.streamCancel(*(*unsafe.Pointer)(c.handle), stream)
		}
		if done || err != nil {
			return err
		}
	}
}

func (c *connection) next(stream unsafe.Pointer, emit func([]byte) error) (done bool, err error) {
	result := c.lib.streamFetch(*(*unsafe.Pointer)(c.handle), stream)
	defer c.lib.destroyResult(result)
	data, err := c.take(result)
	if err != nil || len(data) == 0 {
		return true, err
	}
	return false, emit(data)
}

type queryFunc = func(conn, query unsafe.Pointer, queryLen uint, format unsafe.Pointer, formatLen uint, names, nameLens, values, valueLens unsafe.Pointer, count uint) unsafe.Pointer

var nativeFormat = []byte("Native")

func (c *connection) call(f queryFunc, query string, params []parameter) unsafe.Pointer {
	var pin runtime.Pinner
	defer pin.Unpin()
	pinned := func(s string) *byte {
		p := unsafe.StringData(s + "\x00") // never empty, so never nil
		pin.Pin(p)
		return p
	}
	n := len(params)
	names, values := make([]*byte, n+1), make([]*byte, n+1)
	nameLens, valueLens := make([]uint, n+1), make([]uint, n+1)
	for i, p := range params {
		names[i], nameLens[i] = pinned(p.name), uint(len(p.name))
		values[i], valueLens[i] = pinned(p.value), uint(len(p.value))
	}
	result := f(*(*unsafe.Pointer)(c.handle),
		unsafe.Pointer(pinned(query)), uint(len(query)),
		unsafe.Pointer(&nativeFormat[0]), uint(len(nativeFormat)),
		unsafe.Pointer(&names[0]), unsafe.Pointer(&nameLens[0]),
		unsafe.Pointer(&values[0]), unsafe.Pointer(&valueLens[0]), uint(n))
	runtime.KeepAlive(names)
	runtime.KeepAlive(nameLens)
	runtime.KeepAlive(values)
	runtime.KeepAlive(valueLens)
	return result
}

// take returns the bytes of a result, which the engine owns, or its error.
func (c *connection) take(result unsafe.Pointer) ([]byte, error) {
	if result == nil {
		return nil, newQueryError("Code: 1002. DB::Exception: the engine returned no result (UNKNOWN_EXCEPTION)")
	}
	if message := c.lib.resultError(result); message != "" {
		return nil, newQueryError(message)
	}
	n := c.lib.resultLength(result)
	if n == 0 {
		return nil, nil
	}
	return unsafe.Slice((*byte)(c.lib.resultBuffer(result)), n), nil
}
