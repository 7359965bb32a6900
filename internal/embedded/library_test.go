package embedded_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/phaseline/phaseline/internal/embedded"
)

func makeFile(t *testing.T, elements ...string) string {
	t.Helper()
	path := filepath.Join(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheLibraryIsFoundInOrder(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the npm package is named for this platform")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	configured := makeFile(t, root, "configured.so")
	variable := makeFile(t, root, "variable.so")
	modules := makeFile(t, root, "node_modules", "@chdb", "lib-linux-x64-gnu", "libchdb.so")
	below := filepath.Join(root, "some", "folder")
	if err := os.MkdirAll(below, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	for _, c := range []struct{ configured, variable, want string }{
		{configured, variable, configured},
		{"../../configured.so", variable, configured},
		{"", variable, variable},
		{"", "", modules},
	} {
		t.Setenv(embedded.LibraryEnv, c.variable)
		if got, err := embedded.FindLibrary(c.configured); err != nil || got != c.want {
			t.Errorf("configured %q, variable %q: got %s, %v; want %s", c.configured, c.variable, got, err, c.want)
		}
	}
}

func TestALibraryThatIsNamedMustBeThere(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "libchdb.so")
	if _, err := embedded.FindLibrary(missing); err == nil || !strings.Contains(err.Error(), "clickhouse.library names "+missing) {
		t.Errorf("got %v", err)
	}
	t.Setenv(embedded.LibraryEnv, missing)
	if _, err := embedded.FindLibrary(""); err == nil || !strings.Contains(err.Error(), embedded.LibraryEnv+" names "+missing) {
		t.Errorf("got %v", err)
	}
}

func TestAMissingLibraryNamesTheWaysOn(t *testing.T) {
	t.Setenv(embedded.LibraryEnv, "")
	t.Chdir(t.TempDir())
	path, err := embedded.FindLibrary("")
	if err == nil {
		t.Skipf("this system has the library in %s", path)
	}
	for _, way := range []string{"npm install @chdb/lib-", embedded.LibraryEnv, "clickhouse.dsn", "docker compose up"} {
		if !strings.Contains(err.Error(), way) {
			t.Errorf("%q does not name %s", err, way)
		}
	}
}
