package collector

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"

	"github.com/phaseline/phaseline/collector/phaselineextension"
)

// exposureCheck refuses a configuration that opens an OTLP receiver to other
// machines without authentication, unless the phaseline extension is told
// `insecure: true`. The extension checks its own listener.
type exposureCheck struct{}

func (exposureCheck) Convert(_ context.Context, conf *confmap.Conf) error {
	root := conf.ToStringMap()
	for _, ext := range components(root, "extensions", phaselineextension.Type.String()) {
		if insecure, _ := child(ext, "insecure").(bool); insecure {
			return nil
		}
	}
	receivers := components(root, "receivers", "otlp")
	for _, id := range slices.Sorted(maps.Keys(receivers)) {
		protocols, _ := child(receivers[id], "protocols").(map[string]any)
		for _, protocol := range slices.Sorted(maps.Keys(protocols)) {
			server := protocols[protocol]
			endpoint, _ := child(server, "endpoint").(string)
			transport, _ := child(server, "transport").(string)
			if endpoint == "" || strings.HasPrefix(transport, "unix") || phaselineextension.IsLoopback(endpoint) {
				continue
			}
			if child(server, "auth") != nil || child(child(server, "tls"), "client_ca_file") != nil {
				continue
			}
			return &phaselineextension.ExposedError{
				Endpoint: endpoint,
				Remedy: fmt.Sprintf("set receivers::%s::protocols::%s::auth::authenticator to a bearertokenauth extension",
					id, protocol),
			}
		}
	}
	return nil
}

// components returns the configured components of one type: `otlp`, `otlp/2`, …
func components(root map[string]any, kind, componentType string) map[string]any {
	all, _ := root[kind].(map[string]any)
	found := make(map[string]any)
	for id, conf := range all {
		if name, _, _ := strings.Cut(id, "/"); strings.TrimSpace(name) == componentType {
			found[id] = conf
		}
	}
	return found
}

// child returns the value under key if node is a map, else nil.
func child(node any, key string) any {
	m, _ := node.(map[string]any)
	return m[key]
}
