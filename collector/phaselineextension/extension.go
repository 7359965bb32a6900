package phaselineextension

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
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

	"github.com/phaseline/phaseline/collector/phaselineexporter"
	"github.com/phaseline/phaseline/internal/store"
	"github.com/phaseline/phaseline/migrations"
)

var (
	_ extension.Extension                         = (*phaselineExtension)(nil)
	_ extensioncapabilities.PipelineWatcher       = (*phaselineExtension)(nil)
	_ extensioncapabilities.ConfigSnapshotWatcher = (*phaselineExtension)(nil)
	_ phaselineexporter.TraceStore                = (*phaselineExtension)(nil)
)

// Waits between attempts to reach the store at start.
const (
	firstPrepareDelay = 250 * time.Millisecond
	lastPrepareDelay  = 10 * time.Second
)

// shutdownLimit is how long running statements may take to end. It is shorter
// than what service managers wait before they kill.
const shutdownLimit = 20 * time.Second

var errNotPrepared = errors.New("the store is not ready yet, send again later")

type phaselineExtension struct {
	cfg    *Config
	opts   options
	logger *zap.Logger
	conf   extensioncapabilities.ConfigSnapshot

	closers []func(context.Context) error // in the order of opening

	store    *store.Store
	prepared chan struct{} // closed when the tables are there
	received chan struct{} // closed when the pipelines run

	stop       context.CancelFunc
	background sync.WaitGroup
}

func newExtension(cfg *Config, set extension.Settings, opts options) *phaselineExtension {
	if opts.registry == nil {
		opts.registry = prometheus.NewRegistry()
	}
	return &phaselineExtension{
		cfg:      cfg,
		opts:     opts,
		logger:   set.Logger,
		prepared: make(chan struct{}),
		received: make(chan struct{}),
	}
}

// Start opens everything and returns without waiting for a ClickHouse server:
// spans are accepted while it is away, and wait in the exporter's queue.
func (e *phaselineExtension) Start(ctx context.Context, host component.Host) error {
	if e.cfg.Insecure {
		e.logger.Warn("insecure is set: listeners may be open to other machines without authentication")
	}
	lock, err := openDataDir(e.cfg.DataDir)
	if err != nil {
		return err
	}
	e.onClose(func(context.Context) error { return lock.Close() })

	clickhouse, err := connect(ctx, e.cfg, e.logger)
	if err != nil {
		return err
	}
	e.onClose(clickhouse.close)

	conn, err := clickhouse.open(e.cfg.ClickHouse.Database)
	if err != nil {
		return fmt.Errorf("open ClickHouse: %w", err)
	}
	e.onClose(func(context.Context) error { return conn.Close() })

	if err := e.build(conn); err != nil {
		return err
	}
	if e.cfg.API.Enabled {
		if err := e.serve(conn, host); err != nil {
			return err
		}
	}

	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.onClose(func(context.Context) error {
		stop()
		e.background.Wait()
		return nil
	})
	e.background.Go(func() { e.run(background, clickhouse, host) })
	return nil
}

// run prepares the store, says so, and keeps the loops going until ctx ends.
func (e *phaselineExtension) run(ctx context.Context, clickhouse *connection, host component.Host) {
	if !e.prepare(ctx, clickhouse) {
		return
	}
	close(e.prepared)
	e.background.Go(func() { e.announce(ctx, clickhouse) })
	if !e.cfg.Derive.Enabled {
		return
	}
	if err := e.store.Run(ctx); err != nil && ctx.Err() == nil {
		componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(fmt.Errorf("derive requests: %w", err)))
	}
}

// prepare migrates the tables, however long the store is away. It reports false
// if ctx ended first.
func (e *phaselineExtension) prepare(ctx context.Context, clickhouse *connection) bool {
	said := ""
	for delay := firstPrepareDelay; ; delay = min(2*delay, lastPrepareDelay) {
		err := e.migrate(ctx, clickhouse)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if err.Error() != said {
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

func (e *phaselineExtension) migrate(ctx context.Context, clickhouse *connection) error {
	// Phaseline's own database may not be there yet.
	conn, err := clickhouse.open("default")
	if err != nil {
		return err
	}
	defer conn.Close()
	return migrations.Run(ctx, conn, migrations.Options{
		Database: e.cfg.ClickHouse.Database,
		Cluster:  e.cfg.ClickHouse.Cluster,
		Retention: migrations.Retention{
			Spans:    e.cfg.Retention.Spans,
			Requests: e.cfg.Retention.Requests,
			Hours:    e.cfg.Retention.Hours,
		},
	})
}

// announce waits until data can come in and be looked at.
func (e *phaselineExtension) announce(ctx context.Context, clickhouse *connection) {
	select {
	case <-ctx.Done():
		return
	case <-e.received:
	}
	dir, err := filepath.Abs(e.cfg.DataDir)
	if err != nil {
		dir = e.cfg.DataDir
	}
	ready := Ready{Storage: clickhouse.name, DataDir: dir}
	if e.conf != nil {
		ready.Receivers = receivers(e.conf.Effective())
	}
	if e.cfg.API.Enabled {
		ready.UI = "http://" + e.cfg.API.Endpoint
	}
	e.opts.ready(ready)
}

// InsertTraces stores spans; see phaselineexporter.TraceStore.
func (e *phaselineExtension) InsertTraces(ctx context.Context, td ptrace.Traces) error {
	select {
	case <-e.prepared:
		return e.store.InsertTraces(ctx, td)
	default:
		return errNotPrepared
	}
}

// NotifyConfigSnapshot is called by the collector before Start.
func (e *phaselineExtension) NotifyConfigSnapshot(_ context.Context, conf extensioncapabilities.ConfigSnapshot) error {
	e.conf = conf
	return nil
}

// Ready is called by the collector once all receivers run.
func (e *phaselineExtension) Ready() error {
	close(e.received)
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
