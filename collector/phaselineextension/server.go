package phaselineextension

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"

	"github.com/phaseline/phaseline/api"
	"github.com/phaseline/phaseline/api/alerting"
	"github.com/phaseline/phaseline/web"
)

// listen takes the API's address. Requests wait until serve is called.
func (e *phaselineExtension) listen() error {
	listener, err := net.Listen("tcp", e.cfg.API.Endpoint)
	if err != nil {
		return fmt.Errorf("listen for the API: %w", err)
	}
	e.listener = listener
	e.onClose(func(context.Context) error {
		if err := listener.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

// serve answers on the API's address. It comes after Start, since only then the
// collector says where it receives spans.
func (e *phaselineExtension) serve() error {
	options := api.Options{
		Questions: e.questions,
		Store:     e.status,
		Counters:  e.counters,
		LoadTrace: e.store.LoadTrace,
		Reader:    e.reader,
		Gatherer:  e.opts.registry,
		UI:        web.FS(),
		Token:     string(e.cfg.API.Token),
		Version:   e.version,
		Roles:     e.roles(),
		Logger:    e.logger,
	}
	for _, r := range e.receivers {
		switch {
		case r.Protocol == protocolGRPC && options.OTLPGRPC == "":
			options.OTLPGRPC = strings.TrimPrefix(strings.TrimPrefix(r.URL, "http://"), "https://")
		case r.Protocol == protocolHTTP && options.OTLPHTTP == "":
			options.OTLPHTTP = r.URL
		}
	}
	if e.alerts != nil {
		options.Alerts = alerting.New(e.alerts)
	}
	handler, err := api.New(options)
	if err != nil {
		return err
	}
	server := api.NewHTTPServer(handler)
	server.ErrorLog = zap.NewStdLog(e.logger)
	e.onClose(server.Shutdown)
	e.background.Go(func() {
		if err := server.Serve(e.listener); !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(e.host, componentstatus.NewFatalErrorEvent(fmt.Errorf("serve the API: %w", err)))
		}
	})
	return nil
}

func (e *phaselineExtension) roles() []string {
	roles := []string{"api"}
	if e.cfg.Derive.Enabled {
		roles = append(roles, "derive")
	}
	if e.cfg.Alert.Enabled {
		roles = append(roles, "alert")
	}
	return roles
}

func (e *phaselineExtension) status() api.StoreStatus {
	stored := e.store.Status(context.Background())
	status := api.StoreStatus{
		Kind:        api.StoreStatusKindServer,
		DeriveLagNs: int64(stored.DeriveLag),
		RollupLagNs: int64(stored.RollupLag),
		Spans:       stored.SpansInserted,
		Requests:    stored.RequestsWritten,
		LastError:   stored.LastError,
	}
	if e.clickhouse.engine != nil {
		status.Kind = api.StoreStatusKindEmbedded
	}
	if err := e.watch.fault(); err != nil {
		status.Reason = err.Error()
	} else {
		status.Ready = true
	}
	return status
}

func (e *phaselineExtension) counters() []api.Count {
	counts := e.store.Status(context.Background()).Counts
	list := make([]api.Count, 0, len(counts))
	for reason, n := range counts {
		list = append(list, api.Count{Name: string(reason), Count: n})
	}
	if e.alerts != nil {
		for name, n := range e.alerts.Counts() {
			list = append(list, api.Count{Name: name, Count: n})
		}
	}
	slices.SortFunc(list, func(a, b api.Count) int { return strings.Compare(a.Name, b.Name) })
	return list
}
