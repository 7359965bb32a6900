package e2e

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What cannot work is said in one line, with exit code 1, before anything listens.
func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("receivers: [not, a, map"), 0o600))

	for name, test := range map[string]struct {
		env  []string
		args []string
		want []string
	}{
		"unknown key": {
			args: []string{"--set", "extensions.phaseline.datadir=/x"},
			want: []string{"extensions::phaseline", "datadir"},
		},
		"wrong type": {
			args: []string{"--set", "extensions.phaseline.retention.spans=soon"},
			want: []string{"extensions::phaseline", "spans"},
		},
		"impossible value": {
			args: []string{"--set", "extensions.phaseline.retention.spans=-1h"},
			want: []string{"retention::spans", "-1h"},
		},
		"no such file": {
			args: []string{"--config", "nowhere.yaml"},
			want: []string{"nowhere.yaml", "no such file"},
		},
		"not YAML": {
			args: []string{"--config", file},
			want: []string{"YAML"},
		},
		"unknown component": {
			args: []string{"--set", "receivers.jaeger.endpoint=127.0.0.1:1"},
			want: []string{"jaeger"},
		},
		"unknown command": {
			args: []string{"strat"},
			want: []string{`unknown command "strat"`},
		},
		"OTLP port in use": {
			args: []string{"--set", "receivers.otlp.protocols.grpc.endpoint=" + busy.Addr().String()},
			want: []string{busy.Addr().String(), "in use"},
		},
		"API port in use": {
			args: []string{"--set", "extensions.phaseline.api.endpoint=" + busy.Addr().String()},
			want: []string{busy.Addr().String(), "in use"},
		},
		"data folder that cannot be made": {
			env:  []string{"PHASELINE_DATA_DIR=" + file},
			want: []string{file, "PHASELINE_DATA_DIR"},
		},
		"engine's library is not there": {
			env:  []string{"PHASELINE_LIBCHDB=/nowhere/libchdb.so"},
			want: []string{"/nowhere/libchdb.so"},
		},
		"OTLP open to others": {
			args: []string{"--set", "receivers.otlp.protocols.http.endpoint=0.0.0.0:0"},
			want: []string{"0.0.0.0:0", "--insecure", "bearertokenauth"},
		},
		"API open to others": {
			args: []string{"--set", "extensions.phaseline.api.endpoint=0.0.0.0:0"},
			want: []string{"0.0.0.0:0", "--insecure", "token"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{
				"--set", "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
				"--set", "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
				"--set", "extensions.phaseline.api.endpoint=127.0.0.1:0",
			}, test.args...)
			if len(test.args) == 1 {
				args = test.args
			}
			code, lines := refusal(t, t.TempDir(), test.env, args...)
			assert.Equal(t, 1, code)
			require.Len(t, lines, 1, "stderr")
			for _, want := range test.want {
				assert.Contains(t, lines[0], want)
			}
		})
	}
}

func TestDataFolderHasOneOwner(t *testing.T) {
	t.Parallel()
	s := start(t)
	code, lines := refusal(t, s.dir, nil,
		"--set", "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
		"--set", "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
		"--set", "extensions.phaseline.api.endpoint=127.0.0.1:0")
	assert.Equal(t, 1, code)
	require.Len(t, lines, 1, "stderr")
	assert.Contains(t, lines[0], "phaseline-data is used by another phaseline process")
}

func TestInsecureIsLoud(t *testing.T) {
	t.Parallel()
	s := prepare(t, "--insecure", "--set", "receivers.otlp.protocols.http.endpoint=0.0.0.0:0")
	s.launch()
	s.waitReady(60 * time.Second)
	assert.Contains(t, s.stderr.String(), "without authentication")
}
