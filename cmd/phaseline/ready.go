package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/phaseline/phaseline/collector/phaselineextension"
)

// printReady says where to send traces and where to look.
func printReady(r phaselineextension.Ready) { writeReady(os.Stdout, r) }

func writeReady(out io.Writer, r phaselineextension.Ready) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintln(w, "Phaseline is ready.")
	for _, e := range r.Receivers {
		fmt.Fprintf(w, "  Send traces\t%s\t%s\n", e.Protocol, e.URL)
	}
	if r.UI != "" {
		fmt.Fprintf(w, "  Look\tUI and API\t%s\n", r.UI)
		fmt.Fprintf(w, "  Scrape\tPrometheus\t%s/metrics\n", r.UI)
	}
	fmt.Fprintf(w, "  Data\t%s\t%s\n", r.Storage, r.DataDir)
}
