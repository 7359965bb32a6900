package histogram

import (
	"encoding/binary"
	"errors"
)

// Sum adds what it is given: cheaper than adding one by one to a Histogram, from
// some hundred durations or a few histograms on.
type Sum struct {
	counts    [octaves*perOctave - ZeroIndex]int64 // of bucket i at i - ZeroIndex
	low, high int                                  // all that may not be zero lie in [low, high)
}

// Observe counts durations in nanoseconds.
func (s *Sum) Observe(values []int64) {
	if len(values) == 0 {
		return
	}
	low, high := len(s.counts), 0
	for _, ns := range values {
		at := int(Index(ns) - ZeroIndex)
		s.counts[at]++
		low, high = min(low, at), max(high, at)
	}
	s.reach(low, high+1)
}

// Add adds every count of h.
func (s *Sum) Add(h *Histogram) {
	if len(h.buckets) == 0 {
		return
	}
	for _, b := range h.buckets {
		s.counts[b.index-ZeroIndex] += b.n
	}
	s.reach(int(h.buckets[0].index-ZeroIndex), int(h.buckets[len(h.buckets)-1].index-ZeroIndex)+1)
}

var errEncoding = errors.New("a histogram is not encoded as it should be")

// AddEncoded adds a histogram as the hours table encodes it: for each bucket,
// ascending, two LEB128 numbers, its distance from the one before (the first: from
// ZeroIndex) and its count.
func (s *Sum) AddEncoded(text []byte) error {
	first, at := -1, 0
	for len(text) > 0 {
		var distance, n uint64
		if len(text) > 1 && text[0]|text[1] < 0x80 { // as most are
			distance, n = uint64(text[0]), uint64(text[1])
			text = text[2:]
		} else {
			var size int
			if distance, size = binary.Uvarint(text); size <= 0 {
				return errEncoding
			}
			text = text[size:]
			if n, size = binary.Uvarint(text); size <= 0 {
				return errEncoding
			}
			text = text[size:]
		}
		if distance >= uint64(len(s.counts)) || n == 0 || distance == 0 && first >= 0 {
			return errEncoding
		}
		if at += int(distance); at >= len(s.counts) {
			return errEncoding
		}
		if first < 0 {
			first = at
		}
		s.counts[at] += int64(n)
	}
	if first >= 0 {
		s.reach(first, at+1)
	}
	return nil
}

// reach says that counts in [low, high) may not be zero.
func (s *Sum) reach(low, high int) {
	if s.high == 0 {
		s.low, s.high = low, high
		return
	}
	s.low, s.high = min(s.low, low), max(s.high, high)
}

// Take returns the sum and starts anew.
func (s *Sum) Take() Histogram {
	var h Histogram
	used := 0
	for _, n := range s.counts[s.low:s.high] {
		if n != 0 {
			used++
		}
	}
	if used == 0 {
		return h
	}
	h.buckets = make([]bucket, 0, used)
	for at := s.low; at < s.high; at++ {
		if n := s.counts[at]; n != 0 {
			h.buckets = append(h.buckets, bucket{int32(at + ZeroIndex), n})
			h.n += n
		}
	}
	clear(s.counts[s.low:s.high])
	s.low, s.high = 0, 0
	return h
}

// TakeEncoded is Take, encoded for AddEncoded.
func (s *Sum) TakeEncoded(text []byte) []byte {
	before := 0
	for at := s.low; at < s.high; at++ {
		if n := s.counts[at]; n != 0 {
			text = binary.AppendUvarint(text, uint64(at-before))
			text = binary.AppendUvarint(text, uint64(n))
			before = at
		}
	}
	clear(s.counts[s.low:s.high])
	s.low, s.high = 0, 0
	return text
}
