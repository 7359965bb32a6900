// Package migrations holds the database schema as numbered SQL files and
// applies those that a database does not have yet.
//
// Migrations run forward only. Every statement can be repeated, so replicas may
// migrate at the same time and a run cut short is simply run again. A file that
// was applied is never changed: its checksum is kept and compared.
package migrations

import (
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

//go:embed *.sql
var files embed.FS

// Options says where and how the tables are made.
type Options struct {
	// Database is created when it is missing. Empty: the connection's own.
	Database string
	// Cluster, when set, names a cluster of remote_servers: tables are then made
	// ON CLUSTER as <name>_local with a replicated engine, and a Distributed
	// table <name> stands before each.
	Cluster string
	// PerNode leaves ON CLUSTER out: every node of the cluster is then migrated
	// through a connection of its own.
	PerNode bool
	// Retention is applied as TTL, anew whenever it differs from the tables'.
	Retention Retention
}

// Retention is how long rows are kept, by the time in the row; 0 keeps them for
// good. Whole days are dropped, once their newest row has passed it.
type Retention struct {
	Spans, Requests, Hours time.Duration
}

// migration is one numbered file.
type migration struct {
	version  uint32
	name     string
	sql      string
	checksum string
}

// Run brings the database up to the newest migration and applies the retention.
func Run(ctx context.Context, conn driver.Conn, o Options) error {
	all, err := load(files)
	if err != nil {
		return err
	}
	return run(ctx, conn, o, all)
}

func run(ctx context.Context, conn driver.Conn, o Options, all []migration) error {
	if o.Database == "" {
		if err := conn.QueryRow(ctx, "SELECT currentDatabase()").Scan(&o.Database); err != nil {
			return fmt.Errorf("migrations: find the database: %w", err)
		}
	} else if err := exec(ctx, conn, o, `CREATE DATABASE IF NOT EXISTS {{database}} {{onCluster}}`); err != nil {
		return fmt.Errorf("migrations: create database %s: %w", o.Database, err)
	}
	applied, err := appliedChecksums(ctx, conn, o)
	if err != nil {
		return err
	}
	for version := range applied {
		if newest := all[len(all)-1].version; version > newest {
			return fmt.Errorf("migrations: database %s was written by a newer release (migration %d, this one knows %d): upgrade phaseline, or give it another database",
				o.Database, version, newest)
		}
	}
	for _, m := range all {
		sum, done := applied[m.version]
		if done && sum != m.checksum {
			return fmt.Errorf("migrations: %s was changed after database %s had applied it: restore the file, and make the change in a new migration", m.name, o.Database)
		}
		if done {
			continue
		}
		if err := exec(ctx, conn, o, m.sql); err != nil {
			return fmt.Errorf("migrations: apply %s: %w", m.name, err)
		}
		if err := conn.Exec(ctx, "INSERT INTO "+o.table("migrations")+" (version, name, checksum) VALUES (?, ?, ?)", m.version, m.name, m.checksum); err != nil {
			return fmt.Errorf("migrations: record %s: %w", m.name, err)
		}
	}
	return applyRetention(ctx, conn, o)
}

// load reads the files named <number>_<what>.sql, in the order of their numbers,
// which run from 1 without a gap.
func load(fsys fs.FS) ([]migration, error) {
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("migrations: %s: the name does not start with a number", name)
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		all = append(all, migration{uint32(version), name, string(text), hex.EncodeToString(sum[:])})
	}
	slices.SortFunc(all, func(a, b migration) int { return cmp.Compare(a.version, b.version) })
	for i, m := range all {
		if int(m.version) != i+1 {
			return nil, fmt.Errorf("migrations: %s: number %d expected", m.name, i+1)
		}
	}
	return all, nil
}

// appliedChecksums returns the checksum of each migration that the database has.
func appliedChecksums(ctx context.Context, conn driver.Conn, o Options) (map[uint32]string, error) {
	err := exec(ctx, conn, o, `
CREATE TABLE IF NOT EXISTS {{local "migrations"}} {{onCluster}}
(
    version  UInt32,
    name     String,
    checksum String,
    applied  DateTime('UTC') DEFAULT now()
)
ENGINE = {{engine "ReplacingMergeTree" "applied"}}
ORDER BY version`)
	if err != nil {
		return nil, fmt.Errorf("migrations: create the list of applied migrations: %w", err)
	}
	rows, err := conn.Query(ctx, "SELECT version, checksum FROM "+o.table("migrations")+" FINAL")
	if err != nil {
		return nil, fmt.Errorf("migrations: read the list of applied migrations: %w", err)
	}
	defer rows.Close()
	applied := map[uint32]string{}
	for rows.Next() {
		var version uint32
		var sum string
		if err := rows.Scan(&version, &sum); err != nil {
			return nil, fmt.Errorf("migrations: read the list of applied migrations: %w", err)
		}
		applied[version] = sum
	}
	return applied, rows.Err()
}

// exec renders text and runs its statements, each of which ends with ";" at a line's end.
func exec(ctx context.Context, conn driver.Conn, o Options, text string) error {
	sql, err := o.render(text)
	if err != nil {
		return err
	}
	for statement := range strings.SplitSeq(sql+"\n", ";\n") {
		if statement = strings.TrimSpace(statement); statement == "" {
			continue
		}
		if err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// render fills the placeholders, which are what differs between one node and a cluster.
func (o Options) render(text string) (string, error) {
	t, err := template.New("").Funcs(template.FuncMap{
		"database":    func() string { return quote(o.Database) },
		"local":       o.table,
		"onCluster":   o.onCluster,
		"engine":      o.engine,
		"distributed": o.distributed,
	}).Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, nil); err != nil {
		return "", err
	}
	return b.String(), nil
}

// table names the table that holds the rows on this node.
func (o Options) table(name string) string {
	if o.Cluster != "" {
		name += "_local"
	}
	return quote(o.Database) + "." + name
}

func (o Options) onCluster() string {
	if o.Cluster == "" || o.PerNode {
		return ""
	}
	return "ON CLUSTER " + quote(o.Cluster)
}

// engine names the table engine, replicated within a shard where there is a cluster.
func (o Options) engine(name, arguments string) string {
	if o.Cluster == "" {
		return name + "(" + arguments + ")"
	}
	return "Replicated" + name + "('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', " + arguments + ")"
}

// distributed is the statement that puts a Distributed table before a local one; nothing on one node.
func (o Options) distributed(name, shardingKey string) string {
	if o.Cluster == "" {
		return ""
	}
	return fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s.%s %s AS %s ENGINE = Distributed(%s, %s, %s, %s)",
		quote(o.Database), name, o.onCluster(), o.table(name), literal(o.Cluster), literal(o.Database), literal(name+"_local"), shardingKey)
}

// quote and literal take names from the configuration, never from a request.
func quote(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

func literal(text string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(text) + "'"
}
