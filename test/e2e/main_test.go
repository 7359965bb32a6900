// Package e2e runs the real binary as its users do: as a process in a folder of
// its own, spoken to over OTLP and HTTP, and killed.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/phaseline/phaseline/internal/embedded"
)

// binary is what every test runs: PHASELINE_BIN, or a build of this tree.
var binary string

func TestMain(m *testing.M) {
	embedded.MaybeChild() // for the test that runs an engine of its own
	os.Exit(run(m))
}

func run(m *testing.M) int {
	root, err := filepath.Abs("../..")
	if err != nil {
		return fail(err)
	}
	if os.Getenv("PHASELINE_LIBCHDB") == "" {
		// The processes run in temporary folders, where no node_modules is near.
		found, _ := filepath.Glob(filepath.Join(root, "node_modules/@chdb/lib-*/libchdb.so"))
		if len(found) > 0 {
			os.Setenv("PHASELINE_LIBCHDB", found[0])
		}
	}
	if binary = os.Getenv("PHASELINE_BIN"); binary == "" {
		dir, err := os.MkdirTemp("", "phaseline-e2e-")
		if err != nil {
			return fail(err)
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "phaseline")
		build := exec.Command("go", "build", "-o", binary, "./cmd/phaseline")
		build.Dir = root
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			return fail(fmt.Errorf("build the binary to test: %w", err))
		}
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return fail(err)
	}
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}
