package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/phaseline/phaseline/collector/phaselineextension"
)

func TestOneLine(t *testing.T) {
	inUse := &net.OpError{Op: "listen", Net: "tcp", Err: syscall.EADDRINUSE, Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4317}}
	exposed := &phaselineextension.ExposedError{Endpoint: "0.0.0.0:8321", Remedy: "set a token"}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"port in use": {
			fmt.Errorf(`cannot start pipelines: failed to start "otlp" receiver: %w`, inUse),
			"127.0.0.1:4317 is already in use: stop the process that listens there, or choose another address with --set …endpoint=127.0.0.1:PORT",
		},
		"exposed": {
			fmt.Errorf("failed to get config: cannot resolve the configuration: %w", exposed),
			"0.0.0.0:8321 is open to other machines without authentication: set a token, listen on 127.0.0.1, or accept the risk with --insecure",
		},
		"folder": {
			fmt.Errorf("failed to build extensions: %w", &fs.PathError{Op: "mkdir", Path: "/x/y", Err: syscall.EACCES}),
			"the folder /x/y cannot be used (permission denied): choose a data folder that this user may write to with PHASELINE_DATA_DIR",
		},
		"unknown key": {
			errors.New("failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s):\n\n'extensions' error reading configuration for \"phaseline\": decoding failed due to the following error(s):\n\n'phaselineextension.Config' has invalid keys: datadir"),
			"configuration: extensions::phaseline: unknown key: datadir (docs/configuration.md lists all)",
		},
		"wrong type": {
			errors.New("failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s):\n\n'exporters' error reading configuration for \"phaseline\": decoding failed due to the following error(s):\n\n'sending_queue' decoding failed due to the following error(s):\n\n'' decoding failed due to the following error(s):\n\n'queue_size' expected type 'int64', got unconvertible type 'string'"),
			"configuration: exporters::phaseline: 'sending_queue' 'queue_size' expected type 'int64', got unconvertible type 'string'",
		},
		"not YAML": {
			errors.New("failed to get config: cannot resolve the configuration: retrieved value (type=string) cannot be used as a Conf: assuming string type since contents are not valid YAML: yaml: line 2: found character that cannot start any token"),
			"configuration: this is not valid YAML (a value of --set that begins with [ or { needs quotes of its own): yaml: line 2: found character that cannot start any token",
		},
		"another error": {errors.New("something\n  else"), "something else"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, oneLine(test.err))
		})
	}
}
