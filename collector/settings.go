package collector

import (
	_ "embed"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/otelcol"

	"github.com/phaseline/phaseline/collector/phaselineextension"
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
