// Package embedded runs the real ClickHouse engine, from libchdb, in a supervised child
// process, and gives clickhouse-go the way to talk to it.
//
// The child serves ClickHouse's HTTP interface over a unix socket, so the rest of Phaseline
// uses one driver for the embedded engine and for a ClickHouse server. It is a process of
// its own so that a crash or an out-of-memory kill in the engine never takes the OTLP
// receiver down, and so that the engine's memory is not the collector's.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"go.uber.org/zap"
)

const (
	// StatementLimit is how long a statement may run unless its max_execution_time setting
	// says otherwise. Past it the statement fails with code 159 (TIMEOUT_EXCEEDED).
	StatementLimit = 5 * time.Minute

	// lockWait is how long a new engine waits for the data folder: the one before it may
	// still be closing. It must stay longer than drainLimit + closeLimit.
	lockWait = 10 * time.Second

	// startLimit bounds one start: the wait for the lock, loading the library, and attaching
	// the tables of a large data folder.
	startLimit = 2 * time.Minute

	// Restart delays double from the first to the last; a child that lived this long resets them.
	firstRestartDelay = 100 * time.Millisecond
	lastRestartDelay  = 30 * time.Second
	stableAfter       = time.Minute

	maxConns = 16 // connections of one driver pool; the child runs as many statements at once
)

// Config says where the engine keeps its data and where its library is.
type Config struct {
	// DataDir is the engine's own folder. It is created if missing, and can be used by one
	// engine at a time.
	DataDir string
	// Library is the path of libchdb; empty looks in the usual places, see FindLibrary.
	Library string
	// ServerConfig is XML to add to the engine's server settings, such as the macros and
	// the ZooKeeper that replicated tables need. Default none.
	ServerConfig string
	// Logger receives crashes and restarts; nil logs nothing.
	Logger *zap.Logger
}

// Engine is a running embedded ClickHouse.
type Engine struct {
	child  childConfig
	folder string // temporary, holds the socket
	logger *zap.Logger

	stop chan struct{} // closed by Shutdown
	kill chan struct{} // closed when Shutdown's patience ends
	done chan struct{} // closed when the last child is gone

	stopOnce, killOnce sync.Once

	mu   sync.Mutex
	down error // why the engine does not answer now; nil while it does
	pid  int

	crashes atomic.Int64
}

// Start starts the engine and returns once it answers queries. The executable must call
// MaybeChild first thing in main (a test binary: in TestMain).
//
// The errors say what to do: library not found, data folder not writable, data folder used
// by another process (after waiting ten seconds for it).
func Start(ctx context.Context, cfg Config) (*Engine, error) {
	e, err := newEngine(cfg)
	if err != nil {
		return nil, err
	}
	p, err := e.startChild(ctx)
	if err != nil {
		_ = os.RemoveAll(e.folder)
		return nil, err
	}
	go e.supervise(p)
	return e, nil
}

// Launch is Start for a caller that cannot wait: it returns once the library is found and
// the data folder can be written to, and the engine starts meanwhile. Until it answers, queries fail as they do after a crash.
func Launch(cfg Config) (*Engine, error) {
	e, err := newEngine(cfg)
	if err != nil {
		return nil, err
	}
	e.setDown(errStarting)
	go func() {
		p, err := e.startChild(context.Background())
		if err != nil && !errors.Is(err, errStopped) {
			e.setDown(err)
			e.logger.Error("embedded ClickHouse does not start, still trying", zap.Error(err))
			delay := firstRestartDelay
			p = e.restart(&delay)
		}
		if p == nil {
			e.setDown(errStopped)
			_ = os.RemoveAll(e.folder)
			close(e.done)
			return
		}
		e.supervise(p)
	}()
	return e, nil
}

// Crashes returns how often the engine ended without having been asked to, and was started anew.
func (e *Engine) Crashes() int64 { return e.crashes.Load() }

// newEngine prepares an engine whose child does not run yet.
func newEngine(cfg Config) (*Engine, error) {
	if _, set := os.LookupEnv(childEnv); set {
		// Without this, a test binary that forgot would start itself for ever.
		return nil, errors.New("embedded.MaybeChild must be the first call of main and of TestMain (embeddedtest.Main does it)")
	}
	library, err := FindLibrary(cfg.Library)
	if err != nil {
		return nil, err
	}
	dataDir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("data folder %q: %w", cfg.DataDir, err)
	}
	lock, err := openLock(dataDir) // the child takes it; here it shows a bad folder at once
	if err != nil {
		return nil, err
	}
	_ = lock.Close()
	folder, err := os.MkdirTemp("", "phaseline-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the engine's socket: %w", err)
	}
	e := &Engine{
		child: childConfig{
			DataDir: dataDir,
			Library: library,
			Extra:   cfg.ServerConfig,
			Socket:  filepath.Join(folder, "engine.sock"), // short: socket paths end at about 100 bytes
		},
		folder: folder,
		logger: cfg.Logger,
		stop:   make(chan struct{}),
		kill:   make(chan struct{}),
		done:   make(chan struct{}),
	}
	if e.logger == nil {
		e.logger = zap.NewNop()
	}
	return e, nil
}

// Options returns what clickhouse.Open needs to talk to the engine; the caller may change
// it, Auth.Database above all.
//
// While the engine restarts after a crash, queries fail at once with an error that wraps
// the refused connection; it is retryable. Each query is on its own in the engine: SET and
// USE do not last beyond the statement, settings go with the query's context.
// The setting log_comment is taken: cancellation finds the statement by it.
func (e *Engine) Options() *clickhouse.Options {
	return &clickhouse.Options{
		Protocol: clickhouse.HTTP,
		// Never resolved. This name alone is exempt from the proxies in the environment.
		Addr: []string{"localhost"},
		DialContext: func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", e.child.Socket)
			if err != nil {
				return nil, e.dialError(err)
			}
			return conn, nil
		},
		Auth:         clickhouse.Auth{Database: "default"},
		DialTimeout:  5 * time.Second,
		ReadTimeout:  StatementLimit + time.Minute,
		MaxOpenConns: maxConns,
		MaxIdleConns: maxConns,
	}
}

func (e *Engine) dialError(err error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down != nil {
		return fmt.Errorf("the embedded ClickHouse engine is down (%w), retry: %w", e.down, err)
	}
	return fmt.Errorf("the embedded ClickHouse engine does not answer, retry: %w", err)
}

// PID returns the process id of the child that runs the engine, and 0 while there is none.
func (e *Engine) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pid
}

// Shutdown lets running statements end, closes the engine, and waits for its process to
// exit. When ctx ends first the process is killed, which loses nothing that was acknowledged.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.stopOnce.Do(func() { close(e.stop) })
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		e.killOnce.Do(func() { close(e.kill) })
		<-e.done
		return fmt.Errorf("the embedded ClickHouse engine did not close in time and was killed: %w", ctx.Err())
	}
}

var (
	errStarting = errors.New("it is starting")
	errStopped  = errors.New("it was shut down")
)

func (e *Engine) setDown(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down, e.pid = err, 0
}

func (e *Engine) setUp(pid int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down, e.pid = nil, pid
}
