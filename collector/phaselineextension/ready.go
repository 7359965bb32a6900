package phaselineextension

import (
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

// Ready says where a running Phaseline is reached.
type Ready struct {
	Receivers []Receiver // of OTLP, in the order of their names
	UI        string     // URL of the UI and API; empty if switched off
	Storage   string     // what the data is in: "embedded ClickHouse" or a server's address
	DataDir   string     // absolute
}

const (
	protocolGRPC = "OTLP/gRPC"
	protocolHTTP = "OTLP/HTTP"
)

// Receiver is one OTLP listener.
type Receiver struct {
	Protocol string // protocolGRPC or protocolHTTP
	URL      string
}

// receivers finds the OTLP listeners in the collector's effective configuration.
func receivers(conf *confmap.Conf) []Receiver {
	all, _ := conf.Get("receivers").(map[string]any)
	var found []Receiver
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if kind, _, _ := strings.Cut(id, "/"); kind != "otlp" {
			continue
		}
		for _, p := range []struct{ key, name string }{{"grpc", protocolGRPC}, {"http", protocolHTTP}} {
			at := "receivers::" + id + "::protocols::" + p.key
			endpoint, _ := conf.Get(at + "::endpoint").(string)
			if endpoint == "" {
				continue
			}
			scheme := "http://"
			if conf.Get(at+"::tls") != nil {
				scheme = "https://"
			}
			found = append(found, Receiver{Protocol: p.name, URL: scheme + endpoint})
		}
	}
	return found
}
