package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/phaseline/phaseline/internal/embedded"
)

// mode is how a collector keeps what it has acknowledged.
type mode struct{ name, queue string }

var (
	// onDisk acknowledges when the spans are in a queue on disk.
	onDisk = mode{"file_storage queue", "storage: file_storage"}
	// untilStored acknowledges when the spans are in a table.
	untilStored = mode{"wait_for_result", "wait_for_result: true"}
	discarded   = mode{"nop exporter", ""}
)

// system is something that takes spans.
type system struct {
	name   string
	mode   mode
	start  func(folder string, port int) (*collector, error)
	stored func(ctx context.Context, l load) (bool, error) // whether all of it is in, and derived
	lag    func(ctx context.Context) (time.Duration, error)
	data   string // the engine's folder within that of the run; empty: nothing is stored
	tables string // database of the tables
}

// pipeline is the configuration that every system has in common. The batch and
// queue settings are Phaseline's defaults.
func pipeline(folder string, port int, m mode, exporter, settings, extension string) string {
	exporters, extensions := exporter+": {}", []string{"file_storage"}
	if m != discarded {
		exporters = fmt.Sprintf(`%s:
    timeout: 30s
%s    retry_on_failure: {initial_interval: 1s, max_elapsed_time: 0}
    sending_queue:
      sizer: bytes
      queue_size: 4294967296
      num_consumers: 2
      batch: {flush_timeout: 500ms, sizer: items, min_size: 10000, max_size: 20000}
      %s`, exporter, settings, m.queue)
	}
	if extension != "" {
		extensions = append(extensions, "phaseline")
	}
	return fmt.Sprintf(`
receivers:
  otlp:
    protocols:
      http: {endpoint: "127.0.0.1:%d"}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 25, spike_limit_percentage: 5}
exporters:
  %s
extensions:
  file_storage: {directory: %q, create_directory: true, fsync: true}
%sservice:
  extensions: [%s]
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter], exporters: [%s]}
  telemetry:
    logs: {level: warn}
`, port, exporters, filepath.Join(folder, "queue"), extension, strings.Join(extensions, ", "), exporter)
}

// phaseline decomposes what it stores, with its loops and its API switched on.
func phaseline(binary string, m mode) *system {
	var metrics string
	s := &system{name: "Phaseline", mode: m, data: "data/clickhouse", tables: "phaseline"}
	s.start = func(folder string, port int) (*collector, error) {
		api, err := freePort()
		if err != nil {
			return nil, err
		}
		metrics = fmt.Sprintf("http://127.0.0.1:%d/metrics", api)
		c, err := startCollector(binary, folder, pipeline(folder, port, m, "phaseline", "", fmt.Sprintf(
			"  phaseline:\n    data_dir: %q\n    api: {endpoint: \"127.0.0.1:%d\"}\n", filepath.Join(folder, "data"), api)))
		if err != nil {
			return nil, err
		}
		pid := 0
		c.engine = func() int {
			if pid == 0 {
				pid = childOf(c.cmd.Process.Pid)
			}
			return pid
		}
		return c, waitFor(time.Minute, "Phaseline to be ready", func() (bool, error) {
			v, err := scrape(metrics, "phaseline_store_ready")
			return v["phaseline_store_ready"] == 1, err
		})
	}
	s.lag = func(context.Context) (time.Duration, error) {
		v, err := scrape(metrics, "phaseline_derive_lag_seconds")
		return time.Duration(v["phaseline_derive_lag_seconds"] * float64(time.Second)), err
	}
	s.stored = func(_ context.Context, l load) (bool, error) {
		v, err := scrape(metrics, "phaseline_spans_stored_total", "phaseline_request_rows_written_total", "phaseline_derive_lag_seconds")
		return v["phaseline_spans_stored_total"] >= float64(l.spans) && v["phaseline_request_rows_written_total"] >= float64(l.requests) &&
			v["phaseline_derive_lag_seconds"] == 0, err
	}
	return s
}

// peer is contrib's clickhouseexporter on the same engine, which this process
// runs for it. Its table is the one that it creates itself.
func peer(binary string, m mode) *system {
	var conn driver.Conn
	s := &system{name: "clickhouseexporter", mode: m, data: "clickhouse", tables: "otel"}
	s.start = func(folder string, port int) (*collector, error) {
		engine, err := embedded.Start(context.Background(), embedded.Config{DataDir: filepath.Join(folder, s.data)})
		if err != nil {
			return nil, err
		}
		address, stop, err := serveTCP(engine)
		if err != nil {
			return nil, err
		}
		if conn, err = clickhouse.Open(engine.Options()); err != nil {
			return nil, err
		}
		c, err := startCollector(binary, folder, pipeline(folder, port, m, "clickhouse", fmt.Sprintf(
			"    endpoint: http://%s\n    database: otel\n    create_schema: true\n    async_insert: false\n    compress: none\n", address), ""))
		if err != nil {
			return nil, err
		}
		c.engine = engine.PID
		c.close = func() {
			stop()
			_ = conn.Close()
			_ = engine.Shutdown(context.Background())
		}
		return c, waitFor(time.Minute, "the peer to make its table", func() (bool, error) {
			_, err := number(context.Background(), conn, "SELECT count() FROM otel.otel_traces")
			return err == nil, err
		})
	}
	s.stored = func(ctx context.Context, l load) (bool, error) {
		n, err := number(ctx, conn, "SELECT count() FROM otel.otel_traces")
		return n >= float64(l.spans), err
	}
	return s
}

// limit is Phaseline's own receiver before an exporter that drops everything.
func limit(binary string) *system {
	return &system{
		name: "otlp receiver alone", mode: discarded,
		start: func(folder string, port int) (*collector, error) {
			return startCollector(binary, folder, pipeline(folder, port, discarded, "nop", "", ""))
		},
		stored: func(context.Context, load) (bool, error) { return true, nil },
	}
}

// number is the single number that a query answers with.
func number(ctx context.Context, conn driver.Conn, query string, arguments ...any) (float64, error) {
	var n float64
	err := conn.QueryRow(ctx, "SELECT toFloat64(("+query+"))", arguments...).Scan(&n)
	return n, err
}

// scrape reads series without labels from a page of Prometheus metrics.
func scrape(url string, names ...string) (map[string]float64, error) {
	response, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	values := map[string]float64{}
	err = eachLine(response.Body, func(line string) error {
		for _, name := range names {
			if text, is := strings.CutPrefix(line, name+" "); is {
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					return err
				}
				values[name] = v
			}
		}
		return nil
	})
	return values, err
}
