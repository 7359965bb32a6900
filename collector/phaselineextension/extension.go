package phaselineextension

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/api/metrics"
	"github.com/phaseline/phaseline/collector/phaselineexporter"
	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/query"
	"github.com/phaseline/phaseline/internal/store"
	"github.com/phaseline/phaseline/migrations"
)

var (
	_ extension.Extension                         = (*phaselineExtension)(nil)
	_ extensioncapabilities.PipelineWatcher       = (*phaselineExtension)(nil)
	_ extensioncapabilities.ConfigSnapshotWatcher = (*phaselineExtension)(nil)
	_ phaselineexporter.Store                     = (*phaselineExtension)(nil)
)

// Waits between attempts to reach the store at start, and how long it may be
// away without a word: the embedded engine takes a second to start.
const (
	firstPrepareDelay = 250 * time.Millisecond
	lastPrepareDelay  = 10 * time.Second
	preparePatience   = 5 * time.Second
)

// shutdownLimit is how long running statements may take to end. It is shorter
// than what service managers wait before they kill.
const shutdownLimit = 20 * time.Second

var errNotPrepared = errors.New("the store is not ready yet, send again later")

type phaselineExtension struct {
	cfg     *Config
	opts    options
	version string
	logger  *zap.Logger
	host    component.Host

	closers []func(context.Context) error // in the order of opening

	clickhouse *connection
	reader     *dialect.Reader
	store      *store.Store
	questions  *query.Engine
	alerts     *alert.Engine // nil if switched off
	watch      *watch
	disk       *disk
	listener   net.Listener
	receivers  []Receiver

	prepared  chan struct{} // closed when the tables are there
	receiving chan struct{} // closed when the pipelines run

	background sync.WaitGroup
}

func newExtension(cfg *Config, set extension.Settings, opts options) *phaselineExtension {
	if opts.registry == nil {
		opts.registry = prometheus.NewRegistry()
	}
	return &phaselineExtension{
		cfg:       cfg,
		opts:      opts,
		version:   set.BuildInfo.Version,
		logger:    set.Logger,
		watch:     newWatch(),
		disk:      newDisk(cfg.DataDir),
		prepared:  make(chan struct{}),
		receiving: make(chan struct{}),
	}
}

// Start opens everything and returns without waiting for ClickHouse: spans are
// accepted while it is away, and wait in the exporter's queue.
func (e *phaselineExtension) Start(ctx context.Context, host component.Host) error {
	e.host = host
	if e.cfg.Insecure {
		e.logger.Warn("insecure is set: listeners may be open to other machines without authentication")
	}
	lock, err := openDataDir(e.cfg.DataDir)
	if err != nil {
		return err
	}
	e.onClose(func(context.Context) error { return lock.Close() })

	if e.cfg.API.Enabled {
		if err := e.listen(); err != nil {
			return err
		}
	}
	if e.clickhouse, err = connect(e.cfg, e.logger); err != nil {
		return err
	}
	e.onClose(e.clickhouse.close)
	conn, err := e.clickhouse.open(e.cfg.ClickHouse.Database)
	if err != nil {
		return fmt.Errorf("open ClickHouse: %w", err)
	}
	e.onClose(func(context.Context) error { return conn.Close() })
	if err := e.build(conn); err != nil {
		return err
	}

	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.onClose(func(context.Context) error {
		stop()
		e.background.Wait()
		return nil
	})
	e.background.Go(func() { e.run(background, conn) })
	return nil
}

// build makes what works on the connection. Nothing is sent yet.
func (e *phaselineExtension) build(conn driver.Conn) error {
	requests, err := metrics.NewRequests(e.opts.registry, e.cfg.Metrics.MaxSeries)
	if err != nil {
		return err
	}
	e.reader = dialect.NewReader(e.cfg.ReaderOptions())
	e.store = store.New(conn, e.reader, store.Config{
		Retention:      e.cfg.retention(),
		Derive:         e.cfg.Derive.Enabled,
		CaptureContent: e.cfg.CaptureContent,
		DeadLetterFile: filepath.Join(e.cfg.DataDir, "dead-letters.jsonl"),
		Observer:       requests.Observe,
	}, e.logger)
	if err := e.opts.registry.Register(storeMetrics{e.store, e.watch, e.clickhouse.engine}); err != nil {
		return fmt.Errorf("register the store's metrics: %w", err)
	}
	e.questions = query.New(conn, query.Limits{})
	e.newAlerts(conn)
	return nil
}

