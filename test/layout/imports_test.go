// Package layout keeps rules that the whole source follows: dependencies between
// packages run one way, and no string is formatted into SQL.
package layout

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/phaseline/phaseline/"

// allowed lists, for each package, the project's own packages that it may depend
// on, directly or not.
var allowed = map[string][]string{
	"internal/dialect":             {},
	"internal/histogram":           {},
	"internal/sample":              {},
	"internal/embedded":            {},
	"migrations":                   {},
	"web":                          {},
	"internal/phase":               {"internal/dialect"},
	"internal/store":               {"internal/dialect", "internal/phase", "internal/histogram", "migrations"},
	"internal/query":               {"internal/histogram", "internal/phase", "internal/dialect"},
	"internal/alert":               {"internal/histogram", "internal/phase", "internal/dialect", "internal/query"},
	"collector/phaselineexporter":  {"internal/store", "internal/dialect", "internal/phase", "internal/histogram", "migrations"},
	"collector/phaselineextension": nil, // puts everything together
	"collector":                    nil,
	"cmd/phaseline":                nil,
}

// pure packages take values and give values: no clock, no files, no network.
var pure = []string{"internal/phase", "internal/histogram"}

func TestDependenciesRunOneWay(t *testing.T) {
	for name, may := range allowed {
		if may == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for _, dependency := range deps(t, name) {
				own, isOwn := strings.CutPrefix(dependency, module)
				if isOwn && own != name {
					assert.Contains(t, may, own, "%s must not depend on it", name)
				}
			}
		})
	}
}

func TestPurePackagesDoNothing(t *testing.T) {
	for _, name := range pure {
		t.Run(name, func(t *testing.T) {
			out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, module+name).Output()
			require.NoError(t, err)
			for _, forbidden := range []string{"os", "net", "net/http", "log", "log/slog", "io", "math/rand", "math/rand/v2", "go.uber.org/zap"} {
				assert.False(t, slices.Contains(strings.Fields(string(out)), forbidden), "%s imports %s", name, forbidden)
			}
		})
	}
}

func deps(t *testing.T, name string) []string {
	out, err := exec.Command("go", "list", "-deps", module+name).Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}
