package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/phaseline/phaseline/internal/client"
)

func newQueryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "query",
		Short: "Ask a running Phaseline: the API's questions as tables, JSON or CSV",
		Long: `Ask a running Phaseline, here or elsewhere, through its REST API. The answers are
aligned tables with small bars, or the API's own JSON or CSV.

Everything has a default: the last hour, every request, time to first token.
Times are RFC 3339 or now-1h; filters are dimension=value, !=, =~ (a regular
expression) or "dimension in a,b". The token of a server that needs one is read
from the environment variable PHASELINE_TOKEN.`,
		Example: `  phaseline query breakdown --group-by model
  phaseline query composition --from now-6h --filter service=chat-api
  phaseline query requests --sort -ttft --limit 20
  PHASELINE_TOKEN=… phaseline query status --server https://phaseline.example`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return fmt.Errorf("there is no question %q: did you mean %s?", args[0], strings.Join(near, " or "))
			}
			return fmt.Errorf("there is no question %q: phaseline query --help lists them", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	server := client.DefaultServer
	if named := os.Getenv("PHASELINE_SERVER"); named != "" {
		server = named
	}
	flags := cmd.PersistentFlags()
	flags.String("server", server, "address of the server's API; also from PHASELINE_SERVER")
	flags.String("format", "table", "table, json or csv")
	for _, q := range questions {
		cmd.AddCommand(q.command())
	}
	return cmd
}

// question is one of the API's, as a subcommand.
type question struct {
	use, short string
	example    string
	path       func(args []string) string
	args       cobra.PositionalArgs
	flags      []string // of parameters, below
	fallback   map[string]string
	single     bool // the answer has no rows, and so no CSV
	show       func(client.Client, *cobra.Command, string, url.Values) error
}

// shown asks for an answer and writes it as text.
func shown[T any](write func(io.Writer, T)) func(client.Client, *cobra.Command, string, url.Values) error {
	return func(c client.Client, cmd *cobra.Command, path string, parameters url.Values) error {
		var answer T
		if err := c.Ask(cmd.Context(), path, parameters, &answer); err != nil {
			return err
		}
		write(cmd.OutOrStdout(), answer)
		return nil
	}
}

func fixed(path string) func([]string) string { return func([]string) string { return path } }

var (
	scope     = []string{"from", "to", "filter", "tenant", "include-failed"}
	rectangle = []string{"select-from", "select-to", "select-low-ns", "select-high-ns"}
)

// scoped are the flags of a question about a range of requests.
func scoped(more ...string) []string { return append(slices.Clone(scope), more...) }