// run prepares the store, says so, and keeps the loops going until ctx ends.
func (e *phaselineExtension) run(ctx context.Context, conn driver.Conn) {
	if !e.prepare(ctx) {
		return
	}
	close(e.prepared)
	e.background.Go(func() { e.watch.run(ctx, conn) })
	e.background.Go(func() { e.announce(ctx) })
	e.runAlerts(ctx)
	if !e.cfg.Derive.Enabled {
		return
	}
	if err := e.store.Run(ctx); err != nil && ctx.Err() == nil {
		componentstatus.ReportStatus(e.host, componentstatus.NewFatalErrorEvent(fmt.Errorf("derive requests: %w", err)))
	}
}

// prepare migrates the tables, however long the store is away. It reports false
// if ctx ended first.
func (e *phaselineExtension) prepare(ctx context.Context) bool {
	started, said := time.Now(), ""
	for delay := firstPrepareDelay; ; delay = min(2*delay, lastPrepareDelay) {
		err := e.migrate(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		err = cause(err)
		e.watch.set(err)
		if time.Since(started) > preparePatience && err.Error() != said {
			said = err.Error()
			e.logger.Warn("the store cannot be used yet, trying again; spans are accepted and wait in the queue", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(delay):
		}
	}
}

func (e *phaselineExtension) migrate(ctx context.Context) error {
	// Phaseline's own database may not be there yet.
	conn, err := e.clickhouse.open("default")
	if err != nil {
		return err
	}
	defer conn.Close()
	return migrations.Run(ctx, conn, migrations.Options{
		Database:  e.cfg.ClickHouse.Database,
		Cluster:   e.cfg.ClickHouse.Cluster,
		Retention: e.cfg.retention(),
	})
}

// announce waits until data can come in and be looked at.
func (e *phaselineExtension) announce(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-e.receiving:
	}
	dir, err := filepath.Abs(e.cfg.DataDir)
	if err != nil {
		dir = e.cfg.DataDir
	}
	ready := Ready{Receivers: e.receivers, Storage: e.clickhouse.name, DataDir: dir}
	if e.cfg.API.Enabled {
		ready.UI = "http://" + e.cfg.API.Endpoint
		if host, port, _ := net.SplitHostPort(e.cfg.API.Endpoint); port == "0" { // any that is free
			_, port, _ = net.SplitHostPort(e.listener.Addr().String())
			ready.UI = "http://" + net.JoinHostPort(host, port)
		}
	}
	e.opts.ready(ready)
}

// Encode, Pack, Unpack and Insert are the exporter's way to the store; see
// phaselineexporter.Store.
func (e *phaselineExtension) Encode(td ptrace.Traces) *store.Batch { return e.store.Encode(td) }

func (e *phaselineExtension) Pack(b *store.Batch) []byte { return e.store.Pack(b) }

func (e *phaselineExtension) Unpack(packed []byte) (*store.Batch, error) {
	return e.store.Unpack(packed)
}

func (e *phaselineExtension) Insert(ctx context.Context, b *store.Batch) error {
	select {
	case <-e.prepared:
		return e.store.Insert(ctx, b)
	default:
		return errNotPrepared
	}
}

// Room says whether spans may wait in a queue on disk; see phaselineexporter.Store.
func (e *phaselineExtension) Room() error { return e.disk.room(time.Now()) }

// NotifyConfigSnapshot is called by the collector after Start and before the
// pipelines start.
func (e *phaselineExtension) NotifyConfigSnapshot(_ context.Context, conf extensioncapabilities.ConfigSnapshot) error {
	e.receivers = receivers(conf.Effective())
	if e.listener == nil {
		return nil
	}
	return e.serve()
}

// Ready is called by the collector once all receivers run.
func (e *phaselineExtension) Ready() error {
	close(e.receiving)
	return nil
}

// NotReady is called before the receivers are stopped.
func (e *phaselineExtension) NotReady() error { return nil }

// Shutdown closes what Start opened, last first, also after a Start that failed
// halfway.
func (e *phaselineExtension) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownLimit)
	defer cancel()
	var errs error
	for i := len(e.closers) - 1; i >= 0; i-- {
		errs = errors.Join(errs, e.closers[i](ctx))
	}
	e.closers = nil
	return errs
}

func (e *phaselineExtension) onClose(closer func(context.Context) error) {
	e.closers = append(e.closers, closer)
}
