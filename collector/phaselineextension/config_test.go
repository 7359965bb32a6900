package phaselineextension

import (
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"
)

func TestConfigStruct(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(defaultConfig()))
	require.NoError(t, defaultConfig().Validate())
}

// docs/configuration.md lists every key with its default.
func TestConfigurationIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```yaml\n(extensions:\n  phaseline:.*?)```").FindSubmatch(page)
	require.NotNil(t, block)
	var documented map[string]any
	require.NoError(t, yaml.Unmarshal(block[1], &documented))
	conf, err := confmap.NewFromStringMap(documented).Sub("extensions::phaseline")
	require.NoError(t, err)

	cfg := &Config{}
	require.NoError(t, conf.Unmarshal(cfg))
	want := defaultConfig()
	want.Dimensions, want.Mappings = []string{}, []MappingConfig{}
	assert.Equal(t, want, cfg, "the defaults that the page shows")

	all := confmap.New()
	require.NoError(t, all.Marshal(defaultConfig()))
	assert.ElementsMatch(t, all.AllKeys(), conf.AllKeys(), "the keys that the page shows")
}

func TestConfigValidate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   string // in the error; empty: valid
	}{
		"as it is":             {func(*Config) {}, ""},
		"no folder":            {func(c *Config) { c.DataDir = "" }, "data_dir"},
		"server":               {func(c *Config) { c.ClickHouse.DSN = "clickhouse://u:p@host:9000" }, ""},
		"DSN without sense":    {func(c *Config) { c.ClickHouse.DSN = "://" }, "clickhouse::dsn"},
		"cluster of one":       {func(c *Config) { c.ClickHouse.Cluster = "all" }, "clickhouse::cluster"},
		"short retention":      {func(c *Config) { c.Retention.Requests = time.Minute }, "retention::requests is 1m0s"},
		"endpoint":             {func(c *Config) { c.API.Endpoint = "8321" }, `api::endpoint is "8321"`},
		"open to others":       {func(c *Config) { c.API.Endpoint = ":8321" }, "api::token"},
		"open, with token":     {func(c *Config) { c.API.Endpoint = ":8321"; c.API.Token = "x" }, ""},
		"open, accepted":       {func(c *Config) { c.API.Endpoint = ":8321"; c.Insecure = true }, ""},
		"open, but off":        {func(c *Config) { c.API.Endpoint = ":8321"; c.API.Enabled = false }, ""},
		"seventeen dimensions": {func(c *Config) { c.Dimensions = make([]string, 17) }, "at most 16"},
		"unknown fact":         {func(c *Config) { c.Mappings = []MappingConfig{{"x", "speed", "s"}} }, `unknown fact "speed"`},
		"unit":                 {func(c *Config) { c.Mappings = []MappingConfig{{"x", "queue", "min"}} }, `unit "min"`},
		"no series":            {func(c *Config) { c.Metrics.MaxSeries = 0 }, "metrics::max_series"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := defaultConfig()
			test.change(cfg)
			err := cfg.Validate()
			if test.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.want)
			}
		})
	}
}

func TestIsLoopback(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"127.0.0.1:1": true, "127.8.8.8:1": true, "localhost:1": true, "[::1]:1": true,
		"0.0.0.0:1": false, ":1": false, "[::]:1": false, "10.0.0.1:1": false, "example.org:1": false, "nonsense": false, "": false,
	} {
		assert.Equal(t, want, IsLoopback(endpoint), endpoint)
	}
}

func TestDataDirHasOneOwner(t *testing.T) {
	dir := t.TempDir() + "/data"
	lock, err := openDataDir(dir)
	require.NoError(t, err)
	_, err = openDataDir(dir)
	assert.ErrorContains(t, err, "used by another phaseline process")
	require.NoError(t, lock.Close())
	lock, err = openDataDir(dir)
	require.NoError(t, err)
	require.NoError(t, lock.Close())
}

func TestReceivers(t *testing.T) {
	conf := confmap.NewFromStringMap(map[string]any{"receivers": map[string]any{
		"otlp":   map[string]any{"protocols": map[string]any{"grpc": map[string]any{"endpoint": "a:1"}, "http": map[string]any{"endpoint": "b:2"}}},
		"otlp/s": map[string]any{"protocols": map[string]any{"http": map[string]any{"endpoint": "c:3", "tls": map[string]any{"cert_file": "x"}}}},
		"nop":    nil,
	}})
	assert.Equal(t, []Receiver{{"OTLP/gRPC", "http://a:1"}, {"OTLP/HTTP", "http://b:2"}, {"OTLP/HTTP", "https://c:3"}}, receivers(conf))
}
