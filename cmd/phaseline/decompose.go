package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/phaseline/phaseline/collector"
	"github.com/phaseline/phaseline/internal/dialect"
	"github.com/phaseline/phaseline/internal/phase"
	"github.com/phaseline/phaseline/internal/report"
)

func newDecomposeCommand() *cobra.Command {
	var asJSON, explain bool
	var config []string
	cmd := &cobra.Command{
		Use:   "decompose FILE...",
		Short: "Split the requests of OTLP trace files into their phases",
		Long: `Split the LLM requests in OTLP trace files into network, queue, prefill and
decode, and print each with what its numbers rest on. Files are OTLP/JSON or
protobuf, "-" is standard input, and several files are one set of spans: the
halves of a request may come from different exporters. Nothing is stored.`,
		Example: `  phaseline sample | phaseline decompose -
  phaseline decompose --explain client.json server.json
  phaseline decompose --config phaseline.yaml traces.json
  phaseline decompose --json traces.binpb | jq '.requests[].ttft_ns'`,
		Args: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				return errors.New(`no file: name OTLP trace files, or "-" for standard input`)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error {
			var options dialect.Options
			if len(config) > 0 {
				var err error
				if options, err = collector.ReaderOptions(cmd.Context(), config); err != nil {
					return err
				}
			}
			spans, err := report.ReadFiles(files, cmd.InOrStdin(), dialect.NewReader(options))
			if err != nil {
				return err
			}
			result := phase.Decompose(spans)
			var explanations []phase.Explanation
			if explain {
				explanations = phase.Explain(spans)
			}
			if asJSON {
				return report.JSON(cmd.OutOrStdout(), result, explanations)
			}
			return report.Text(cmd.OutOrStdout(), len(spans), result, explanations)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, `print {"requests": […]}, durations in integer nanoseconds`)
	cmd.Flags().BoolVar(&explain, "explain", false, "say for each number which span and attribute it was read from and by which rule, and which values were not believed")
	cmd.Flags().StringArrayVar(&config, "config", nil, "read spans as phaseline does with this configuration: its mappings, dimensions and tenants; may be repeated")
	return cmd
}
