// Package compose checks the container set-ups as far as that goes without a
// container engine: the compose file against its specification, that Kubernetes
// manifests fit together, and the container's configuration with the very
// environment that either gives.
package compose

import (
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/otelcol"

	"github.com/phaseline/phaseline/collector"
	"github.com/phaseline/phaseline/collector/phaselineextension"
)

func load(t *testing.T, env map[string]string) *types.Project {
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  "../..",
		ConfigFiles: []types.ConfigFile{{Filename: "../../docker-compose.yml"}},
		Environment: env,
	})
	require.NoError(t, err, "docker-compose.yml against the Compose Specification")
	return project
}

func TestPortsAreForThisMachineOnly(t *testing.T) {
	for _, service := range load(t, nil).Services {
		for _, port := range service.Ports {
			assert.Equal(t, "127.0.0.1", port.HostIP, "%s publishes %s", service.Name, port.Published)
		}
	}
}

// What `phaseline validate --config collector/container.yaml` does, with the
// environment that the compose file gives.
func TestConfigurationFitsTheEnvironmentOfItsService(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing set": nil,
		"own secrets": {"PHASELINE_TOKEN": "a:b{c}#d", "CLICKHOUSE_PASSWORD": "s3cret-%41"},
	} {
		t.Run(name, func(t *testing.T) {
			container, err := load(t, env).GetService("phaseline")
			require.NoError(t, err)
			for key, value := range container.Environment {
				require.NotNil(t, value, key)
				t.Setenv(key, *value)
			}
			set := collector.Settings("test", func(phaselineextension.Ready) {})
			set.ConfigProviderSettings.ResolverSettings.URIs = []string{"file:../../collector/container.yaml"}
			set.ConfigProviderSettings.ResolverSettings.DefaultScheme = "env"
			service, err := otelcol.NewCollector(set)
			require.NoError(t, err)
			assert.NoError(t, service.DryRun(t.Context()))
		})
	}
}

func TestServicesFitTogether(t *testing.T) {
	project := load(t, map[string]string{"CLICKHOUSE_PASSWORD": "s3cret"})
	phaseline, err := project.GetService("phaseline")
	require.NoError(t, err)
	server, err := project.GetService("clickhouse")
	require.NoError(t, err)
	user, password := *server.Environment["CLICKHOUSE_USER"], *server.Environment["CLICKHOUSE_PASSWORD"]
	assert.Equal(t, "clickhouse://"+user+":"+password+"@clickhouse:9000", *phaseline.Environment["PHASELINE_CLICKHOUSE_DSN"])
	assert.NotEmpty(t, *phaseline.Environment["PHASELINE_TOKEN"])
}
