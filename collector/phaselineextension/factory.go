// Package phaselineextension owns everything of Phaseline that is not the
// pipeline: the ClickHouse connection (with the embedded engine, if there is no
// server), the migrations, the loops that derive requests and hours, and the
// server of API, UI and /metrics.
package phaselineextension

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
)

// Type is the component's name in a collector configuration.
var Type = component.MustNewType("phaseline")

// Option of the factory, for a distribution that is built in Go code.
type Option func(*options)

type options struct {
	registry *prometheus.Registry
	ready    func(Ready)
}

// WithRegistry serves what is registered there on /metrics, beside Phaseline's
// own metrics.
func WithRegistry(registry *prometheus.Registry) Option {
	return func(o *options) { o.registry = registry }
}

// WithReady calls ready once the pipelines run and the store can be used.
func WithReady(ready func(Ready)) Option {
	return func(o *options) { o.ready = ready }
}

// NewFactory returns the extension's factory.
func NewFactory(opts ...Option) extension.Factory {
	o := options{ready: func(Ready) {}}
	for _, opt := range opts {
		opt(&o)
	}
	return extension.NewFactory(
		Type,
		func() component.Config { return defaultConfig() },
		func(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
			return newExtension(cfg.(*Config), set, o), nil
		},
		component.StabilityLevelBeta,
	)
}
