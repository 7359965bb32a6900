package api

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/query"
)

// Options says what the API serves. Only Questions and Store are required.
type Options struct {
	// Questions answers what is asked about requests.
	Questions Questions
	// Store reports the state of the store, without waiting for it.
	Store func() StoreStatus
	// Counters reports what this process stored, refused or gave up since it
	// started, by name. Default: none.
	Counters func() []Count

	// LoadTrace returns the stored spans of a trace; empty if there are none.
	// Default nil: no waterfall and no evidence.
	LoadTrace func(ctx context.Context, tenant string, traceID [16]byte) (ptrace.Traces, error)
	// Reader reads the facts of those spans again, as when they were stored.
	Reader *dialect.Reader

	// Alerts is nil while alerts are switched off.
	Alerts Alerts

	// Gatherer has the metrics that /metrics serves. Default: no metrics.
	Gatherer prometheus.Gatherer

	// UI has the files of the user interface, index.html at the root.
	// Default: no user interface.
	UI fs.FS

	// Token that every request to the API and /metrics must bring as
	// `Authorization: Bearer …`. Default empty: no authentication; then requests
	// over loopback must name this machine as their host.
	Token string

	Version string   // of Phaseline
	Roles   []string // api, derive, alert: what this process does

	// OTLPGRPC (host:port) and OTLPHTTP (URL) are where this process receives
	// spans; empty if it does not.
	OTLPGRPC, OTLPHTTP string

	Logger *zap.Logger // default: none
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Questions is what the API asks of *query.Engine.
type Questions interface {
	Limits() query.Limits
	Breakdown(context.Context, query.Breakdown) (query.BreakdownAnswer, error)
	TimeSeries(context.Context, query.TimeSeries) (query.TimeSeriesAnswer, error)
	Heatmap(context.Context, query.Heatmap) (query.HeatmapAnswer, error)
	Composition(context.Context, query.Composition) (query.CompositionAnswer, error)
	Compare(context.Context, query.Compare) (query.CompareAnswer, error)
	Distinguish(context.Context, query.Distinguish) (query.DistinguishAnswer, error)
	Requests(context.Context, query.Requests) (query.RequestsAnswer, error)
	Request(context.Context, query.RequestID) ([]query.Request, error)
	Dimensions(context.Context, query.Dimensions) (query.DimensionsAnswer, error)
	DimensionValues(context.Context, query.DimensionValues) (query.DimensionValuesAnswer, error)
	Quality(context.Context, query.Quality) (query.QualityAnswer, error)
}

func (o Options) withDefaults() (Options, error) {
	if o.Questions == nil || o.Store == nil {
		return o, errors.New("api: Questions and Store are required")
	}
	if o.LoadTrace != nil && o.Reader == nil {
		return o, errors.New("api: LoadTrace needs Reader")
	}
	if o.Counters == nil {
		o.Counters = func() []Count { return nil }
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}
