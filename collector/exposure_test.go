package collector

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"

	"github.com/phaseline/phaseline/collector/phaselineextension"
)

func TestExposureCheck(t *testing.T) {
	for name, test := range map[string]struct {
		config  string
		exposed string // endpoint that is refused
	}{
		"loopback":       {`receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:1"}, http: {endpoint: "[::1]:2"}}}}`, ""},
		"localhost":      {`receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:1"}}}}`, ""},
		"default":        {`receivers: {otlp: {protocols: {grpc: }}}`, ""},
		"socket":         {`receivers: {otlp: {protocols: {grpc: {endpoint: /run/otlp.sock, transport: unix}}}}`, ""},
		"every address":  {`receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}`, "0.0.0.0:4317"},
		"no host":        {`receivers: {otlp: {protocols: {http: {endpoint: ":4318"}}}}`, ":4318"},
		"every IPv6":     {`receivers: {otlp: {protocols: {http: {endpoint: "[::]:4318"}}}}`, "[::]:4318"},
		"host name":      {`receivers: {otlp: {protocols: {http: {endpoint: "otel.example:4318"}}}}`, "otel.example:4318"},
		"named receiver": {`receivers: {otlp/2: {protocols: {http: {endpoint: "10.0.0.1:4318"}}}}`, "10.0.0.1:4318"},
		"with token":     {`receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317", auth: {authenticator: bearertokenauth}}}}}`, ""},
		"with client certificates": {
			`receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317", tls: {cert_file: a, key_file: b, client_ca_file: c}}}}}`, ""},
		"server certificate only": {
			`receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317", tls: {cert_file: a, key_file: b}}}}}`, "0.0.0.0:4317"},
		"accepted":     {`{receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}, extensions: {phaseline: {insecure: true}}}`, ""},
		"not accepted": {`{receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}, extensions: {phaseline: {insecure: false}}}`, "0.0.0.0:4317"},
		"another kind": {`receivers: {kafka: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var conf map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(test.config), &conf))
			err := exposureCheck{}.Convert(context.Background(), confmap.NewFromStringMap(conf))
			if test.exposed == "" {
				assert.NoError(t, err)
				return
			}
			var exposed *phaselineextension.ExposedError
			require.ErrorAs(t, err, &exposed)
			assert.Equal(t, test.exposed, exposed.Endpoint)
		})
	}
}
