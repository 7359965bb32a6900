// Package collector is the Phaseline distribution of the OpenTelemetry
// Collector: the components it contains and the configuration it starts with.
package collector

import (
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/nopexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/nopreceiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"

	"github.com/phaseline/phaseline/collector/phaselineexporter"
	"github.com/phaseline/phaseline/collector/phaselineextension"
)

// Versions of the collector modules, as builder.yaml and `phaseline components`
// name them. A test compares them with go.mod.
const (
	coreVersion    = "v0.162.0"
	contribVersion = "v0.162.0"
)

const (
	core    = "go.opentelemetry.io/collector/"
	contrib = "github.com/open-telemetry/opentelemetry-collector-contrib/"
	own     = "github.com/phaseline/phaseline/"
)

// factories lists every component. The nop receiver and exporter are for
// replicas that only answer queries: a collector needs a pipeline.
//
// Each call has a metrics registry of its own, so that a reload of the
// configuration starts from empty metrics instead of registering them twice.
func factories(ready func(phaselineextension.Ready)) (otelcol.Factories, error) {
	registry := prometheus.NewRegistry()
	set := otelcol.Factories{
		Telemetry:        telemetryFactory(registry),
		ReceiverModules:  make(map[component.Type]string),
		ProcessorModules: make(map[component.Type]string),
		ExporterModules:  make(map[component.Type]string),
		ExtensionModules: make(map[component.Type]string),
	}
	var err error
	if set.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](
		in(set.ReceiverModules, otlpreceiver.NewFactory(), core+"receiver/otlpreceiver "+coreVersion),
		in(set.ReceiverModules, nopreceiver.NewFactory(), core+"receiver/nopreceiver "+coreVersion),
	); err != nil {
		return otelcol.Factories{}, err
	}
	if set.Processors, err = otelcol.MakeFactoryMap[processor.Factory](
		in(set.ProcessorModules, memorylimiterprocessor.NewFactory(), core+"processor/memorylimiterprocessor "+coreVersion),
	); err != nil {
		return otelcol.Factories{}, err
	}
	if set.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](
		in(set.ExporterModules, phaselineexporter.NewFactory(), own+"collector/phaselineexporter"),
		in(set.ExporterModules, nopexporter.NewFactory(), core+"exporter/nopexporter "+coreVersion),
	); err != nil {
		return otelcol.Factories{}, err
	}
	if set.Extensions, err = otelcol.MakeFactoryMap[extension.Factory](
		in(set.ExtensionModules, phaselineextension.NewFactory(
			phaselineextension.WithRegistry(registry),
			phaselineextension.WithReady(ready),
		), own+"collector/phaselineextension"),
		in(set.ExtensionModules, filestorage.NewFactory(), contrib+"extension/storage/filestorage "+contribVersion),
		in(set.ExtensionModules, bearertokenauthextension.NewFactory(), contrib+"extension/bearertokenauthextension "+contribVersion),
	); err != nil {
		return otelcol.Factories{}, err
	}
	return set, nil
}

// in notes the module that a factory comes from.
func in[F component.Factory](modules map[component.Type]string, factory F, module string) F {
	modules[factory.Type()] = module
	return factory
}
