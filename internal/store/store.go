// Package store is the write side of the database: it inserts spans, derives
// requests from them, and rolls requests up into hours.
//
// Every derived row is a pure function of the rows it is made of and has a key
// that those decide, so work may be repeated, by any number of stores on one
// database: a retry overwrites, a late span derives its requests anew.
package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
	"github.com/phaseline/phaseline/migrations"
)

// Defaults of Config.
const (
	DefaultMaxTraceSpans = 10_000
	DefaultMaxSeries     = 1_000
	DefaultMaxHeldSpans  = 100_000
)

// Config of a Store. The zero value stores spans, derives nothing and keeps
// everything for good.
type Config struct {
	// Retention refuses spans and requests that ClickHouse would drop at once.
	Retention migrations.Retention
	// Derive says that Run will be called: spans are then derived from memory.
	// Stores without it leave theirs to those with it.
	Derive bool
	// CaptureContent stores prompts and completions.
	CaptureContent bool
	// DeadLetterFile takes the spans that ClickHouse refuses, as JSON lines;
	// empty: they are dropped, and counted.
	DeadLetterFile string
	// MaxTraceSpans is how many spans of a trace are correlated; the requests of
	// larger traces are taken each on its own. Default DefaultMaxTraceSpans.
	MaxTraceSpans int
	// MaxSeries is how many series an hour has for each tenant; the smallest
	// are folded into one. Default DefaultMaxSeries.
	MaxSeries int
	// MaxHeldSpans bounds the spans kept in memory while their traces may still
	// grow, about a kilobyte each; the oldest make room. Default DefaultMaxHeldSpans.
	MaxHeldSpans int
	// Observer, if set, is called once for each request that this store
	// received, ten seconds after its trace's last span, from one goroutine.
	Observer func(*phase.Request)
}

// Status is what a store has done since it was made, and how far behind it is.
type Status struct {
	// DeriveLag is the age of the oldest span that was stored here and not yet
	// derived; RollupLag that of the oldest request, of an hour gone by, which
	// is not yet in its hour. 0: nothing waits.
	DeriveLag, RollupLag time.Duration
	// Traces and HeldSpans are in memory now.
	Traces, HeldSpans int

	SpansInserted   int64
	SpansRead       int64 // read back from the store to derive
	SpansDerived    int64 // gone through decomposition; a span counts each time
	RequestsWritten int64 // rows and tombstones
	HoursWritten    int64 // hours computed
	Corrected       int64 // requests that changed after Config.Observer had seen them

	// Counts are spans and requests refused, changed or dropped, by reason.
	Counts map[Reason]int64
	// LastError is the latest failure of the loops; empty once they work again.
	LastError string
}

// Store writes to one database. Its methods may be called from many goroutines.
type Store struct {
	conn   driver.Conn
	reader *dialect.Reader
	config Config
	logger *zap.Logger
	now    func() time.Time
	pace   pace

	// writer marks this store's spans, 0 if it derives nothing.
	writer   uint32
	counts   counters
	dead     deadLetters
	encoders sync.Pool // of *encoder
	parcels  sync.Pool // of *parcel
	columns  columnTypes
	deriver  *deriver
	rollup   rollup
	metrics  metrics
}

// New returns a store on a database that has every migration.
func New(conn driver.Conn, reader *dialect.Reader, config Config, logger *zap.Logger) *Store {
	if config.MaxTraceSpans == 0 {
		config.MaxTraceSpans = DefaultMaxTraceSpans
	}
	if config.MaxSeries == 0 {
		config.MaxSeries = DefaultMaxSeries
	}
	if config.MaxHeldSpans == 0 {
		config.MaxHeldSpans = DefaultMaxHeldSpans
	}
	s := &Store{
		conn:   conn,
		reader: reader,
		config: config,
		logger: logger,
		now:    time.Now,
		pace:   defaultPace,
		dead:   deadLetters{path: config.DeadLetterFile, limit: maxDeadLetters},
	}
	s.encoders.New = func() any { return &encoder{content: config.CaptureContent} }
	s.parcels.New = func() any { return new(parcel) }
	if config.Derive {
		s.writer = 1 + rand.Uint32N(1<<32-1)
	}
	s.deriver = newDeriver(s)
	s.rollup.store = s
	return s
}

// Run derives requests and computes hours until ctx ends. It returns nil then;
// failures on the way are logged, shown in Status and tried again.
func (s *Store) Run(ctx context.Context) error {
	if !s.config.Derive {
		return errors.New("store: Run is for stores with Derive set")
	}
	var loops sync.WaitGroup
	loops.Go(func() { s.deriver.run(ctx) })
	loops.Go(func() { s.rollup.run(ctx) })
	loops.Wait()
	return nil
}

// Status returns the store's state. It does not wait for the database.
func (s *Store) Status(context.Context) Status {
	status := s.metrics.snapshot()
	status.Counts = s.counts.snapshot()
	s.deriver.fill(&status)
	s.rollup.fill(&status)
	return status
}
