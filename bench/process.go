package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/phaseline/phaseline/internal/embedded"
)

// collector is a running collector whose processor time and memory are measured.
type collector struct {
	cmd    *exec.Cmd
	log    *os.File
	engine func() int // process id of its ClickHouse; 0: none
	close  func()     // what else is to end with it
}

// startCollector runs a collector binary with a configuration.
func startCollector(binary, folder, config string) (*collector, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "config.yaml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return nil, err
	}
	c := &collector{cmd: exec.Command(binary, "--config", "file:"+file), log: log, engine: func() int { return 0 }, close: func() {}}
	c.cmd.Stdout, c.cmd.Stderr = log, log
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	return c, nil
}

// stop ends the collector as an operator would.
func (c *collector) stop() error {
	defer c.log.Close()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := c.cmd.Wait()
	c.close()
	if err != nil {
		return fmt.Errorf("the collector ended badly (%w); its log is %s", err, c.log.Name())
	}
	return nil
}

// usage is what a collector and its ClickHouse have used since they started.
type usage struct{ collector, engine time.Duration }

func (u usage) all() time.Duration { return u.collector + u.engine }

func (u usage) since(o usage) usage { return usage{u.collector - o.collector, u.engine - o.engine} }

func (c *collector) usage() (u usage, err error) {
	if u.collector, err = processorTime(c.cmd.Process.Pid); err != nil {
		return u, err
	}
	if pid := c.engine(); pid != 0 {
		u.engine, err = processorTime(pid)
	}
	return u, err
}

// processorTime is user and system time of a process. Linux only.
func processorTime(pid int) (time.Duration, error) {
	fields, err := processFields(pid)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, field := range fields[11:13] { // in hundredths of a second
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ticks) * 10 * time.Millisecond
	}
	return sum, nil
}

// processFields are the fields of /proc/PID/stat after the command's name.
func processFields(pid int) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])), nil
}

// childOf returns the process id of a process's child; 0 if it has none.
func childOf(parent int) int {
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			continue
		}
		if fields, err := processFields(pid); err == nil && fields[1] == strconv.Itoa(parent) {
			return pid
		}
	}
	return 0
}

// peakMemory is the most memory that the collector itself had resident, in bytes.
func (c *collector) peakMemory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, fmt.Errorf("/proc/%d/status has no VmHWM", c.cmd.Process.Pid)
	}
	kilobytes, err := strconv.ParseInt(fields[0], 10, 64)
	return kilobytes << 10, err
}

// serveTCP makes the engine's unix socket reachable at a TCP address, for a
// client that knows nothing else. What that costs is not the collector's.
func serveTCP(engine *embedded.Engine) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	dial := engine.Options().DialContext
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer from.Close()
				to, err := dial(context.Background(), "")
				if err != nil {
					return
				}
				defer to.Close()
				go func() {
					_, _ = io.Copy(to, from)
					_ = to.(*net.UnixConn).CloseWrite()
				}()
				_, _ = io.Copy(from, to)
			}()
		}
	}()
	return listener.Addr().String(), func() { _ = listener.Close() }, nil
}

// freePort is a TCP port of loopback that nothing listens on.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// ownTime is the processor time of this process.
func ownTime() time.Duration {
	d, err := processorTime(os.Getpid())
	if err != nil {
		panic(err) // without /proc nothing here works
	}
	return d
}
