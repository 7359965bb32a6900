package phaselineexporter

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TraceStore is what the exporter needs of the phaseline extension.
//
// InsertTraces returns nil once the spans are stored, an error marked by
// consumererror.NewPermanent if they never can be, and any other error if they
// should be sent again.
//
// Room returns an error while the disk has no room for spans to wait on.
type TraceStore interface {
	InsertTraces(ctx context.Context, td ptrace.Traces) error
	Room() error
}

type tracesExporter struct {
	store TraceStore
}

func (e *tracesExporter) start(_ context.Context, host component.Host) error {
	for _, ext := range host.GetExtensions() {
		store, ok := ext.(TraceStore)
		if !ok {
			continue
		}
		if e.store != nil {
			return errors.New("two phaseline extensions are configured: keep one under service.extensions")
		}
		e.store = store
	}
	if e.store == nil {
		return errors.New("the phaseline exporter needs the phaseline extension: add it under extensions and service.extensions")
	}
	return nil
}

func (e *tracesExporter) push(ctx context.Context, td ptrace.Traces) error {
	return e.store.InsertTraces(ctx, td)
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
