package store

import (
	"sync/atomic"
	"time"

	"github.com/phaseline/phaseline/internal/dialect"
)

// parcel is the spans of one export, as rows and as facts.
type parcel struct {
	block   block
	facts   []dialect.Facts // as long as the block
	encoded time.Time       // zero: long ago
	counts  tally
	waiting atomic.Int64 // rows that are not stored
}

func (p *parcel) count(reason Reason) {
	if p.counts == nil {
		p.counts = tally{}
	}
	p.counts[reason]++
}

// part is some rows of a parcel.
type part struct {
	*parcel
	from, to int
}

func (p part) rows() int { return p.to - p.from }

// Batch is spans on their way to their table: what a queue holds, joins and cuts
// without a copy of any row.
type Batch struct {
	parts  []part
	spans  int
	counts tally // of what is not in it
}

func newBatch(p *parcel) *Batch {
	b := &Batch{spans: p.block.rows(), counts: p.counts}
	p.counts = nil
	p.waiting.Store(int64(b.spans))
	if b.spans > 0 {
		b.parts = []part{{p, 0, b.spans}}
	}
	return b
}

func (b *Batch) count(reason Reason, n int64) {
	if b.counts == nil {
		b.counts = tally{}
	}
	b.counts[reason] += n
}

// Spans returns how many spans are in the batch.
func (b *Batch) Spans() int { return b.spans }

// rowSize is about what a row takes besides its text.
const rowSize = 128

// Bytes returns about how much the batch takes in a queue.
func (b *Batch) Bytes() int {
	n := 0
	for _, p := range b.parts {
		n += p.rows() * rowSize
		if p.rows() == p.block.rows() {
			n += len(p.block.arena)
			continue
		}
		for row := p.from; row < p.to; row++ {
			n += p.block.text(row)
		}
	}
	return n
}

// Join moves what other holds to b.
func (b *Batch) Join(other *Batch) {
	b.parts = append(b.parts, other.parts...)
	b.spans += other.spans
	for reason, n := range other.counts {
		b.count(reason, n)
	}
	*other = Batch{}
}

// Cut takes the first n spans off b.
func (b *Batch) Cut(n int) *Batch {
	first := &Batch{spans: n}
	first.parts, b.parts = cut(b.parts, n)
	b.spans -= n
	return first
}

// Within returns how many of the first spans take no more than a number of bytes, at
// least one.
func (b *Batch) Within(bytes int) int {
	n := 0
	for _, p := range b.parts {
		for row := p.from; row < p.to; row++ {
			bytes -= rowSize + p.block.text(row)
			if bytes < 0 {
				return max(n, 1)
			}
			n++
		}
	}
	return n
}

// cut divides parts after n rows.
func cut(parts []part, n int) (first, second []part) {
	for i, p := range parts {
		if n < p.rows() {
			if n > 0 {
				first = append(first, part{p.parcel, p.from, p.from + n})
			}
			return first, append([]part{{p.parcel, p.from + n, p.to}}, parts[i+1:]...)
		}
		first = append(first, p)
		n -= p.rows()
	}
	return first, nil
}

// recycle gives the memory of what was stored to other spans, once all of a parcel is.
func (s *Store) recycle(b *Batch) {
	for _, p := range b.parts {
		if p.waiting.Add(-int64(p.rows())) == 0 {
			p.facts = nil // the deriver's
			p.block.reset()
			s.parcels.Put(p.parcel)
		}
	}
	b.parts, b.counts = nil, nil
}
