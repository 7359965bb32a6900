package collector

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.yaml.in/yaml/v3"

	"github.com/phaseline/phaseline/collector/phaselineextension"
)

func ignoreReady(phaselineextension.Ready) {}

func TestFactoriesAreValid(t *testing.T) {
	set, err := factories(ignoreReady)
	require.NoError(t, err)
	for _, f := range set.Receivers {
		assert.NotNil(t, f.CreateDefaultConfig(), f.Type())
	}
	for _, f := range set.Extensions {
		assert.NotNil(t, f.CreateDefaultConfig(), f.Type())
	}
}

func TestBuilderListsTheSameComponents(t *testing.T) {
	type module struct {
		GoMod  string `yaml:"gomod"`
		Import string `yaml:"import"`
	}
	var builder struct {
		Receivers, Processors, Exporters, Extensions, Connectors, Providers []module
	}
	text, err := os.ReadFile("builder.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &builder))
	goMod, err := os.ReadFile("../go.mod")
	require.NoError(t, err)

	set, err := factories(ignoreReady)
	require.NoError(t, err)
	for kind, lists := range map[string]struct {
		code map[component.Type]string
		file []module
	}{
		"receivers":  {set.ReceiverModules, builder.Receivers},
		"processors": {set.ProcessorModules, builder.Processors},
		"exporters":  {set.ExporterModules, builder.Exporters},
		"extensions": {set.ExtensionModules, builder.Extensions},
		"connectors": {set.ConnectorModules, builder.Connectors},
	} {
		var inCode, inFile []string
		for _, m := range lists.code {
			inCode = append(inCode, m)
		}
		for _, m := range lists.file {
			if m.Import != "" {
				inFile = append(inFile, m.Import)
			} else {
				inFile = append(inFile, m.GoMod)
			}
		}
		assert.ElementsMatch(t, inCode, inFile, kind)
	}
	for _, list := range [][]module{builder.Receivers, builder.Processors, builder.Exporters, builder.Extensions, builder.Providers} {
		for _, m := range list {
			if !strings.HasPrefix(m.GoMod, strings.TrimSuffix(own, "/")) {
				assert.Contains(t, string(goMod), "\t"+m.GoMod, "the version in builder.yaml is the one in go.mod")
			}
		}
	}
}
