package phaselineextension

import (
	"fmt"
	"sync"
	"syscall"
	"time"
)

// minFree is what stays free on the disk of the data folder. A queue that cannot
// write down what it hands on loses it (seen with exporterhelper 0.162: two
// acknowledged requests of 26), and ClickHouse needs room to merge.
const minFree = 256 << 20

// diskPause is how long an answer about the disk holds.
const diskPause = 200 * time.Millisecond

// disk says whether spans may be accepted for a folder.
type disk struct {
	path string
	free func(path string) (uint64, error)

	mu     sync.Mutex
	looked time.Time
	err    error
}

func newDisk(path string) *disk { return &disk{path: path, free: freeBytes} }

// room returns an error while too little is free; senders are to try again.
func (d *disk) room(now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Sub(d.looked) < diskPause {
		return d.err
	}
	d.looked, d.err = now, nil
	// A disk that does not say how full it is may still take spans.
	if free, err := d.free(d.path); err == nil && free < minFree {
		d.err = fmt.Errorf("the disk of %s has %d MiB left, less than the %d MiB that are kept free: make room, and send again",
			d.path, free>>20, minFree>>20)
	}
	return d.err
}

func freeBytes(path string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
