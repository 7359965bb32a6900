// Package embeddedtest gives tests the real ClickHouse engine.
//
// A package that uses it needs one TestMain:
//
//	func TestMain(m *testing.M) { embeddedtest.Main(m) }
//
// and then, in any test:
//
//	conn := embeddedtest.Start(t)            // a connection to a database of its own
//	db := embeddedtest.Open(t)               // the same, with db.Conn, db.Name and db.Options
//
// The engine starts with the first call, in a temporary folder, and is shared by all tests
// of the binary; each call makes an empty database, dropped when the test ends. A test that
// cannot have the engine fails with the reason; it never skips.
package embeddedtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/embedded"
)

// Database is an empty database of one test.
type Database struct {
	Conn driver.Conn
	Name string
	// Options opens further connections; Auth.Database is set to Name.
	Options *clickhouse.Options
	// Engine is shared with the other tests of the binary: do not shut it down.
	Engine *embedded.Engine
}

// Start returns a connection to a new database, closed when the test ends.
func Start(t testing.TB) driver.Conn {
	t.Helper()
	return Open(t).Conn
}

// Open makes a new database and connects to it. At the end of the test the connection is
// closed and the database dropped.
func Open(t testing.TB) *Database {
	t.Helper()
	e := engine(t)
	db := &Database{
		Name:    fmt.Sprintf("test_%d", databases.Add(1)),
		Options: e.Options(),
		Engine:  e,
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	admin := connect(t, e.Options())
	if err := admin.Exec(ctx, "CREATE DATABASE "+db.Name); err != nil {
		t.Fatalf("create database: %v", err)
	}
	db.Options.Auth.Database = db.Name
	db.Conn = connect(t, db.Options)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = db.Conn.Close()
		// Without SYNC, which was seen to hang.
		if err := admin.Exec(ctx, "DROP DATABASE IF EXISTS "+db.Name); err != nil {
			t.Errorf("drop database: %v", err)
		}
		_ = admin.Close()
	})
	return db
}

func connect(t testing.TB, options *clickhouse.Options) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatalf("open a connection to the engine: %v", err)
	}
	return conn
}

// Main runs the tests of a package, shuts the engine down, and then runs the checks, such
// as one for leaked goroutines:
//
//	embeddedtest.Main(m, func() error { return goleak.Find() })
//
// It never returns.
func Main(m *testing.M, checks ...func() error) {
	embedded.MaybeChild()
	code := m.Run()
	for _, check := range append([]func() error{shutdown}, checks...) {
		if err := check(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

var (
	databases atomic.Int64
	start     sync.Once
	shared    *embedded.Engine
	folder    string
	startErr  error
)

func engine(t testing.TB) *embedded.Engine {
	t.Helper()
	start.Do(func() {
		if folder, startErr = os.MkdirTemp("", "phaseline-test-"); startErr != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		shared, startErr = embedded.Start(ctx, embedded.Config{
			DataDir: filepath.Join(folder, "data"),
			Logger:  zap.Must(zap.NewDevelopment()),
		})
	})
	if startErr != nil {
		t.Fatalf("start the embedded engine: %v", startErr)
	}
	return shared
}

func shutdown() error {
	if folder != "" {
		defer os.RemoveAll(folder)
	}
	if shared == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return shared.Shutdown(ctx)
}
