// Command phaseline is a distribution of the OpenTelemetry Collector that says
// where the time of every LLM request went. Here is wiring only.
package main

import (
	"fmt"
	"os"

	"github.com/phaseline/phaseline/internal/embedded"
)

func main() {
	// The storage engine runs in a child process that is this binary again.
	embedded.MaybeChild()

	if err := newRootCommand().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "phaseline: "+oneLine(err))
		os.Exit(1)
	}
}
