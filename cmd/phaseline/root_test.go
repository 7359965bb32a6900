package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/collector/phaselineextension"
)

func execute(t *testing.T, args ...string) (string, error) {
	t.Chdir(t.TempDir())
	root := newRootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetArgs(args)
	err := root.Execute()
	return out.String(), err
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string // in the error; empty: valid
	}{
		"the default":          {nil, ""},
		"the default, changed": {[]string{"--set", "extensions.phaseline.derive.enabled=false"}, ""},
		"unknown key":          {[]string{"--set", "extensions.phaseline.drive.enabled=false"}, "drive"},
		"exposed":              {[]string{"--set", "receivers.otlp.protocols.grpc.endpoint=0.0.0.0:4317"}, "0.0.0.0:4317"},
		"file":                 {[]string{"--config", "file:nowhere.yaml"}, "nowhere.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := execute(t, append([]string{"validate"}, test.args...)...)
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Contains(t, oneLine(err), test.want)
			assert.NotContains(t, oneLine(err), "\n")
		})
	}
}

func TestSamplePrintsOTLP(t *testing.T) {
	out, err := execute(t, "sample")
	require.NoError(t, err)
	td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces([]byte(out))
	require.NoError(t, err)
	assert.Equal(t, 4, td.SpanCount())
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		assert.NotEmpty(t, cmd.Short, path)
		// An example of a command is one of that very command, or of what it leads to.
		assert.Contains(t, cmd.Example, path, path)
		for line := range strings.Lines(cmd.Example) {
			_, rest, found := strings.Cut(line, "phaseline ")
			if !found || strings.Contains(line, "|") || strings.Contains(line, "curl") {
				continue
			}
			named, _, err := cmd.Root().Find(strings.Fields(rest))
			assert.NoError(t, err, line)
			if named != cmd.Root() {
				flags, _, _ := strings.Cut(rest, " > ")
				assert.NoError(t, named.ParseFlags(strings.Fields(flags)), line)
			}
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				check(sub)
			}
		}
	}
	check(newRootCommand())
}

func TestReadyLinesAlign(t *testing.T) {
	var out strings.Builder
	writeReady(&out, phaselineextension.Ready{
		Receivers: []phaselineextension.Receiver{{Protocol: "OTLP/gRPC", URL: "http://127.0.0.1:4317"}, {Protocol: "OTLP/HTTP", URL: "http://127.0.0.1:4318"}},
		UI:        "http://127.0.0.1:8321",
		Storage:   "embedded ClickHouse",
		DataDir:   filepath.FromSlash("/home/me/phaseline-data"),
	})
	assert.Equal(t, `Phaseline is ready.
  Send traces  OTLP/gRPC            http://127.0.0.1:4317
  Send traces  OTLP/HTTP            http://127.0.0.1:4318
  Look         UI and API           http://127.0.0.1:8321
  Scrape       Prometheus           http://127.0.0.1:8321/metrics
  Data         embedded ClickHouse  /home/me/phaseline-data
`, out.String())
}
