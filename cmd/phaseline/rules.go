package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/query"
)

func newRulesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Check, test and replay alert rules",
		Example: `  phaseline rules default > rules.yaml
  phaseline rules check rules.yaml
  phaseline rules replay --rules rules.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRulesCheckCommand(), newRulesTestCommand(), newRulesReplayCommand(), newRulesDefaultCommand())
	return cmd
}

// readRules reads a rule file; the default rules without one.
func readRules(path string) ([]alert.Rule, error) {
	text := []byte(alert.DefaultRules())
	if path != "" {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	rules, err := alert.ParseRules(text)
	for _, r := range rules {
		if _, bad := query.ParseFilters(r.Filters); bad != nil {
			err = errors.Join(err, fmt.Errorf("rule %q: %w", r.Name, bad))
		}
	}
	return rules, err
}

func newRulesCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check FILE",
		Short:   "Say what is wrong with a rule file",
		Example: "  phaseline rules check rules.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := readRules(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d rules, no mistakes\n", args[0], len(rules))
			return nil
		},
	}
}

func newRulesTestCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Run rule tests: traffic in, expected states out",
		Long: `Runs text files of rule tests against the rules of --rules, or against the
default rules. A test draws traffic and expects states at times relative to a
moment of interest:

  rule ttft_p95_regression
  group service=chat model=m
  load 60/min ttft=300ms from=-30h
  load 60/min ttft=700ms parts=queue from=0m to=20m
  expect inactive at=-1m
  expect firing at=5m owner=queue`,
		Example: "  phaseline rules test rules.test\n  phaseline rules test --rules rules.yaml rules.test",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := readRules(file)
			if err != nil {
				return err
			}
			for _, path := range args {
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				if err := alert.RunTests(cmd.Context(), rules, bytes.NewReader(text)); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: ok\n", path)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "rules", "", "Rule file (default: the default rules)")
	return cmd
}

func newRulesReplayCommand() *cobra.Command {
	var file, server, token string
	cmd := &cobra.Command{
		Use:   "replay [RULE...]",
		Short: "Say when rules would have fired in the last 7 days",
		Long: `Asks a running Phaseline to replay each rule of --rules, or each default rule,
over the requests of the last 7 days. Nothing is stored and nobody is told.`,
		Example: "  phaseline rules replay --rules rules.yaml\n  phaseline rules replay ttft_p95_regression",
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := readRules(file)
			if err != nil {
				return err
			}
			chosen := 0
			for _, r := range rules {
				if len(args) > 0 && !strings.Contains(" "+strings.Join(args, " ")+" ", " "+r.Name+" ") {
					continue
				}
				chosen++
				if err := replayRule(cmd, strings.TrimRight(server, "/"), token, r); err != nil {
					return fmt.Errorf("replay %s: %w", r.Name, err)
				}
			}
			if chosen == 0 {
				return errors.New("none of the rules has such a name")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "rules", "", "Rule file (default: the default rules)")
	cmd.Flags().StringVar(&server, "server", "http://127.0.0.1:8321", "Address of a running Phaseline")
	cmd.Flags().StringVar(&token, "token", os.Getenv("PHASELINE_TOKEN"), "Its token (default $PHASELINE_TOKEN)")
	cmd.Flags().Lookup("token").DefValue = ""
	return cmd
}

func replayRule(cmd *cobra.Command, server, token string, r alert.Rule) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(cmd.Context(), http.MethodPost, server+"/api/v1/alerts/rules/preview", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Client{Timeout: 10 * time.Minute}).Do(request)
	if err != nil {
		return fmt.Errorf("%w: is phaseline running there? Name another address with --server", err)
	}
	defer response.Body.Close()
	var answer struct {
		Detail   string
		From, To time.Time
		Groups   int64
		Episodes []struct {
			Group    map[string]string
			Fired    time.Time
			Resolved *time.Time
			Peak     struct{ Reason string }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s answered %s with something else than JSON", server, response.Status)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, answer.Detail)
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s: %d groups, %s to %s, would have fired %d times\n", r.Name, answer.Groups,
		answer.From.Local().Format(time.DateTime), answer.To.Local().Format(time.DateTime), len(answer.Episodes))
	for _, e := range answer.Episodes {
		until := "still firing"
		if e.Resolved != nil {
			until = "for " + e.Resolved.Sub(e.Fired).String()
		}
		fmt.Fprintf(out, "  %s  %s  %v  %s\n", e.Fired.Local().Format(time.DateTime), until, e.Group, e.Peak.Reason)
	}
	return nil
}

func newRulesDefaultCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "default",
		Short:   "Print the default rules, to start a file of your own",
		Example: "  phaseline rules default > rules.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), alert.DefaultRules())
			return err
		},
	}
}
