package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// LibraryEnv is the environment variable that names libchdb's path.
const LibraryEnv = "PHASELINE_LIBCHDB"

// FindLibrary returns the path of libchdb. It looks, in this order, at the configured path,
// at the environment variable PHASELINE_LIBCHDB, for the npm package in node_modules (in the
// working directory, in the executable's, and in the folders above them), beside the
// executable, and in the system's library folders. A configured path or the variable that
// names no file is an error: the engine's version is not left to chance.
func FindLibrary(configured string) (string, error) {
	for _, named := range []struct{ path, by string }{
		{configured, "clickhouse.library"},
		{os.Getenv(LibraryEnv), LibraryEnv},
	} {
		if named.path == "" {
			continue
		}
		if !isFile(named.path) {
			return "", fmt.Errorf("%s names %s, which is no readable file: correct it, or remove it to look in the usual places", named.by, named.path)
		}
		return filepath.Abs(named.path)
	}
	for _, path := range libraryPlaces() {
		if isFile(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("the ClickHouse engine's library (libchdb.so) was not found; there are three ways on: "+
		"install it with `npm install %s` in this folder, or name it in %s; "+
		"point to a ClickHouse server with --set extensions.phaseline.clickhouse.dsn=clickhouse://HOST:9000; "+
		"or run `docker compose up`, which brings a server along", npmPackage(), LibraryEnv)
}

// npmPackage is the package that carries the library for this platform.
func npmPackage() string {
	name := "@chdb/lib-" + runtime.GOOS + "-" + strings.Replace(runtime.GOARCH, "amd64", "x64", 1)
	if runtime.GOOS == "linux" {
		name += "-gnu"
	}
	return name
}

func libraryPlaces() []string {
	const name = "libchdb.so" // on darwin too
	var roots, beside []string
	if dir, err := os.Getwd(); err == nil {
		roots = append(roots, dir)
	}
	if executable, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(executable); err == nil {
			executable = resolved
		}
		roots = append(roots, filepath.Dir(executable))
		beside = append(beside, filepath.Dir(executable))
	}
	var places []string
	for _, dir := range roots {
		for {
			places = append(places, filepath.Join(dir, "node_modules", filepath.FromSlash(npmPackage()), name))
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	for _, dir := range append(beside, "/usr/local/lib", "/usr/lib") {
		places = append(places, filepath.Join(dir, name))
	}
	return places
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
