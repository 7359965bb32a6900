package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// process is one child. It exits when lifeline, its standard input, is closed: that is how
// it learns that its parent is gone, however the parent went.
type process struct {
	cmd      *exec.Cmd
	lifeline io.Closer
	stderr   *tail
	exited   chan struct{}
	err      error // how it exited; set before exited is closed
	started  time.Time
}

// startChild runs this executable again as the child, and waits until the engine answers.
func (e *Engine) startChild(ctx context.Context) (*process, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()

	executable, err := ownExecutable()
	if err != nil {
		return nil, fmt.Errorf("find the executable to run the engine with: %w", err)
	}
	config, err := json.Marshal(e.child)
	if err != nil {
		return nil, err
	}
	reportR, reportW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	defer reportR.Close()

	p := &process{stderr: &tail{}, exited: make(chan struct{}), started: time.Now()}
	p.cmd = &exec.Cmd{
		Path: executable,
		Args: []string{"phaseline-clickhouse"},
		Env:  append(os.Environ(), childEnv+"="+string(config), "TZ=UTC"),
	}
	p.cmd.ExtraFiles = []*os.File{reportW}
	p.cmd.Stderr = p.stderr
	// Its own process group: a Ctrl-C in the terminal is for the parent, which then
	// shuts the engine down in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.lifeline, err = p.cmd.StdinPipe(); err != nil {
		_ = reportW.Close()
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	err = p.cmd.Start()
	_ = reportW.Close()
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()

	report := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(reportR)
		report <- oneLine(string(text))
	}()
	select {
	case line := <-report:
		if line == reportReady {
			e.setUp(p.cmd.Process.Pid)
			return p, nil
		}
		p.end()
		switch words := p.stderr.String(); {
		case line == "": // it died before it could say why
			return nil, p.death()
		case words != "": // the engine's own
			return nil, fmt.Errorf("%s: %s", line, words)
		}
		return nil, errors.New(line)
	case <-ctx.Done():
		p.end()
		return nil, fmt.Errorf("the embedded ClickHouse engine did not start: %w", ctx.Err())
	case <-e.stop:
		p.end()
		return nil, errStopped
	}
}

// ownExecutable is the file that runs now, even if another was put in its place since.
func ownExecutable() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// end kills the process and waits for it.
func (p *process) end() {
	_ = p.lifeline.Close()
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// death describes how the process ended, with its last words.
func (p *process) death() error {
	err := p.err
	if err == nil {
		err = errors.New("exit status 0")
	}
	if words := p.stderr.String(); words != "" {
		return fmt.Errorf("the engine's process ended: %w; its last output: %s", err, words)
	}
	return fmt.Errorf("the engine's process ended: %w", err)
}

// supervise keeps a child running until Shutdown. Each crash is logged once, and so is the
// reason why a restart fails, as long as it stays the same.
func (e *Engine) supervise(p *process) {
	defer close(e.done)
	defer os.RemoveAll(e.folder)
	delay := firstRestartDelay
	for {
		select {
		case <-e.stop:
			e.setDown(errStopped)
			e.closeChild(p)
			return
		case <-p.exited:
		}
		crash := p.death()
		_ = p.lifeline.Close()
		e.setDown(crash)
		e.crashes.Add(1)
		e.logger.Error("embedded ClickHouse crashed, restarting it; nothing that was acknowledged is lost", zap.Error(crash))
		if time.Since(p.started) > stableAfter {
			delay = firstRestartDelay
		}
		if p = e.restart(&delay); p == nil {
			e.setDown(errStopped)
			return
		}
		e.logger.Info("embedded ClickHouse runs again", zap.Int("pid", p.cmd.Process.Pid))
	}
}

// restart tries until a child runs, and returns nil if Shutdown comes first.
func (e *Engine) restart(delay *time.Duration) *process {
	logged := ""
	for {
		select {
		case <-e.stop:
			return nil
		case <-time.After(*delay):
		}
		*delay = min(2**delay, lastRestartDelay)
		p, err := e.startChild(context.Background())
		switch {
		case err == nil:
			return p
		case errors.Is(err, errStopped):
			return nil
		}
		e.setDown(err)
		if err.Error() != logged {
			logged = err.Error()
			e.logger.Error("embedded ClickHouse does not start again, still trying", zap.Error(err))
		}
	}
}

// closeChild asks the child to finish, and kills it when Shutdown's patience ends.
func (e *Engine) closeChild(p *process) {
	_ = p.lifeline.Close()
	select {
	case <-p.exited:
	case <-e.kill:
		p.end()
	}
}

// tail keeps the last bytes written to it: what the engine said before it died.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 2048

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if extra := len(t.buf) - tailSize; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return oneLine(string(t.buf))
}

func oneLine(s string) string { return strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ") }
