package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	childEnv    = "PHASELINE_EMBEDDED_CHILD" // set for the child alone; its value is a childConfig
	reportReady = "ready"                    // what the child reports once it answers; anything else is an error

	// How long running statements may go on, and closing may take, once the parent is gone.
	// Together less than lockWait, or a restarted parent would find the folder still in use.
	drainLimit = 4 * time.Second
	closeLimit = 3 * time.Second
)

type childConfig struct {
	DataDir, Library, Socket, Extra string
}

// MaybeChild turns this process into the engine's child, and never returns, if Start began
// it as such; otherwise it returns at once. It must be the first call of main, before flags
// are parsed and anything is started, and of TestMain in packages that start the engine.
func MaybeChild() {
	config, ok := os.LookupEnv(childEnv)
	if !ok {
		return
	}
	// The parent decides when the engine ends; the lifeline tells.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	_ = os.Unsetenv(childEnv)
	// When memory runs out, the kernel is to take the engine, not the receiver.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0)
	report := os.NewFile(3, "report")
	if err := runChild(config, report); err != nil {
		if _, closed := fmt.Fprintln(report, err); closed != nil {
			fmt.Fprintln(os.Stderr, err) // for the parent's log; it had started well
		}
		os.Exit(1)
	}
	// Not by returning from main: the library's static destructors have nothing to add.
	os.Exit(0)
}

func runChild(config string, report io.WriteCloser) error {
	var cfg childConfig
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		return fmt.Errorf("%s is for Phaseline's own use, unset it: %w", childEnv, err)
	}
	parentGone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(parentGone)
	}()
	defer func() {
		select {
		case <-parentGone: // and cannot do it
			_ = os.RemoveAll(filepath.Dir(cfg.Socket))
		default:
		}
	}()

	lock, err := lockDataDir(cfg.DataDir, parentGone)
	if err != nil {
		return err
	}
	defer lock.Close()
	// What a killed engine spilled to disk while it sorted or grouped; it does not clean up itself.
	if err := os.RemoveAll(filepath.Join(cfg.DataDir, "tmp")); err != nil {
		return fmt.Errorf("clear temporary files: %w", err)
	}
	lib, err := loadChdb(cfg.Library)
	if err != nil {
		return err
	}
	args, err := writeEngineConfig(cfg.DataDir, filepath.Dir(cfg.Socket), cfg.Extra)
	if err != nil {
		return err
	}
	keeper, err := lib.open(args) // the engine lives as long as this connection
	if err != nil {
		return fmt.Errorf("open data folder %s: %w", cfg.DataDir, err)
	}
	hello, err := helloBlock(keeper)
	if err != nil {
		return fmt.Errorf("ask the engine in %s: %w", cfg.DataDir, err)
	}
	if err := os.Remove(cfg.Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", cfg.Socket)
	if err != nil {
		return fmt.Errorf("listen for queries: %w", err)
	}
	handler := newHandler(lib, args, hello)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Fprintln(report, reportReady)
	_ = report.Close()

	select {
	case err := <-served:
		return fmt.Errorf("serve queries: %w", err)
	case <-parentGone:
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return nil // statements still run: closing under them could hang, and exiting loses nothing
	}
	closed := make(chan struct{})
	go func() {
		handler.sessions.close()
		keeper.close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(closeLimit):
	}
	return nil
}

// lockDataDir takes the data folder for this process, until the returned file is closed.
// The lock belongs to the child, since it is the child that must be gone before another
// engine may open the folder.
func lockDataDir(dir string, parentGone <-chan struct{}) (*os.File, error) {
	file, err := openLock(dir)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(lockWait)
	for syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		if time.Now().After(deadline) {
			owner, _ := io.ReadAll(io.LimitReader(file, 32))
			_ = file.Close()
			return nil, fmt.Errorf("data folder %s is used by another Phaseline (engine process %s): stop it, or set data_dir to another folder",
				dir, strings.TrimSpace(string(owner)))
		}
		select {
		case <-parentGone:
			_ = file.Close()
			return nil, errors.New("the parent process is gone")
		case <-time.After(100 * time.Millisecond):
		}
	}
	_ = file.Truncate(0)
	_, _ = fmt.Fprintln(file, os.Getpid()) // for the message above only
	return file, nil
}

// openLock makes the data folder if it is missing, and shows that it can be written to.
func openLock(dir string) (*os.File, error) {
	const way = "make it writable for this user, or set data_dir to another folder"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder %s cannot be made: %w: %s", dir, err, way)
	}
	file, err := os.OpenFile(filepath.Join(dir, "phaseline.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder %s is not writable: %w: %s", dir, err, way)
	}
	return file, nil
}
