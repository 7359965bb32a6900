package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/sample"
)

func newSampleCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sample",
		Short: "Print a realistic trace as OTLP/JSON, ended just now",
		Long: `Print a realistic trace as OTLP/JSON: a chat application that calls vLLM
through a LiteLLM gateway. It ended just now and has ids of its own, so that each
one sent shows up as a new request.`,
		Example: `  phaseline sample | curl -sS -H 'Content-Type: application/json' --data-binary @- http://127.0.0.1:4318/v1/traces
  phaseline sample | phaseline decompose -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			td, err := sample.Trace(time.Now())
			if err != nil {
				return err
			}
			json, err := new(ptrace.JSONMarshaler).MarshalTraces(td)
			if err != nil {
				return fmt.Errorf("write the sample trace: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), string(json))
			return err
		},
	}
}
