package e2e

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/sample"
)

// sender sends sample traces one after the other until it is stopped, and counts
// those that were acknowledged.
type sender struct {
	acknowledged, refused atomic.Int64
	stop, done            chan struct{}
}

func startSender(t *testing.T, s *server) *sender {
	c := &sender{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		for {
			select {
			case <-c.stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
			td, err := sample.Trace(time.Now())
			if err != nil {
				t.Error(err)
				return
			}
			if s.sendHTTP(td) == nil {
				c.acknowledged.Add(1)
			} else {
				c.refused.Add(1)
			}
		}
	}()
	return c
}

// end stops the sender and returns how many traces were acknowledged.
func (c *sender) end() int {
	close(c.stop)
	<-c.done
	return int(c.acknowledged.Load())
}

func TestKilledEngineLosesNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	senders := startSender(t, s)
	for range 2 {
		time.Sleep(1500 * time.Millisecond)
		engine := s.engine()
		require.NoError(t, syscall.Kill(engine, syscall.SIGKILL))
		killed := time.Now()
		s.eventually(20*time.Second, "the page works again", func() error {
			_, err := s.requests()
			return err
		})
		t.Logf("answers again %v after the engine was killed", time.Since(killed).Round(10*time.Millisecond))
	}
	time.Sleep(time.Second)
	acknowledged := senders.end()
	assert.Zero(t, senders.refused.Load(), "refused while the engine was away")
	require.Greater(t, acknowledged, 20)
	s.waitCount(30*time.Second, acknowledged)
}

func TestKilledPhaselineLosesNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	engine := s.engine()
	senders := startSender(t, s)
	time.Sleep(1500 * time.Millisecond)
	s.kill() // in the middle of sending
	acknowledged := senders.end()
	require.Positive(t, acknowledged)
	require.Eventually(t, func() bool { return syscall.Kill(engine, 0) != nil }, 15*time.Second, 50*time.Millisecond,
		"the engine ends with its parent")

	s.launch()
	s.waitReady(60 * time.Second)
	s.eventually(30*time.Second, "everything acknowledged", func() error {
		n, err := s.count()
		// What was sent last may have been stored without its acknowledgement being read.
		if err == nil && (n < acknowledged || n > acknowledged+1) {
			err = fmt.Errorf("there are %d of %d", n, acknowledged)
		}
		return err
	})
}

func TestStoreAway(t *testing.T) {
	t.Parallel()
	s := start(t)
	engine := s.engine()
	require.NoError(t, syscall.Kill(engine, syscall.SIGSTOP)) // hangs, which is worse than being gone
	defer syscall.Kill(engine, syscall.SIGCONT)

	s.eventually(15*time.Second, "/readyz says 503", func() error {
		status, body, err := s.get("/readyz")
		if err == nil && status != http.StatusServiceUnavailable {
			err = fmt.Errorf("it says %d: %s", status, body)
		}
		return err
	})
	status, _, err := s.get("/healthz")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status, "/healthz")
	for range 20 {
		td, err := sample.Trace(time.Now())
		require.NoError(t, err)
		require.NoError(t, s.sendHTTP(td), "OTLP is accepted while the store is away")
	}

	require.NoError(t, syscall.Kill(engine, syscall.SIGCONT))
	s.waitReady(30 * time.Second)
	s.waitCount(60*time.Second, 20)
}

func TestSecondStartKeepsTheData(t *testing.T) {
	t.Parallel()
	s := start(t)
	td, err := sample.Trace(time.Now())
	require.NoError(t, err)
	require.NoError(t, s.sendHTTP(td))
	before := s.waitRequests(10*time.Second, 1)
	s.stop()
	assert.Zero(t, s.cmd.ProcessState.ExitCode())

	launched := time.Now()
	s.launch()
	s.waitReady(30 * time.Second)
	t.Logf("second start: ready after %v", time.Since(launched).Round(10*time.Millisecond))
	assert.Equal(t, before, s.waitRequests(5*time.Second, 1))
}

// count returns how many requests there are in the last hour.
func (s *server) count() (int, error) {
	var answer struct {
		N int `json:"n"`
	}
	err := s.getJSON("/api/v1/breakdown", &answer)
	return answer.N, err
}

func (s *server) waitCount(limit time.Duration, want int) {
	s.t.Helper()
	s.eventually(limit, fmt.Sprintf("%d requests", want), func() error {
		n, err := s.count()
		if err == nil && n != want {
			err = fmt.Errorf("there are %d", n)
		}
		return err
	})
}
