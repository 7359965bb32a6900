package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/phaseline/phaseline/internal/embedded"
)

func startEngine(t *testing.T, dir string, logger *zap.Logger) *embedded.Engine {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := embedded.Start(ctx, embedded.Config{DataDir: dir, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, e) })
	return e
}

func shutdown(t *testing.T, e *embedded.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := e.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, e *embedded.Engine) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(e.Options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func count(t *testing.T, conn driver.Conn) (n uint64) {
	t.Helper()
	if err := conn.QueryRow(context.Background(), "SELECT count() FROM t").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDataOutlivesTheEngine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "start")
	ctx := context.Background()
	for run := range 2 {
		start := time.Now()
		e := startEngine(t, dir, nil)
		t.Logf("start %d took %s", run, time.Since(start))
		conn := connect(t, e)
		if err := conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS t (x Int64) ENGINE = MergeTree ORDER BY x"); err != nil {
			t.Fatal(err)
		}
		if n := count(t, conn); n != uint64(run) {
			t.Errorf("%d rows at start %d", n, run)
		}
		if err := insert(ctx, conn, "INSERT INTO t", int64(run)); err != nil {
			t.Fatal(err)
		}
		shutdown(t, e)
		if err := conn.Ping(ctx); err == nil {
			t.Error("a query after shutdown succeeds")
		}
	}
}

// kill -9 in the middle of inserts, three times: what was acknowledged is there, and queries
// work again within seconds.
func TestACrashLosesNothingAcknowledged(t *testing.T) {
	core, logs := observer.New(zap.ErrorLevel)
	e := startEngine(t, t.TempDir(), zap.New(core))
	conn := connect(t, e)
	ctx := context.Background()
	if err := conn.Exec(ctx, "CREATE TABLE t (x Int64) ENGINE = MergeTree ORDER BY x"); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	var acknowledged, refused atomic.Int64
	go func() {
		defer close(stopped)
		for x := int64(0); ; x++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := insert(ctx, conn, "INSERT INTO t", x); err == nil {
				acknowledged.Add(1)
			} else {
				refused.Add(1)
				time.Sleep(10 * time.Millisecond)
			}
		}
	}()
	const crashes = 3
	for range crashes {
		before := acknowledged.Load()
		waitFor(t, 10*time.Second, "inserts", func() bool { return acknowledged.Load() > before+20 })
		if err := syscall.Kill(e.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		crash := time.Now()
		waitFor(t, 10*time.Second, "the crash to show", func() bool { return conn.Ping(ctx) != nil || e.PID() == 0 })
		waitFor(t, 10*time.Second, "queries to work again", func() bool { return conn.Ping(ctx) == nil })
		t.Logf("queries work %s after the crash", time.Since(crash))
	}
	close(stop)
	<-stopped
	var stored uint64
	if err := conn.QueryRow(ctx, "SELECT uniqExact(x) FROM t").Scan(&stored); err != nil {
		t.Fatal(err)
	}
	// An insert whose acknowledgement the crash cut off may be there too: that is allowed.
	if a := uint64(acknowledged.Load()); stored < a || stored > a+uint64(refused.Load()) {
		t.Errorf("%d rows stored, %d acknowledged, %d refused", stored, a, refused.Load())
	}
	if n := e.Crashes(); n != crashes {
		t.Errorf("%d crashes counted, want %d", n, crashes)
	}
	if n := logs.Len(); n != crashes {
		t.Errorf("%d errors logged for %d crashes: %v", n, crashes, logs.All())
	}
}

// Whatever keeps the engine from starting again, it is tried again, and logged once.
func TestARestartThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	core, logs := observer.New(zap.ErrorLevel)
	e := startEngine(t, dir, zap.New(core))
	conn := connect(t, e)
	lock, err := os.Open(filepath.Join(dir, "phaseline.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	taken := make(chan error, 1)
	go func() { taken <- syscall.Flock(int(lock.Fd()), syscall.LOCK_EX) }()
	time.Sleep(50 * time.Millisecond) // for the goroutine to wait for the lock
	if err := syscall.Kill(e.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	waitFor(t, 20*time.Second, "the restart to fail", func() bool { return logs.Len() == 2 })
	if err := conn.Ping(context.Background()); err == nil || !strings.Contains(err.Error(), "is used by another") {
		t.Errorf("the reason does not show: %v", err)
	}
	_ = lock.Close()
	waitFor(t, 20*time.Second, "queries to work again", func() bool { return conn.Ping(context.Background()) == nil })
	if logs.Len() != 2 {
		t.Errorf("logged %v, want the crash and the failed restart", logs.All())
	}
}

func TestWhileTheEngineIsDownTheErrorSaysSo(t *testing.T) {
	e := startEngine(t, t.TempDir(), nil)
	conn := connect(t, e)
	shutdown(t, e)
	err := conn.Ping(context.Background())
	if err == nil || !strings.Contains(err.Error(), "embedded ClickHouse engine is down") {
		t.Errorf("got %v", err)
	}
}

func TestADataFolderInUseIsOneClearError(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	first := startEngine(t, dir, nil)
	start := time.Now()
	_, err := embedded.Start(context.Background(), embedded.Config{DataDir: dir})
	want := fmt.Sprintf("data folder %s is used by another Phaseline (engine process %d)", dir, first.PID())
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want %s", err, want)
	}
	if waited := time.Since(start); waited < 9*time.Second {
		t.Errorf("gave up after %s; an engine that still closes needs up to 10 s", waited)
	}
}

func TestANewEngineWaitsForTheOldOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := startEngine(t, dir, nil)
	go func() {
		time.Sleep(time.Second)
		shutdown(t, old)
	}()
	conn := connect(t, startEngine(t, dir, nil))
	if err := conn.Ping(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestBadDataFolders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(file, "data"), "/proc/phaseline-data"} {
		_, err := embedded.Start(context.Background(), embedded.Config{DataDir: dir})
		if err == nil || !strings.Contains(err.Error(), "set data_dir to another folder") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", dir, err)
		}
	}
}

func TestWhatTheEngineCannotOpenIsSaid(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "metadata"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "metadata", "broken.sql"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.Start(context.Background(), embedded.Config{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "Syntax error") || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
}

func TestABrokenLibraryIsAnError(t *testing.T) {
	library := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(library, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.Start(context.Background(), embedded.Config{DataDir: t.TempDir(), Library: library})
	if err == nil || !strings.Contains(err.Error(), library) {
		t.Errorf("got %v", err)
	}
}

func TestACancelledStartLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	dir := t.TempDir()
	if e, err := embedded.Start(ctx, embedded.Config{DataDir: dir}); err == nil {
		shutdown(t, e)
		t.Skip("this machine starts the engine in 50 ms")
	}
	startEngine(t, dir, nil) // would wait for the lock, and fail, if a child were left
}

const parentEnv = "PHASELINE_TEST_PARENT" // the data folder

// runAsParent is the process that TestParentDeathEndsTheChild kills.
func runAsParent() {
	dir := os.Getenv(parentEnv)
	if dir == "" {
		return
	}
	embedded.MaybeChild()
	e, err := embedded.Start(context.Background(), embedded.Config{DataDir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(e.PID())
	select {}
}

func TestParentDeathEndsTheChild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentEnv+"="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	_ = parent.Process.Kill()
	_ = parent.Wait()
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the parent said %q", line)
	}
	waitFor(t, 10*time.Second, "the child to exit", func() bool { return syscall.Kill(child, 0) != nil })
	startEngine(t, dir, nil)
}
