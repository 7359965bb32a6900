package store

import (
	"context"
	"fmt"
	"time"

	"github.com/phaseline/phaseline/internal/dialect"
)

// maxInbox is how many stored spans may wait to be taken in: a second of all that two
// cores can store.
const maxInbox = 50_000

// delivery is spans that were just stored.
type delivery struct {
	facts    []dialect.Facts
	hashes   []uint32
	rejected []int // by index
	received time.Time
}

// expect says that spans are being stored; the function it returns, that they are
// in the inbox or will be sent again.
func (d *deriver) expect(received time.Time) (done func()) {
	if !d.store.config.Derive {
		return func() {}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inflight[&received] = struct{}{}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.inflight, &received)
	}
}

// room waits until the inbox has room, so that senders go no faster than the deriver:
// what is stored and not derived would fill the memory.
func (d *deriver) room(ctx context.Context) error {
	for {
		d.mu.Lock()
		full, drained := d.running && d.waiting > maxInbox, d.drained
		d.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-drained:
		case <-ctx.Done():
			return fmt.Errorf("store: spans come faster than requests can be derived of them: %w", ctx.Err())
		}
	}
}

// wake lets those who wait for room look again. The caller holds mu.
func (d *deriver) wake() {
	close(d.drained)
	d.drained = make(chan struct{})
}

// take leaves stored spans in the inbox. Their facts are the deriver's then.
func (d *deriver) take(parts []part, rejected []rejection, received time.Time) {
	if !d.store.config.Derive {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range parts {
		mine := delivery{facts: p.facts[p.from:p.to], hashes: append([]uint32(nil), p.block.hashes[p.from:p.to]...), received: received}
		for len(rejected) > 0 && rejected[0].parcel == p.parcel && rejected[0].row < p.to {
			mine.rejected = append(mine.rejected, rejected[0].row-p.from)
			rejected = rejected[1:]
		}
		d.waiting += len(mine.facts)
		d.inbox = append(d.inbox, mine)
	}
}

func (d *deriver) setRunning(running bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = running
	d.wake()
}

// drain takes the spans in the inbox into their traces.
func (d *deriver) drain(now time.Time) {
	d.mu.Lock()
	inbox := d.inbox
	d.inbox, d.waiting = nil, 0
	for _, delivery := range inbox {
		if d.taken.IsZero() || delivery.received.Before(d.taken) {
			d.taken = delivery.received
		}
	}
	d.wake()
	d.mu.Unlock()
	for _, delivery := range inbox {
		rejected := delivery.rejected
		for i := range delivery.facts {
			if len(rejected) > 0 && rejected[0] == i {
				rejected = rejected[1:]
				continue
			}
			d.admit(held{&delivery.facts[i], delivery.hashes[i], true}, now)
		}
	}
}
