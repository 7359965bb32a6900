package phaselineextension

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/phaseline/phaseline/api/metrics"
	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/migrations"
)

// Config of the extension.
type Config struct {
	// DataDir holds everything that must survive a restart: the embedded
	// engine's tables and spans that could not be stored. Default
	// ./phaseline-data. One process at a time may use it.
	DataDir string `mapstructure:"data_dir"`

	ClickHouse ClickHouseConfig `mapstructure:"clickhouse"`
	Retention  RetentionConfig  `mapstructure:"retention"`
	API        APIConfig        `mapstructure:"api"`
	Derive     DeriveConfig     `mapstructure:"derive"`
	Alert      AlertConfig      `mapstructure:"alert"`
	Metrics    MetricsConfig    `mapstructure:"metrics"`

	// Dimensions are span or resource attributes to keep with each request, to
	// filter and group by. At most 16. Default none.
	Dimensions []string `mapstructure:"dimensions"`

	// Mappings teach the reader attributes that no built-in dialect knows.
	Mappings []MappingConfig `mapstructure:"mappings"`

	// CaptureContent stores prompt and completion text. Default false.
	CaptureContent bool `mapstructure:"capture_content"`

	// TenantAttribute is the resource attribute that tells tenants apart.
	// Default empty: one tenant.
	TenantAttribute string `mapstructure:"tenant_attribute"`

	// Insecure allows listeners on other than loopback addresses to go without a
	// token. Default false: phaseline refuses to start.
	Insecure bool `mapstructure:"insecure"`
}

// ClickHouseConfig says where the tables live.
type ClickHouseConfig struct {
	// DSN of a ClickHouse server, for example
	// clickhouse://user:password@host:9000. Default empty: the embedded engine.
	DSN configopaque.String `mapstructure:"dsn"`

	// Database is created if it is not there. Default phaseline.
	Database string `mapstructure:"database"`

	// Cluster makes the tables Replicated and Distributed. Default empty: one node.
	Cluster string `mapstructure:"cluster"`

	// Library is the path of libchdb.so for the embedded engine. Default: looked
	// for in PHASELINE_LIBCHDB, node_modules, beside the binary and in the
	// system's library folders.
	Library string `mapstructure:"library"`
}

// RetentionConfig is how long each table keeps its rows. Older rows are deleted,
// and spans that start earlier are refused when they come.
type RetentionConfig struct {
	Spans    time.Duration `mapstructure:"spans"`    // default 7 days
	Requests time.Duration `mapstructure:"requests"` // default 35 days
	Hours    time.Duration `mapstructure:"hours"`    // default 400 days
}

// APIConfig of the server of API, UI and /metrics.
type APIConfig struct {
	Enabled  bool   `mapstructure:"enabled"`  // default true
	Endpoint string `mapstructure:"endpoint"` // default 127.0.0.1:8321

	// Token that every request must bring as `Authorization: Bearer …`. Needed
	// when Endpoint is not on loopback. Default empty: no authentication.
	Token configopaque.String `mapstructure:"token"`
}

// DeriveConfig switches the loops that turn spans into requests and hours.
type DeriveConfig struct {
	Enabled bool `mapstructure:"enabled"` // default true
}

// MetricsConfig bounds /metrics.
type MetricsConfig struct {
	// MaxSeries is how many label sets the phase histograms may have; further
	// ones are counted in one `other` series. Default metrics.DefaultMaxSeries.
	MaxSeries int `mapstructure:"max_series"`
}

// MappingConfig reads one fact from one attribute. Unit is s, ms, us or ns for
// durations and empty otherwise.
type MappingConfig struct {
	Attribute string `mapstructure:"attribute"`
	Fact      string `mapstructure:"fact"`
	Unit      string `mapstructure:"unit"`
}

func defaultConfig() *Config {
	const day = 24 * time.Hour
	return &Config{
		DataDir:    "./phaseline-data",
		ClickHouse: ClickHouseConfig{Database: "phaseline"},
		Retention:  RetentionConfig{Spans: 7 * day, Requests: 35 * day, Hours: 400 * day},
		API:        APIConfig{Enabled: true, Endpoint: "127.0.0.1:8321"},
		Derive:     DeriveConfig{Enabled: true},
		Alert: AlertConfig{Enabled: true, Notify: NotifyConfig{
			Alertmanager: []AlertmanagerConfig{}, Webhook: []WebhookConfig{}, Slack: []SlackConfig{},
		}},
		Metrics: MetricsConfig{MaxSeries: metrics.DefaultMaxSeries},
	}
}

// Validate refuses what could never work.
func (c *Config) Validate() error {
	if c.DataDir == "" {
		return errors.New("data_dir is empty: name a folder")
	}
	if c.ClickHouse.DSN != "" {
		if _, err := clickhouse.ParseDSN(string(c.ClickHouse.DSN)); err != nil {
			return fmt.Errorf("clickhouse::dsn cannot be read (%w): use clickhouse://USER:PASSWORD@HOST:9000 or https://HOST:8443", err)
		}
	}
	if c.ClickHouse.Cluster != "" && c.ClickHouse.DSN == "" {
		return errors.New("clickhouse::cluster needs clickhouse::dsn: the embedded engine is one node")
	}
	for _, r := range []struct {
		name string
		keep time.Duration
	}{{"spans", c.Retention.Spans}, {"requests", c.Retention.Requests}, {"hours", c.Retention.Hours}} {
		if r.keep < time.Hour {
			return fmt.Errorf("retention::%s is %v: it must be at least 1h", r.name, r.keep)
		}
	}
	if c.API.Enabled {
		if _, _, err := net.SplitHostPort(c.API.Endpoint); err != nil {
			return fmt.Errorf("api::endpoint is %q: use HOST:PORT", c.API.Endpoint)
		}
		if !c.Insecure && c.API.Token == "" && !IsLoopback(c.API.Endpoint) {
			return &ExposedError{Endpoint: c.API.Endpoint, Remedy: "set extensions::phaseline::api::token"}
		}
	}
	if err := c.ReaderOptions().Validate(); err != nil {
		return err
	}
	if err := c.Alert.validate(); err != nil {
		return err
	}
	if c.Metrics.MaxSeries < 1 {
		return fmt.Errorf("metrics::max_series is %d: it must be at least 1", c.Metrics.MaxSeries)
	}
	return nil
}

// ReaderOptions are the settings of reading spans.
func (c *Config) ReaderOptions() dialect.Options {
	options := dialect.Options{Attributes: c.Dimensions, TenantAttribute: c.TenantAttribute}
	for _, m := range c.Mappings {
		options.Mappings = append(options.Mappings, dialect.Mapping(m))
	}
	return options
}

func (c *Config) retention() migrations.Retention {
	return migrations.Retention{Spans: c.Retention.Spans, Requests: c.Retention.Requests, Hours: c.Retention.Hours}
}
