package phaselineextension

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/embedded"
)

// settings go with every statement. ClickHouse 26 changed the defaults of some,
// and servers may set others.
var settings = clickhouse.Settings{
	"async_insert":       0, // an acknowledged insert is in a part on disk
	"insert_deduplicate": 1, // a retried batch is not stored twice
	"deduplicate_blocks_in_dependent_materialized_views": 1,
	"distributed_foreground_insert":                      1, // the shards have it, not only this node
	"use_top_k_dynamic_filtering":                        0, // in 26.5 it may compare with another column than the rows are ordered by
}

// connection is ClickHouse, embedded or a server. Nothing is sent to it before
// it is first used, so it can be opened while the server is away.
type connection struct {
	engine  *embedded.Engine // nil with a server
	options *clickhouse.Options
	name    string // for people
}

func connect(cfg *Config, logger *zap.Logger) (*connection, error) {
	if cfg.ClickHouse.DSN == "" {
		engine, err := embedded.Launch(embedded.Config{
			DataDir: filepath.Join(cfg.DataDir, "clickhouse"),
			Library: cfg.ClickHouse.Library,
			Logger:  logger,
		})
		if err != nil {
			return nil, err
		}
		return &connection{engine: engine, options: engine.Options(), name: "embedded ClickHouse"}, nil
	}
	options, err := clickhouse.ParseDSN(string(cfg.ClickHouse.DSN))
	if err != nil {
		return nil, fmt.Errorf("clickhouse::dsn: %w", err)
	}
	return &connection{options: options, name: "ClickHouse at " + options.Addr[0]}, nil
}

// open opens a pool of connections to one database.
func (c *connection) open(database string) (driver.Conn, error) {
	options := *c.options
	options.Auth.Database = database
	options.Settings = clickhouse.Settings{}
	for key, value := range c.options.Settings {
		options.Settings[key] = value
	}
	for key, value := range settings {
		options.Settings[key] = value
	}
	return clickhouse.Open(&options)
}

func (c *connection) close(ctx context.Context) error {
	if c.engine == nil {
		return nil
	}
	return c.engine.Shutdown(ctx)
}
