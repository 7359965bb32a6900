package collector

import (
	"context"
	"os"
	"regexp"
	"strings"
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

// Every piece of configuration in the documentation is valid, laid over the default.
func TestDocumentedConfigurationsAreValid(t *testing.T) {
	var blocks []string
	for _, file := range []string{"../docs/configuration.md", "../docs/operations.md"} {
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		found := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1)
		require.NotEmpty(t, found, file)
		for _, match := range found {
			blocks = append(blocks, match[1])
		}
	}
	t.Chdir(t.TempDir())
	for _, block := range blocks {
		// The default's queue on disk and waiting for the result exclude each other.
		text := strings.Replace(block, "wait_for_result: true", "storage: null\n      wait_for_result: true", 1)
		assert.NoError(t, validate(t, DefaultURI(), "yaml:"+text), block)
	}
}
