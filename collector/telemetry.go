package collector

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configtelemetry"
	"go.opentelemetry.io/collector/service/telemetry"
	otelconf "go.opentelemetry.io/contrib/otelconf/v0.3.0"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// telemetryConfig is what stands under service::telemetry: the collector's own
// keys, as far as Phaseline has them. The collector's usual implementation is not
// used because it links the SDKs of three clouds and of Kubernetes.
type telemetryConfig struct {
	Logs logsConfig `mapstructure:"logs"`
}

type logsConfig struct {
	// Level is debug, info, warn or error. Default info.
	Level zapcore.Level `mapstructure:"level"`
	// Encoding is console or json. Default console.
	Encoding string `mapstructure:"encoding"`
}

func (c *telemetryConfig) Validate() error {
	if c.Logs.Encoding != "console" && c.Logs.Encoding != "json" {
		return fmt.Errorf("service::telemetry::logs::encoding is %q: use console or json", c.Logs.Encoding)
	}
	return nil
}

// telemetryFactory makes the collector's own logs and metrics. The metrics are
// gathered through registry, and so appear on Phaseline's /metrics, instead of on
// a port of their own.
func telemetryFactory(registry *prometheus.Registry) telemetry.Factory {
	return telemetry.NewFactory(
		func() component.Config {
			return &telemetryConfig{Logs: logsConfig{Level: zapcore.InfoLevel, Encoding: "console"}}
		},
		telemetry.WithCreateLogger(createLogger),
		telemetry.WithCreateMeterProvider(func(ctx context.Context, set telemetry.MeterSettings, _ component.Config) (telemetry.MeterProvider, error) {
			return createMeterProvider(ctx, set, registry)
		}),
	)
}

func createLogger(_ context.Context, set telemetry.LoggerSettings, conf component.Config) (*zap.Logger, component.ShutdownFunc, error) {
	cfg := conf.(*telemetryConfig).Logs
	build := set.BuildZapLogger
	if build == nil {
		build = zap.Config.Build
	}
	encoder := zap.NewProductionEncoderConfig()
	encoder.EncodeTime = zapcore.ISO8601TimeEncoder
	logger, err := build(zap.Config{
		Level:             zap.NewAtomicLevelAt(cfg.Level),
		Encoding:          strings.ToLower(cfg.Encoding),
		EncoderConfig:     encoder,
		OutputPaths:       []string{"stderr"},
		ErrorOutputPaths:  []string{"stderr"},
		DisableCaller:     true,
		DisableStacktrace: true,
		// The same message at most 10 times a second, then every hundredth: an
		// outage must not fill the disk with logs.
		Sampling: &zap.SamplingConfig{Initial: 10, Thereafter: 100},
	}, zap.WrapCore(func(core zapcore.Core) zapcore.Core { return startErrors{core} }))
	if err != nil {
		return nil, nil, fmt.Errorf("set up logs: %w", err)
	}
	return logger, func(context.Context) error {
		_ = logger.Sync() // stderr of a terminal cannot be synced
		return nil
	}, nil
}

func createMeterProvider(ctx context.Context, set telemetry.MeterSettings, registry *prometheus.Registry) (telemetry.MeterProvider, error) {
	reader, err := otelprom.New(
		otelprom.WithRegisterer(registry),
		otelprom.WithoutScopeInfo(),
		otelprom.WithoutTargetInfo(),
	)
	if err != nil {
		return nil, fmt.Errorf("gather the collector's own metrics: %w", err)
	}
	var provider otelconf.MeterProvider
	if set.DefaultViews != nil {
		provider.Views = set.DefaultViews(configtelemetry.LevelNormal)
	}
	sdk, err := otelconf.NewSDK(
		otelconf.WithContext(ctx),
		otelconf.WithOpenTelemetryConfiguration(otelconf.OpenTelemetryConfiguration{MeterProvider: &provider}),
		otelconf.WithMeterProviderOptions(sdkmetric.WithReader(reader)),
	)
	if err != nil {
		return nil, fmt.Errorf("set up the collector's own metrics: %w", err)
	}
	return sdk.MeterProvider().(telemetry.MeterProvider), nil
}

// startErrors leaves out what the collector logs about an error at start: the
// same error is returned, and printed once by the command.
type startErrors struct{ zapcore.Core }

func (c startErrors) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	switch entry.Message {
	case "Failed to start component", "Failed to start extension", "error found during service initialization":
		return checked
	}
	return c.Core.Check(entry, checked)
}

func (c startErrors) With(fields []zapcore.Field) zapcore.Core {
	return startErrors{c.Core.With(fields)}
}
