package phaselineexporter

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// host has extensions and nothing else.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// failingStore refuses the first inserts and notes what it stored.
type failingStore struct {
	component.StartFunc
	component.ShutdownFunc
	failures int
	stored   chan int
	full     error
}

func (s *failingStore) Room() error { return s.full }

func (s *failingStore) InsertTraces(_ context.Context, td ptrace.Traces) error {
	if s.failures > 0 {
		s.failures--
		return errors.New("away")
	}
	s.stored <- td.SpanCount()
	return nil
}

func spans(n int) ptrace.Traces {
	td := ptrace.NewTraces()
	list := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for range n {
		list.AppendEmpty()
	}
	return td
}

func TestConfigStruct(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(defaultConfig()))
	assert.Zero(t, defaultConfig().Retry.MaxElapsedTime, "retries have no end: it would drop what was acknowledged")
}

func TestBatchesAndRetriesUntilStored(t *testing.T) {
	cfg := defaultConfig()
	cfg.Retry.InitialInterval = time.Millisecond
	store := &failingStore{failures: 3, stored: make(chan int, 10)}
	e, err := NewFactory().CreateTraces(t.Context(), exportertest.NewNopSettings(Type), cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), host{component.NewID(Type): store}))
	for range 3 {
		require.NoError(t, e.ConsumeTraces(t.Context(), spans(4)))
	}
	assert.Equal(t, 12, <-store.stored, "one batch")
	require.NoError(t, e.Shutdown(t.Context()))
}

func TestWaitForResultReturnsTheStoresError(t *testing.T) {
	cfg := defaultConfig()
	cfg.Retry.Enabled = false
	queue := *cfg.Queue.Get()
	queue.WaitForResult = true
	cfg.Queue = configoptional.Some[exporterhelper.QueueBatchConfig](queue)
	store := &failingStore{failures: 1, stored: make(chan int, 1)}
	e, err := NewFactory().CreateTraces(t.Context(), exportertest.NewNopSettings(Type), cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), host{component.NewID(Type): store}))
	assert.ErrorContains(t, e.ConsumeTraces(t.Context(), spans(1)), "away")
	assert.NoError(t, e.ConsumeTraces(t.Context(), spans(1)))
	require.NoError(t, e.Shutdown(t.Context()))
}

// A queue on disk loses what it cannot write, so it is not filled to the brim.
func TestRefusesSpansWithoutRoomOnDisk(t *testing.T) {
	cfg := defaultConfig()
	files, id := filestorage.NewFactory(), component.MustNewID("file_storage")
	where := files.CreateDefaultConfig().(*filestorage.Config)
	where.Directory = t.TempDir()
	storage, err := files.Create(t.Context(), extensiontest.NewNopSettings(files.Type()), where)
	require.NoError(t, err)
	require.NoError(t, storage.Start(t.Context(), host{}))
	queue := *cfg.Queue.Get()
	queue.StorageID = &id
	cfg.Queue = configoptional.Some[exporterhelper.QueueBatchConfig](queue)
	store := &failingStore{stored: make(chan int, 1), full: errors.New("the disk is full")}
	e, err := NewFactory().CreateTraces(t.Context(), exportertest.NewNopSettings(Type), cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), host{component.NewID(Type): store, id: storage}))
	err = e.ConsumeTraces(t.Context(), spans(1))
	assert.ErrorIs(t, err, store.full)
	assert.False(t, consumererror.IsPermanent(err), "senders are to try again")
	store.full = nil
	require.NoError(t, e.ConsumeTraces(t.Context(), spans(1)))
	assert.Equal(t, 1, <-store.stored)
	require.NoError(t, e.Shutdown(t.Context()))
	require.NoError(t, storage.Shutdown(t.Context()))
}

func TestNeedsOneExtension(t *testing.T) {
	store := &failingStore{}
	for want, h := range map[string]host{
		"needs the phaseline extension": {},
		"two phaseline extensions":      {component.NewID(Type): store, component.NewIDWithName(Type, "b"): store},
	} {
		assert.ErrorContains(t, new(tracesExporter).start(t.Context(), h), want)
	}
}
