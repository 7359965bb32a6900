package embedded_test

import (
	"context"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/phaseline/phaseline/internal/embedded"
)

// Launch does not wait: not for the engine, and not for the one that still has the folder.
func TestLaunchDoesNotWait(t *testing.T) {
	dir := t.TempDir()
	first := startEngine(t, dir, nil)
	started := time.Now()
	second, err := embedded.Launch(embedded.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, second) })
	if took := time.Since(started); took > 500*time.Millisecond {
		t.Errorf("Launch took %s", took)
	}
	conn, err := clickhouse.Open(second.Options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.Ping(context.Background()); err == nil {
		t.Error("two engines on one folder answer")
	}
	shutdown(t, first)
	waitFor(t, 15*time.Second, "the second engine", func() bool { return conn.Ping(context.Background()) == nil })
}
