package phaselineextension

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/phaseline/phaseline/internal/embedded"
	"github.com/phaseline/phaseline/internal/store"
)

// storeMetrics shows the store's state to Prometheus. It reads it when scraped.
type storeMetrics struct {
	store  *store.Store
	watch  *watch
	engine *embedded.Engine // nil with a server
}

var (
	readyDesc = prometheus.NewDesc("phaseline_store_ready",
		"1 while the store can be used.", nil, nil)
	insertedDesc = prometheus.NewDesc("phaseline_spans_stored_total",
		"Spans stored.", nil, nil)
	requestsDesc = prometheus.NewDesc("phaseline_request_rows_written_total",
		"Request rows and tombstones written; a request is written again when a span of it comes late.", nil, nil)
	refusedDesc = prometheus.NewDesc("phaseline_spans_refused_total",
		"Spans and requests that were not stored, by reason.", []string{"reason"}, nil)
	noticedDesc = prometheus.NewDesc("phaseline_spans_noticed_total",
		"Spans that were stored and not taken as they are, and inserts that were repeated, by reason.", []string{"reason"}, nil)
	correctedDesc = prometheus.NewDesc("phaseline_metrics_corrected_requests_total",
		"Requests that changed, by spans that came late, after the request metrics had observed them.", nil, nil)
	crashesDesc = prometheus.NewDesc("phaseline_embedded_clickhouse_crashes_total",
		"Times the embedded ClickHouse ended by itself and was started again.", nil, nil)
	deriveLagDesc = prometheus.NewDesc("phaseline_derive_lag_seconds",
		"Age of the oldest stored span that no request has been derived from yet.", nil, nil)
	rollupLagDesc = prometheus.NewDesc("phaseline_rollup_lag_seconds",
		"Age of the oldest request of a past hour that is not in its hour yet.", nil, nil)
)

func (m storeMetrics) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{readyDesc, insertedDesc, requestsDesc, correctedDesc, refusedDesc, noticedDesc, crashesDesc, deriveLagDesc, rollupLagDesc} {
		descs <- desc
	}
}

func (m storeMetrics) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
	counter := func(desc *prometheus.Desc, value int64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), labels...)
	}
	status := m.store.Status(context.Background())
	ready := 1.0
	if m.watch.fault() != nil {
		ready = 0
	}
	gauge(readyDesc, ready)
	gauge(deriveLagDesc, status.DeriveLag.Seconds())
	gauge(rollupLagDesc, status.RollupLag.Seconds())
	counter(insertedDesc, status.SpansInserted)
	counter(requestsDesc, status.RequestsWritten)
	counter(correctedDesc, status.Corrected)
	if m.engine != nil {
		counter(crashesDesc, m.engine.Crashes())
	}
	// Every reason is there from the start, so that its first increase is seen.
	for _, reason := range store.Reasons {
		desc := noticedDesc
		if reason.Refused() {
			desc = refusedDesc
		}
		counter(desc, status.Counts[reason], string(reason))
	}
}
