package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is a running phaseline on ports of its own.
type server struct {
	t    *testing.T
	dir  string // working folder; the data is in its phaseline-data
	args []string
	env  []string

	grpc, http, api string // host:port
	token           string // sent with every request over HTTP, if there is one

	cmd            *exec.Cmd
	stdout, stderr *output
	exited         chan struct{}
}

// start runs phaseline and waits until it is ready.
func start(t *testing.T, args ...string) *server {
	s := prepare(t, args...)
	s.launch()
	s.waitReady(60 * time.Second)
	return s
}

// prepare chooses a folder and ports. Nothing runs yet.
func prepare(t *testing.T, args ...string) *server {
	s := &server{t: t, dir: t.TempDir(), grpc: freeAddress(t), http: freeAddress(t), api: freeAddress(t)}
	s.args = append([]string{
		"--set", "receivers.otlp.protocols.grpc.endpoint=" + s.grpc,
		"--set", "receivers.otlp.protocols.http.endpoint=" + s.http,
		"--set", "extensions.phaseline.api.endpoint=" + s.api,
	}, args...)
	t.Cleanup(func() {
		s.stop()
		if t.Failed() && s.cmd != nil {
			t.Logf("stderr of phaseline:\n%s", s.stderr)
		}
	})
	return s
}

// launch starts the process and does not wait for it to be ready.
func (s *server) launch() {
	s.t.Helper()
	s.cmd = exec.Command(binary, s.args...)
	s.cmd.Dir = s.dir
	s.cmd.Env = append(os.Environ(), s.env...)
	s.stdout, s.stderr = new(output), new(output)
	s.cmd.Stdout, s.cmd.Stderr = s.stdout, s.stderr
	require.NoError(s.t, s.cmd.Start())
	exited, cmd := make(chan struct{}), s.cmd
	s.exited = exited
	go func() {
		cmd.Wait()
		close(exited)
	}()
}

// waitReady waits until phaseline says that its store can be used.
func (s *server) waitReady(limit time.Duration) {
	s.t.Helper()
	s.eventually(limit, "ready", func() error {
		status, body, err := s.get("/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("/readyz says %d: %s", status, body)
		}
		return err
	})
}

// stop ends the process as a service manager does.
func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		s.t.Errorf("phaseline did not end within 30 s of SIGTERM; stderr:\n%s", s.stderr)
		s.kill()
	}
}

// kill ends the process as the kernel does when memory runs out.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.exited
}

// engine returns the process id of the embedded engine: phaseline's only child.
func (s *server) engine() int {
	s.t.Helper()
	pid := s.cmd.Process.Pid
	var children []string
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	require.NoError(s.t, err)
	for _, file := range tasks {
		text, _ := os.ReadFile(file) // a thread may be gone
		children = append(children, strings.Fields(string(text))...)
	}
	require.Len(s.t, children, 1, "children of phaseline")
	child, err := strconv.Atoi(children[0])
	require.NoError(s.t, err)
	return child
}

// refusal runs phaseline until it exits by itself and returns its exit code and
// the lines of its stderr.
func refusal(t *testing.T, dir string, env []string, args ...string) (int, []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "phaseline should have refused to start; stderr:\n%s", &stderr)
	require.Error(t, err)
	return cmd.ProcessState.ExitCode(), strings.Split(strings.TrimSpace(stderr.String()), "\n")
}

// command runs a subcommand of the binary and returns what it prints.
func (s *server) command(args ...string) []byte {
	s.t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = s.dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(s.t, err)
	return out
}

// eventually tries until it works or the limit is over.
func (s *server) eventually(limit time.Duration, what string, try func() error) {
	s.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-s.exited:
			s.t.Fatalf("%s: phaseline exited; stderr:\n%s", what, s.stderr)
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within %v: %v", what, limit, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// freeAddress returns an address on loopback that nothing listens on. The port
// lies below those that the kernel gives to outgoing connections, since one of
// these could take it before phaseline does.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+nextPort.Add(1)%20_000)
		if l, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, l.Close())
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// nextPort starts anywhere, so that test binaries that run together stay apart.
var nextPort = func() *atomic.Uint32 {
	var n atomic.Uint32
	n.Store(rand.Uint32N(20_000))
	return &n
}()

// output collects what a process writes, while tests read it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
