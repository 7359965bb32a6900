package collector

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/otelcol"
)

// validate is what `phaseline validate` does.
func validate(t *testing.T, uris ...string) error {
	set := Settings("test", ignoreReady)
	set.ConfigProviderSettings.ResolverSettings.URIs = uris
	set.ConfigProviderSettings.ResolverSettings.DefaultScheme = "env"
	collector, err := otelcol.NewCollector(set)
	require.NoError(t, err)
	return collector.DryRun(context.Background())
}

func TestDefaultConfigIsValid(t *testing.T) {
	t.Chdir(t.TempDir())
	assert.NoError(t, validate(t, DefaultURI()))
}

func TestContainerConfigIsValid(t *testing.T) {
	t.Setenv("PHASELINE_TOKEN", "secret")
	t.Setenv("PHASELINE_CLICKHOUSE_DSN", "clickhouse://phaseline:secret@clickhouse:9000")
	assert.NoError(t, validate(t, "file:container.yaml"))
}

func TestContainerConfigNeedsAToken(t *testing.T) {
	t.Setenv("PHASELINE_TOKEN", "")
	t.Setenv("PHASELINE_CLICKHOUSE_DSN", "clickhouse://phaseline:secret@clickhouse:9000")
	assert.ErrorContains(t, validate(t, "file:container.yaml"), "bearertokenauth")
}

// A replica that only answers queries: no receiver of its own, nothing derived.
func TestQueryOnlyConfigIsValid(t *testing.T) {
	assert.NoError(t, validate(t, `yaml:
receivers: {nop: }
exporters: {nop: }
extensions:
  phaseline:
    clickhouse: {dsn: "clickhouse://localhost:9000"}
    derive: {enabled: false}
    alert: {enabled: false}
service:
  extensions: [phaseline]
  pipelines:
    traces: {receivers: [nop], exporters: [nop]}
`))
}
