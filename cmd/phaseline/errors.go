package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"regexp"
	"strings"
	"syscall"

	"github.com/phaseline/phaseline/collector/phaselineextension"
)

// oneLine turns an error of the collector, which may be a paragraph with the
// names of Go types in it, into one line for the person who starts it.
func oneLine(err error) string {
	var exposed *phaselineextension.ExposedError
	if errors.As(err, &exposed) {
		return exposed.Error()
	}
	var listen *net.OpError
	if errors.As(err, &listen) && listen.Addr != nil {
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return fmt.Sprintf("%s is already in use: stop the process that listens there, or choose another address with --set …endpoint=127.0.0.1:PORT", listen.Addr)
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			return fmt.Sprintf("%s is not an address of this machine: choose another one with --set …endpoint=HOST:PORT", listen.Addr)
		case errors.Is(err, syscall.EACCES):
			return fmt.Sprintf("%s may not be listened on by this user: choose a port above 1023", listen.Addr)
		}
	}
	var path *fs.PathError
	if errors.As(err, &path) && (path.Op == "mkdir" || path.Op == "stat") {
		return fmt.Sprintf("the folder %s cannot be used (%v): choose a data folder that this user may write to with PHASELINE_DATA_DIR", path.Path, path.Err)
	}
	text := err.Error()
	for _, r := range rewrites {
		text = r.pattern.ReplaceAllString(text, r.replacement)
	}
	return strings.Join(strings.Fields(text), " ")
}

// rewrites take the collector's layers off a configuration error, in this order.
var rewrites = []struct {
	pattern     *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`^failed to start extensions: `), ""},
	{regexp.MustCompile(`^failed to get config: `), "configuration: "},
	{regexp.MustCompile(`^invalid configuration: `), "configuration: "},
	{regexp.MustCompile(`^failed to (start|build) (extensions|pipelines): `), ""},
	{regexp.MustCompile(`cannot (unmarshal|resolve|retrieve|convert) the (configuration|confmap\.Conf): `), ""},
	{regexp.MustCompile(`decoding failed due to the following error\(s\):\s+`), ""},
	{regexp.MustCompile(`'(\w+)' error reading configuration for "([^"]+)":\s*`), "$1::$2: "},
	{regexp.MustCompile(`'[\w.]*' has invalid keys: (.*)`), "unknown key: $1 (docs/configuration.md lists all)"},
	{regexp.MustCompile(`'' `), ""},
	{regexp.MustCompile(`retrieved value \(type=string\) cannot be used as a Conf: assuming string type since contents are not valid YAML: `), "this is not valid YAML (a value of --set that begins with [ or { needs quotes of its own): "},
	{regexp.MustCompile(`retrieved value \(type=\w+\) cannot be used as a Conf`), "a configuration has keys and values; this file has none"},
	{regexp.MustCompile(`unable to read the file file:\S+: `), ""},
}
