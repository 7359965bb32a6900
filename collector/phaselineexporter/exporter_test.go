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
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/store"
)

// host has extensions and nothing else.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// failingStore refuses the first inserts and notes what it stored.
type failingStore struct {
	component.StartFunc
	component.ShutdownFunc
	*store.Store
	failures int
	stored   chan int
	full     error
}

func (s *failingStore) Room() error { return s.full }

func newFailingStore(failures int) *failingStore {
	s := store.New(nil, dialect.NewReader(dialect.Options{}), store.Config{}, zap.NewNop())
	return &failingStore{Store: s, failures: failures, stored: make(chan int, 10)}
}

func (s *failingStore) Insert(_ context.Context, b *store.Batch) error {
	if s.failures > 0 {
		s.failures--
		return errors.New("away")
	}
	s.stored <- b.Spans()
	return nil
}

func spans(n int) ptrace.Traces {
	td := ptrace.NewTraces()
	list := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range n {
		span := list.AppendEmpty()
		span.SetTraceID([16]byte{1})
		span.SetSpanID([8]byte{1, byte(i)})
		span.SetName("a name")
		span.Status().SetMessage("said at the end")
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
	store := newFailingStore(3)
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
	store := newFailingStore(1)
	e, err := NewFactory().CreateTraces(t.Context(), exportertest.NewNopSettings(Type), cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), host{component.NewID(Type): store}))
	assert.ErrorContains(t, e.ConsumeTraces(t.Context(), spans(1)), "away")
	td := spans(1)
	assert.NoError(t, e.ConsumeTraces(t.Context(), td))
	assert.Zero(t, td.SpanCount(), "who waits holds no spans")
	assert.True(t, e.Capabilities().MutatesData)
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
	store := newFailingStore(0)
	store.full = errors.New("the disk is full")
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
	store := newFailingStore(0)
	for want, h := range map[string]host{
		"needs the phaseline extension": {},
		"two phaseline extensions":      {component.NewID(Type): store, component.NewIDWithName(Type, "b"): store},
	} {
		assert.ErrorContains(t, new(tracesExporter).start(t.Context(), h), want)
	}
}

func TestBatchesAreJoinedAndCut(t *testing.T) {
	e := &tracesExporter{store: newFailingStore(0)}
	encode := func(n int) xexporterhelper.Request {
		r, err := e.encode(t.Context(), spans(n))
		require.NoError(t, err)
		return r
	}
	one := encode(1).BytesSize()
	for _, c := range []struct {
		name        string
		first, next int
		most        int
		sizer       exporterhelper.RequestSizerType
		want        []int
	}{
		{"no limit", 3, 4, 0, exporterhelper.RequestSizerTypeItems, []int{7}},
		{"below it", 3, 4, 8, exporterhelper.RequestSizerTypeItems, []int{7}},
		{"at it", 3, 4, 7, exporterhelper.RequestSizerTypeItems, []int{7}},
		{"in the second", 3, 4, 5, exporterhelper.RequestSizerTypeItems, []int{5, 2}},
		{"between them", 3, 4, 3, exporterhelper.RequestSizerTypeItems, []int{3, 3, 1}},
		{"in the first", 7, 1, 2, exporterhelper.RequestSizerTypeItems, []int{2, 2, 2, 2}},
		{"one alone", 5, 0, 2, exporterhelper.RequestSizerTypeItems, []int{2, 2, 1}},
		{"bytes", 3, 4, 5*one + one/2, exporterhelper.RequestSizerTypeBytes, []int{5, 2}},
		{"each larger than the limit", 2, 1, 1, exporterhelper.RequestSizerTypeBytes, []int{1, 1, 1}},
	} {
		var next xexporterhelper.Request
		if c.next > 0 {
			next = encode(c.next)
		}
		list, err := encode(c.first).MergeSplit(t.Context(), c.most, c.sizer, next)
		require.NoError(t, err, c.name)
		var got []int
		for _, r := range list {
			got = append(got, r.ItemsCount())
			spans, bytes := r.ItemsCount(), r.BytesSize()
			assert.Equal(t, spans*one, bytes, c.name)

			packed, err := e.Marshal(t.Context(), r)
			require.NoError(t, err, c.name)
			_, again, err := e.Unmarshal(packed)
			require.NoError(t, err, c.name)
			assert.Equal(t, spans, again.ItemsCount(), c.name)
			assert.Equal(t, bytes, again.BytesSize(), c.name)
		}
		assert.Equal(t, c.want, got, c.name)
	}
	_, _, err := e.Unmarshal([]byte("neither"))
	assert.Error(t, err)
}