var questions = []question{
	{use: "breakdown", short: "Latency, errors and mean phases by group", path: fixed("breakdown"), args: cobra.NoArgs,
		example: `  phaseline query breakdown --group-by service --group-by model
  phaseline query breakdown --group-by version --metric queue --quantiles 0.5,0.99 --sort -queue
  phaseline query breakdown --from now-7d --group-by service --format csv > services.csv`,
		flags: scoped("group-by", "metric", "quantiles", "sort", "limit"), show: shown(client.Breakdown),
		// All eight metrics would not fit a terminal.
		fallback: map[string]string{"metric": "ttft,total", "quantiles": "0.5,0.9,0.99"}},
	{use: "composition", short: "What the requests around each percentile are made of", path: fixed("composition"), args: cobra.NoArgs,
		example: `  phaseline query composition --from now-6h --group-by model
  phaseline query composition --metric total --quantiles 0.5,0.999`,
		flags: scoped("group-by", "metric", "quantiles", "limit"), show: shown(client.Composition)},
	{use: "timeseries", short: "Percentiles of a metric over time", path: fixed("timeseries"), args: cobra.NoArgs,
		example: `  phaseline query timeseries --from now-6h --step 15m
  phaseline query timeseries --metric queue --group-by model --limit 3`,
		flags: scoped("group-by", "metric", "quantiles", "limit", "step"), show: shown(client.TimeSeries),
		fallback: map[string]string{"quantiles": "0.5,0.9,0.99"}},
	{use: "heatmap", short: "How a metric is distributed over time", path: fixed("heatmap"), args: cobra.NoArgs,
		example: `  phaseline query heatmap --metric total --filter service=chat-api`,
		flags:   scoped("metric", "step"), show: shown(client.Heatmap)},
	{use: "compare", short: "Two windows or two values: what differs, and which part owns it", path: fixed("compare"), args: cobra.NoArgs,
		example: `  phaseline query compare
  phaseline query compare --a version=1.4 --b version=1.5
  phaseline query compare --b-from now-1h --a-from now-25h --a-to now-24h`,
		flags: []string{"a-from", "a-to", "b-from", "b-to", "a", "b", "filter", "tenant", "include-failed", "metric", "quantiles"}, show: shown(client.Compare),
		fallback: map[string]string{"quantiles": "0.5,0.9,0.99"}},
	{use: "distinguish", short: "What sets a part of the requests apart: slow ones, or those of some minutes", path: fixed("distinguish"), args: cobra.NoArgs,
		example: `  phaseline query distinguish --select-low-ns 2s
  phaseline query distinguish --metric queue --select-from now-10m`,
		flags: append(scoped("metric", "limit"), rectangle...), show: shown(client.Distinguish)},
	{use: "requests", short: "Single requests", path: fixed("requests"), args: cobra.NoArgs,
		example: `  phaseline query requests --sort -ttft --limit 5
  phaseline query requests --filter outcome=error --from now-24h
  phaseline query requests --metric queue --select-low-ns 500ms`,
		flags: append(scoped("metric", "sort", "limit", "cursor"), rectangle...), show: shown(client.Requests), fallback: map[string]string{"limit": "20"}},
	{use: "request TRACE_ID SPAN_ID", short: "One request, and what each of its numbers was read from", args: cobra.ExactArgs(2),
		example: `  phaseline query request 5b8efff798038103d269b633813fc60c eee19b7ec3c1b174`,
		path: func(args []string) string {
			return "requests/" + url.PathEscape(args[0]) + "/" + url.PathEscape(args[1])
		},
		flags: []string{"tenant"}, single: true, show: shown(client.Request)},
	{use: "trace TRACE_ID", short: "The spans of a trace, each on its own clock", args: cobra.ExactArgs(1),
		example: `  phaseline query trace 5b8efff798038103d269b633813fc60c`,
		path:    func(args []string) string { return "traces/" + url.PathEscape(args[0]) },
		flags:   []string{"tenant"}, single: true, show: shown(client.ShowTrace)},
	{use: "dimensions", short: "What requests can be grouped and filtered by", path: fixed("dimensions"), args: cobra.NoArgs,
		example: `  phaseline query dimensions`,
		flags:   []string{"from", "to", "tenant"}, show: shown(client.Dimensions)},
	{use: "values DIMENSION", short: "The values of a dimension", args: cobra.ExactArgs(1),
		example: `  phaseline query values model
  phaseline query values service --prefix chat-`,
		path:  func(args []string) string { return "dimensions/" + url.PathEscape(args[0]) + "/values" },
		flags: scoped("prefix", "limit"), show: shown(client.Values), fallback: map[string]string{"limit": "20"}},
	{use: "quality", short: "What each service sends, what is missing and how to switch it on", path: fixed("quality"), args: cobra.NoArgs,
		example: `  phaseline query quality --from now-24h`,
		flags:   scope, show: shown(client.Quality)},
	{use: "alerts", short: "What every alert rule says now", path: fixed("alerts"), args: cobra.NoArgs,
		example: `  phaseline query alerts
  phaseline query alerts --state firing --state pending`,
		flags: []string{"state"}, show: shown(client.Alerts)},
	{use: "status", short: "What the server does and how far behind it is", path: fixed("status"), args: cobra.NoArgs,
		example: `  phaseline query status`,
		single:  true, show: shown(client.Status)},
}

