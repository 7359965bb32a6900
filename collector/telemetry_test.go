package collector

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/service/telemetry"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMetricsOfTheCollectorAreInTheRegistry(t *testing.T) {
	registry := prometheus.NewRegistry()
	provider, err := createMeterProvider(t.Context(), telemetry.MeterSettings{}, registry)
	require.NoError(t, err)
	counter, err := provider.Meter("test").Int64Counter("otelcol_receiver_accepted_spans")
	require.NoError(t, err)
	counter.Add(t.Context(), 7)

	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
	assert.Equal(t, "otelcol_receiver_accepted_spans_total", families[0].GetName())
	assert.Equal(t, 7.0, families[0].GetMetric()[0].GetCounter().GetValue())
	require.NoError(t, provider.Shutdown(t.Context()))
}

// What fails at start is returned, and so printed once.
func TestErrorsAtStartAreNotLoggedToo(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	logger := zap.New(startErrors{core}).With(zap.String("id", "otlp"))
	logger.Error("Failed to start component")
	logger.Error("something else")
	require.Equal(t, 1, logs.Len())
	assert.Equal(t, "something else", logs.All()[0].Message)
}
