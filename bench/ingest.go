package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/phaseline/phaseline/internal/embedded"
)

const (
	senders = 8 // exports under way at once
	// storeLimit is how long after the last export everything must be stored.
	storeLimit = 5 * time.Minute
)

// ingested is what one run measured.
type ingested struct {
	system *system
	load   load
	cpu    usage // until everything is stored, derived and merged
	wall   time.Duration
	peak   int64 // bytes
	// maxLag is the longest that a stored span waited for its request.
	maxLag time.Duration
	tables map[string]float64 // bytes on disk after a merge
	folder string
}

// perCore is spans for each second of processor time, collector and engine together.
func (i ingested) perCore() float64 { return float64(i.load.spans) / i.cpu.all().Seconds() }

// microseconds is a processor time for each span.
func (i ingested) microseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / float64(i.load.spans)
}

// run sends a load to a system and measures.
func run(ctx context.Context, s *system, requests int, folder string) (ingested, error) {
	result := ingested{system: s, folder: folder}
	// In a minute, so that no span is older than the process that takes it.
	l, err := newLoad(requests, time.Now().Add(time.Minute))
	if err != nil {
		return result, err
	}
	result.load = l
	port, err := freePort()
	if err != nil {
		return result, err
	}
	c, err := s.start(folder, port)
	if err != nil {
		return result, err
	}
	stopped := false
	defer func() {
		if !stopped {
			_ = c.stop()
		}
	}()
	url := fmt.Sprintf("http://127.0.0.1:%d/v1/traces", port)
	if err := waitFor(time.Minute, s.name+" to listen", func() (bool, error) { return true, post(ctx, url, nil) }); err != nil {
		return result, err
	}
	before, err := c.usage()
	if err != nil {
		return result, err
	}
	began := time.Now()
	watched := watchLag(ctx, s)
	if err := send(ctx, url, l); err != nil {
		return result, err
	}
	if err := waitFor(storeLimit, s.name+" to store everything", func() (bool, error) { return s.stored(ctx, l) }); err != nil {
		return result, err
	}
	result.wall = time.Since(began)
	result.maxLag = watched()
	if err := calm(c); err != nil {
		return result, err
	}
	after, err := c.usage()
	if err != nil {
		return result, err
	}
	result.cpu = after.since(before)
	if result.peak, err = c.peakMemory(); err != nil {
		return result, err
	}
	stopped = true
	if err := c.stop(); err != nil {
		return result, err
	}
	if s.data != "" {
		result.tables, err = sizes(ctx, filepath.Join(folder, s.data), s.tables)
	}
	return result, err
}

// send posts every export, several at a time and about in order, each again until it is taken.
func send(ctx context.Context, url string, l load) error {
	var next atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, senders)
	for range senders {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(l.bodies) {
					return
				}
				err := waitFor(time.Minute, "an export to be taken", func() (bool, error) { return true, post(ctx, url, l.bodies[i]) })
				if err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(failed)
	return <-failed
}

func post(ctx context.Context, url string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", response.Status)
	}
	return nil
}

// watchLag looks at the system's lag until the function it returns is called,
// which returns the longest seen.
func watchLag(ctx context.Context, s *system) func() time.Duration {
	if s.lag == nil {
		return func() time.Duration { return 0 }
	}
	stop, done := make(chan struct{}), make(chan time.Duration)
	go func() {
		var longest time.Duration
		for {
			select {
			case <-stop:
				done <- longest
				return
			case <-time.After(200 * time.Millisecond):
			}
			if lag, err := s.lag(ctx); err == nil {
				longest = max(longest, lag)
			}
		}
	}()
	return func() time.Duration {
		close(stop)
		return <-done
	}
}

// calm waits until collector and engine have hardly anything left to do: the
// merges of what was stored are part of its cost.
func calm(c *collector) error {
	last, err := c.usage()
	if err != nil {
		return err
	}
	for range 60 {
		time.Sleep(time.Second)
		now, err := c.usage()
		if err != nil {
			return err
		}
		if now.since(last).all() < 100*time.Millisecond {
			return nil
		}
		last = now
	}
	return nil
}

// sizes are the bytes on disk of the tables, each merged into one part.
func sizes(ctx context.Context, folder, database string) (map[string]float64, error) {
	engine, err := embedded.Start(ctx, embedded.Config{DataDir: folder})
	if err != nil {
		return nil, err
	}
	defer func() { _ = engine.Shutdown(context.Background()) }()
	options := engine.Options()
	options.Auth.Database = database
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	bytes := map[string]float64{}
	for _, table := range []string{"spans", "requests", "otel_traces"} {
		if there, err := number(ctx, conn, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = ?", table); err != nil || there == 0 {
			if err != nil {
				return nil, err
			}
			continue
		}
		if err := conn.Exec(ctx, "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
			return nil, err
		}
		if bytes[table], err = number(ctx, conn, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase() AND table = ?", table); err != nil {
			return nil, err
		}
	}
	return bytes, nil
}

// waitFor asks every 50 ms until the answer is yes.
func waitFor(limit time.Duration, what string, done func() (bool, error)) error {
	deadline := time.Now().Add(limit)
	for {
		ok, err := done()
		if ok && err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v for %s (last error: %v)", limit, what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func eachLine(r io.Reader, each func(string) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := each(lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// fresh makes an empty folder for one run.
func fresh(parent, name string) (string, error) {
	folder := filepath.Join(parent, name)
	if err := os.RemoveAll(folder); err != nil {
		return "", err
	}
	return folder, os.MkdirAll(folder, 0o755)
}
