package phaselineextension

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

const (
	watchEvery = time.Second
	pingLimit  = 2 * time.Second
)

// watch knows whether the store can be used, without asking it each time.
type watch struct {
	mu   sync.Mutex
	last error
}

// newWatch starts with a store that is not there yet.
func newWatch() *watch { return &watch{last: errors.New("the store is starting")} }

// run asks the store once a second until ctx ends.
func (w *watch) run(ctx context.Context, conn driver.Conn) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		ping, cancel := context.WithTimeout(ctx, pingLimit)
		err := conn.Ping(ping)
		cancel()
		w.set(cause(err))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w *watch) set(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = err
}

// fault returns why the store cannot be used now; nil if it can.
func (w *watch) fault() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// cause takes off what the driver puts before the reason: over HTTP that is the
// URL with every setting, and who waits for the store can do nothing with it.
func cause(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err
	}
	return err
}
