package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/otelcol"

	"github.com/phaseline/phaseline/collector"
)

func newRootCommand() *cobra.Command {
	root := otelcol.NewCommand(collector.Settings(version(), printReady))
	root.Short = "Where the time of every LLM request went, and what changed"
	root.Long = `Phaseline takes OpenTelemetry traces of LLM applications, splits every request
into network, queue, prefill and decode, and serves the answers as a web UI, a
REST API and metrics.

Without arguments it runs everything on this machine: OTLP on 127.0.0.1:4317
and :4318, the UI and the API on http://127.0.0.1:8321, data in ./phaseline-data.`
	root.Example = `  phaseline
  phaseline --set extensions.phaseline.api.endpoint=127.0.0.1:9000
  phaseline --config phaseline.yaml
  phaseline sample | curl -sS -H 'Content-Type: application/json' --data-binary @- http://127.0.0.1:4318/v1/traces`
	root.SilenceErrors = true
	root.CompletionOptions.HiddenDefaultCmd = true
	withConfig := []*cobra.Command{root}
	for _, cmd := range root.Commands() {
		cmd.Example = collectorExamples[cmd.Name()]
		if cmd.Name() == "validate" || cmd.Name() == "print-config" {
			withConfig = append(withConfig, cmd)
		}
	}
	for _, cmd := range withConfig {
		cmd.Flags().Bool("insecure", false, "Allow listeners that other machines can reach to go without a token")
		cmd.PreRunE = completeConfig
	}

	root.AddCommand(
		newDecomposeCommand(),
		newSampleCommand(),
		newDemoCommand(),
		newSimulateCommand(),
		newQueryCommand(),
		newRulesCommand(),
	)
	return root
}

// collectorExamples are for the commands that every collector has.
var collectorExamples = map[string]string{
	"components": "  phaseline components",
	"validate": `  phaseline validate --config phaseline.yaml
  phaseline validate --set extensions.phaseline.retention.spans=48h`,
	"print-config": "  phaseline print-config --set extensions.phaseline.api.endpoint=127.0.0.1:9000",
	"featuregate":  "  phaseline featuregate",
}

// completeConfig puts the default configuration under what --set changes when
// there is no --config, and turns --insecure into the setting that it stands for.
func completeConfig(cmd *cobra.Command, _ []string) error {
	flags := cmd.Flags()
	if !flags.Changed("config") {
		if err := flags.Set("config", collector.DefaultURI()); err != nil {
			return err
		}
	}
	if !flags.Changed("insecure") {
		return nil
	}
	return flags.Set("set", "extensions.phaseline.insecure="+flags.Lookup("insecure").Value.String())
}

// release is set by the linker.
var release string

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
