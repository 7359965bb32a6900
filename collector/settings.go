package collector

import (
	"context"
	_ "embed"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/otelcol"

	"github.com/phaseline/phaseline/collector/phaselineextension"
	"github.com/phaseline/phaseline/internal/dialect"
)

//go:embed default.yaml
var defaultConfig string

// DefaultURI names the configuration that is used when none is given: everything
// on loopback, data in ./phaseline-data.
func DefaultURI() string { return "yaml:" + defaultConfig }

// Settings returns what otelcol needs to run the distribution. ready is called
// each time that a configuration has been started and can take and show data.
func Settings(version string, ready func(phaselineextension.Ready)) otelcol.CollectorSettings {
	return otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{
			Command:     "phaseline",
			Description: "Where the time of every LLM request went",
			Version:     version,
		},
		Factories: func() (otelcol.Factories, error) { return factories(ready) },
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				URIs: []string{DefaultURI()},
				ProviderFactories: []confmap.ProviderFactory{
					envprovider.NewFactory(),
					fileprovider.NewFactory(),
					yamlprovider.NewFactory(),
				},
				ConverterFactories: []confmap.ConverterFactory{
					confmap.NewConverterFactory(func(confmap.ConverterSettings) confmap.Converter { return exposureCheck{} }),
				},
			},
		},
	}
}

// ReaderOptions returns how a collector with the configuration that uris name reads spans.
func ReaderOptions(ctx context.Context, uris []string) (dialect.Options, error) {
	set := Settings("", nil)
	resolver := &set.ConfigProviderSettings.ResolverSettings
	resolver.URIs, resolver.DefaultScheme = uris, "env"
	resolver.ConverterFactories = nil // nothing is exposed by reading a file
	factories, err := set.Factories()
	if err != nil {
		return dialect.Options{}, err
	}
	provider, err := otelcol.NewConfigProvider(set.ConfigProviderSettings)
	if err != nil {
		return dialect.Options{}, err
	}
	config, err := provider.Get(ctx, factories)
	if err = errors.Join(err, provider.Shutdown(ctx)); err != nil {
		return dialect.Options{}, err
	}
	for _, extension := range config.Extensions {
		if c, ok := extension.(*phaselineextension.Config); ok {
			options := c.ReaderOptions()
			return options, options.Validate()
		}
	}
	return dialect.Options{}, errors.New("the configuration has no phaseline extension, so it says nothing about reading spans")
}
