package phaselineexporter

import (
	"context"
	"errors"
	"fmt"
	"math"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/store"
)

// Store is what the exporter needs of the phaseline extension.
type Store interface {
	// Encode brings spans into the form in which they are stored.
	Encode(td ptrace.Traces) *store.Batch
	// Pack and Unpack write a batch down for a queue on disk.
	Pack(b *store.Batch) []byte
	Unpack(packed []byte) (*store.Batch, error)
	// Insert returns nil once the spans are stored, an error marked by
	// consumererror.NewPermanent if they never can be, and any other error if they
	// should be inserted again.
	Insert(ctx context.Context, b *store.Batch) error
	// Room returns an error while the disk has no room for spans to wait on.
	Room() error
}

type tracesExporter struct {
	store Store
}

func (e *tracesExporter) start(_ context.Context, host component.Host) error {
	for _, ext := range host.GetExtensions() {
		found, ok := ext.(Store)
		if !ok {
			continue
		}
		if e.store != nil {
			return errors.New("two phaseline extensions are configured: keep one under service.extensions")
		}
		e.store = found
	}
	if e.store == nil {
		return errors.New("the phaseline exporter needs the phaseline extension: add it under extensions and service.extensions")
	}
	return nil
}

// encode is where spans leave the collector's own form: what waits in the queue takes
// a fraction of its memory, and is what the table will have.
//
// The pipeline holds td until the spans are in the queue, or stored where senders wait for
// that; so its spans are taken out of it.
func (e *tracesExporter) encode(_ context.Context, td ptrace.Traces) (xexporterhelper.Request, error) {
	b := e.store.Encode(td)
	td.ResourceSpans().MoveAndAppendTo(ptrace.NewResourceSpansSlice())
	return request{b}, nil
}

func (e *tracesExporter) push(ctx context.Context, r xexporterhelper.Request) error {
	return e.store.Insert(ctx, r.(request).Batch)
}

// Marshal and Unmarshal are how a queue on disk keeps requests.
func (e *tracesExporter) Marshal(_ context.Context, r xexporterhelper.Request) ([]byte, error) {
	return e.store.Pack(r.(request).Batch), nil
}

func (e *tracesExporter) Unmarshal(packed []byte) (context.Context, xexporterhelper.Request, error) {
	b, err := e.store.Unpack(packed)
	if err != nil {
		b = new(store.Batch)
	}
	return context.Background(), request{b}, err
}

// maxBatchBytes bounds a batch of spans with long texts, such as prompts.
const maxBatchBytes = 64 << 20

// request is a batch in the queue.
type request struct{ *store.Batch }

func (r request) ItemsCount() int { return r.Spans() }

func (r request) BytesSize() int { return r.Bytes() }

// MergeSplit joins r and other, and cuts off what is more than a batch may be.
func (r request) MergeSplit(_ context.Context, most int, sizer exporterhelper.RequestSizerType, other xexporterhelper.Request) ([]xexporterhelper.Request, error) {
	if other != nil {
		next, ok := other.(request)
		if !ok {
			return nil, fmt.Errorf("a %T is in the queue of spans", other)
		}
		r.Join(next.Batch)
	}
	spans, bytes := math.MaxInt, maxBatchBytes
	if most > 0 && sizer == exporterhelper.RequestSizerTypeBytes {
		bytes = min(bytes, most)
	} else if most > 0 {
		spans = most
	}
	var full []xexporterhelper.Request
	for r.Spans() > 1 && (r.Spans() > spans || r.Bytes() > bytes) {
		full = append(full, request{r.Cut(min(spans, r.Within(bytes), r.Spans()-1))})
	}
	return append(full, r), nil
}

// careful refuses spans, to be sent again, before the disk of the queue is full.
type careful struct {
	exporter.Traces
	e *tracesExporter
}

func (c careful) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if err := c.e.store.Room(); err != nil {
		return err
	}
	return c.Traces.ConsumeTraces(ctx, td)
}
