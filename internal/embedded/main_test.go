package embedded_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
)

func TestMain(m *testing.M) {
	runAsParent() // never returns in the process that TestParentDeathEndsTheChild starts
	embeddedtest.Main(m, func() error { return goleak.Find() })
}
