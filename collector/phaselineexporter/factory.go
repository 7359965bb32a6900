// Package phaselineexporter is the end of the traces pipeline: it hands spans to
// the store that the phaseline extension owns, and does nothing else.
package phaselineexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
)

// Type is the component's name in a collector configuration.
var Type = component.MustNewType("phaseline")

// NewFactory returns the exporter's factory.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		Type,
		func() component.Config { return defaultConfig() },
		exporter.WithTraces(createTraces, component.StabilityLevelBeta),
	)
}

func createTraces(ctx context.Context, set exporter.Settings, conf component.Config) (exporter.Traces, error) {
	cfg := conf.(*Config)
	e := new(tracesExporter)
	traces, err := xexporterhelper.NewTracesRequest(ctx, set, e.encode, e.push,
		exporterhelper.WithStart(e.start),
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
		exporterhelper.WithTimeout(cfg.Timeout),
		exporterhelper.WithRetry(cfg.Retry),
		xexporterhelper.WithQueueBatch(cfg.Queue, xexporterhelper.QueueBatchSettings{Encoding: e}),
	)
	if err != nil {
		return nil, err
	}
	if cfg.Queue.HasValue() && cfg.Queue.Get().StorageID != nil {
		return careful{traces, e}, nil
	}
	return traces, nil
}