// parameters describe the flags. Each is the API's parameter of that name, with
// _ for -; those marked many may be given several times.
var parameters = map[string]struct {
	help string
	many bool
}{
	"from":           {help: "start of the range (default now-1h)"},
	"to":             {help: "end of the range, exclusive (default now)"},
	"a-from":         {help: "start of window A (default: as long before window B)"},
	"a-to":           {help: "end of window A"},
	"b-from":         {help: "start of window B (default now-1h)"},
	"b-to":           {help: "end of window B (default now)"},
	"a":              {help: "filter for A only, repeatable", many: true},
	"b":              {help: "filter for B only, repeatable", many: true},
	"filter":         {help: "keep matching requests only, repeatable", many: true},
	"group-by":       {help: "dimension to group by, up to three, repeatable", many: true},
	"metric":         {help: "ttft, tpot, total, network, queue, prefill, decode or unattributed"},
	"quantiles":      {help: "quantiles, for example 0.5,0.99"},
	"sort":           {help: "what to sort by, a leading - for descending"},
	"limit":          {help: "most rows to show"},
	"step":           {help: "width of a step, for example 1m"},
	"cursor":         {help: "continue a list"},
	"prefix":         {help: "only values that start so"},
	"state":          {help: "only alerts in this state, repeatable", many: true},
	"select-from":    {help: "only requests that ended from then on"},
	"select-to":      {help: "only requests that ended before then"},
	"select-low-ns":  {help: "only requests whose metric is above this: 500ms, 2s, or nanoseconds"},
	"select-high-ns": {help: "only requests whose metric is at most this: 500ms, 2s, or nanoseconds"},
	"tenant":         {help: "whose requests"},
	"include-failed": {help: "let failed, cancelled and cache-hit requests into latencies"},
}

func (q question) command() *cobra.Command {
	cmd := &cobra.Command{Use: q.use, Short: q.short, Example: q.example, Args: q.args, RunE: func(cmd *cobra.Command, args []string) error {
		server, _ := cmd.Flags().GetString("server")
		format, _ := cmd.Flags().GetString("format")
		c := client.Client{Server: server, Token: os.Getenv("PHASELINE_TOKEN")}
		given := q.parameters(cmd, format == "table")
		switch format {
		case "table":
			return q.show(c, cmd, q.path(args), given)
		case "csv":
			if q.single {
				return fmt.Errorf("%s has no rows: write --format table or json", cmd.Name())
			}
			given.Set("format", "csv")
		case "json":
		default:
			return fmt.Errorf("--format %s is unknown: write table, json or csv", format)
		}
		return c.Get(cmd.Context(), q.path(args), given, cmd.OutOrStdout())
	}}
	for _, name := range q.flags {
		if p := parameters[name]; p.many {
			cmd.Flags().StringArray(name, nil, p.help)
		} else {
			cmd.Flags().String(name, "", p.help)
		}
		if name == "include-failed" {
			cmd.Flags().Lookup(name).NoOptDefVal = "true"
		}
	}
	return cmd
}

// parameters collects what was given; a table has defaults of its own, which
// fit a terminal.
func (q question) parameters(cmd *cobra.Command, asTable bool) url.Values {
	given := url.Values{}
	for _, name := range q.flags {
		key := strings.ReplaceAll(name, "-", "_")
		values := []string{}
		if parameters[name].many {
			values, _ = cmd.Flags().GetStringArray(name)
		} else if cmd.Flags().Changed(name) {
			one, _ := cmd.Flags().GetString(name)
			values = []string{one}
		} else if fallback, ok := q.fallback[name]; ok && asTable {
			values = []string{fallback}
		}
		for _, v := range values {
			if name == "metric" && q.use == "breakdown" { // the API takes several, one each
				given[key] = append(given[key], strings.Split(v, ",")...)
				continue
			}
			if strings.HasSuffix(name, "-ns") {
				v = nanoseconds(v)
			}
			given.Add(key, v)
		}
	}
	return given
}

// nanoseconds turns 500ms into the number that the API takes, and leaves to it
// what is no length of time.
func nanoseconds(text string) string {
	if d, err := time.ParseDuration(text); err == nil {
		return strconv.FormatInt(d.Nanoseconds(), 10)
	}
	return text
}
