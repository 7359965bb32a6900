// Package compose checks the container set-up as far as that goes without a
// container engine: the compose file against its specification, and the
// container's configuration with the very environment that it gives.
package compose

import (
	"os/exec"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

func TestPhaselineStartsWithTheEnvironmentOfItsService(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing set": nil,
		"own secrets": {"PHASELINE_TOKEN": "a:b{c}#d", "CLICKHOUSE_PASSWORD": "s3cret-%41"},
	} {
		t.Run(name, func(t *testing.T) {
			phaseline, err := load(t, env).GetService("phaseline")
			require.NoError(t, err)
			validate := exec.Command("go", "run", "./cmd/phaseline", "validate", "--config", "collector/container.yaml")
			validate.Dir = "../.."
			validate.Env = validate.Environ()
			for key, value := range phaseline.Environment {
				require.NotNil(t, value, key)
				validate.Env = append(validate.Env, key+"="+*value)
			}
			out, err := validate.CombinedOutput()
			assert.NoError(t, err, string(out))
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
