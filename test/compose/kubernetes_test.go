package compose

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/otelcol"
	"go.yaml.in/yaml/v3"

	"github.com/phaseline/phaseline/collector"
	"github.com/phaseline/phaseline/collector/phaselineextension"
)

const kubernetes = "../../deploy/kubernetes"

// manifest is what is looked at of a Kubernetes object.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Selector map[string]any
		Ports    []struct {
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Containers []container
				Volumes    []struct {
					Name      string
					ConfigMap struct{ Name string } `yaml:"configMap"`
				}
			}
		}
		VolumeClaimTemplates []struct{ Metadata struct{ Name string } } `yaml:"volumeClaimTemplates"`
	}
}

type container struct {
	Args  []string
	Env   []struct{ Name string }
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	ReadinessProbe probe                              `yaml:"readinessProbe"`
	LivenessProbe  probe                              `yaml:"livenessProbe"`
	VolumeMounts   []struct{ Name, MountPath string } `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

func manifests(t *testing.T, file string) (all []manifest) {
	text, err := os.Open(filepath.Join(kubernetes, file))
	require.NoError(t, err)
	defer text.Close()
	decoder := yaml.NewDecoder(text)
	for {
		var m manifest
		err := decoder.Decode(&m)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err, file)
		all = append(all, m)
	}
}

func TestKubernetesManifestsFitTogether(t *testing.T) {
	for _, role := range []string{"ingest", "query"} {
		var workload *manifest
		services := 0
		all := manifests(t, role+".yaml")
		for i := range all {
			if len(all[i].Spec.Template.Spec.Containers) > 0 {
				workload = &all[i]
			}
		}
		require.NotNil(t, workload, role)
		pod := workload.Spec.Template.Spec.Containers[0]
		ports := map[string]int{}
		for _, p := range pod.Ports {
			ports[p.Name] = p.ContainerPort
		}
		assert.Equal(t, 8321, ports["http"], role)
		for _, p := range []probe{pod.ReadinessProbe, pod.LivenessProbe} {
			assert.Equal(t, "http", p.HTTPGet.Port, role)
			assert.Contains(t, []string{"/healthz", "/readyz"}, p.HTTPGet.Path, role)
		}
		for _, m := range all {
			if m.Kind != "Service" {
				continue
			}
			services++
			assert.Equal(t, workload.Spec.Template.Metadata.Labels["app"], m.Spec.Selector["app"], m.Metadata.Name)
			for _, p := range m.Spec.Ports {
				assert.Contains(t, ports, p.TargetPort, m.Metadata.Name)
			}
		}
		assert.Positive(t, services, role)
		volumes := map[string]bool{}
		for _, v := range workload.Spec.Template.Spec.Volumes {
			volumes[v.Name] = true
			if v.Name == "role" {
				assert.Equal(t, "phaseline-"+role, v.ConfigMap.Name)
			}
		}
		for _, v := range workload.Spec.VolumeClaimTemplates {
			volumes[v.Metadata.Name] = true
		}
		for _, mount := range pod.VolumeMounts {
			assert.Contains(t, volumes, mount.Name, role)
		}

		// The image's configuration with the role laid over it, in the pod's environment.
		assert.Equal(t, []string{"--config", "/etc/phaseline/config.yaml", "--config", "/etc/phaseline/role/role.yaml"}, pod.Args, role)
		for _, e := range pod.Env {
			t.Setenv(e.Name, map[string]string{"PHASELINE_TOKEN": "12345", "PHASELINE_CLICKHOUSE_DSN": "clickhouse://phaseline:s@clickhouse:9000"}[e.Name])
		}
		set := collector.Settings("test", func(phaselineextension.Ready) {})
		set.ConfigProviderSettings.ResolverSettings.URIs = []string{"file:../../collector/container.yaml", "file:" + filepath.Join(kubernetes, "roles", role+".yaml")}
		set.ConfigProviderSettings.ResolverSettings.DefaultScheme = "env"
		service, err := otelcol.NewCollector(set)
		require.NoError(t, err)
		assert.NoError(t, service.DryRun(t.Context()), role)
	}
}
