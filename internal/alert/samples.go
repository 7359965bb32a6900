package alert

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/phaseline/phaseline/internal/histogram"
)

// Sample is one request of a test: of a rule test file, or simulated.
type Sample struct {
	End    time.Time
	Group  []Label
	Model  string
	Input  int // uncached input tokens
	Source string
	// Value is the rule's metric, and Parts what it is made of; negative is unknown.
	Value  int64 // nanoseconds
	Parts  Parts
	Failed bool
}

// Samples is a [Source] in memory. It keeps a minute's requests as buckets, two
// bytes each, so that months of a busy group fit.
type Samples struct {
	good   func(Sample) bool
	groups map[string]*sampled
}

type sampled struct {
	labels  []Label
	minutes map[int64]*minute // by Unix minute
}

type minute struct {
	requests, streamed, withTTFT, good int64
	strata                             map[Stratum]*stratumMinute
}

type stratumMinute struct {
	indexes []int16
	slices  map[int16]Slice
}

// NewSamples returns an empty source. good decides which requests meet an
// objective; nil is those that did not fail.
func NewSamples(good func(Sample) bool) *Samples {
	if good == nil {
		good = func(s Sample) bool { return !s.Failed }
	}
	return &Samples{good: good, groups: map[string]*sampled{}}
}

// Add puts one request in.
func (s *Samples) Add(sample Sample) {
	key := Fingerprint("", sample.Group)
	g := s.groups[key]
	if g == nil {
		g = &sampled{labels: sample.Group, minutes: map[int64]*minute{}}
		s.groups[key] = g
	}
	at := sample.End.Unix() / 60
	m := g.minutes[at]
	if m == nil {
		m = &minute{strata: map[Stratum]*stratumMinute{}}
		g.minutes[at] = m
	}
	m.requests++
	if s.good(sample) {
		m.good++
	}
	if sample.Failed {
		return
	}
	m.streamed++
	if sample.Value < 0 {
		return
	}
	m.withTTFT++
	stratum := Stratum{Model: sample.Model, Input: inputHalves(sample.Input), TTFTSource: sample.Source}
	d := m.strata[stratum]
	if d == nil {
		d = &stratumMinute{slices: map[int16]Slice{}}
		m.strata[stratum] = d
	}
	i := histogram.Index(sample.Value)
	d.indexes = append(d.indexes, int16(i))
	coarse := int16(histogram.Coarse(i))
	slice := d.slices[coarse]
	slice.N++
	for p := range slice.Sums {
		slice.Sums[p] += sample.Parts[p]
	}
	d.slices[coarse] = slice
}

// Before returns a source of what ended before a whole minute, to which other
// requests can be added: a second course of events with the same past.
func (s *Samples) Before(end time.Time) *Samples {
	fork := NewSamples(s.good)
	for key, g := range s.groups {
		kept := &sampled{labels: g.labels, minutes: map[int64]*minute{}}
		for at, m := range g.minutes {
			if at < end.Unix()/60 {
				kept.minutes[at] = m
			}
		}
		fork.groups[key] = kept
	}
	return fork
}

// inputHalves is that of a stratum, as the store computes it.
func inputHalves(tokens int) int8 { return int8(2 * math.Log2(float64(max(tokens, 64)))) }

// Quantile is the plain quantile of a group over a range, whatever the kinds of
// its requests; false without any.
func (s *Samples) Quantile(group []Label, r Range, q float64) (ns float64, ok bool) {
	g := s.groups[Fingerprint("", group)]
	if g == nil {
		return 0, false
	}
	var all []int16
	for at := r.From.Unix() / 60; at < r.To.Unix()/60; at++ {
		if m := g.minutes[at]; m != nil {
			for _, d := range m.strata {
				all = append(all, d.indexes...)
			}
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	return histogram.Value(int32(all[int(q*float64(len(all)))])), true
}

// Read is the [Source]. Ranges and steps are whole minutes.
func (s *Samples) Read(_ context.Context, q Question) ([]Series, error) {
	var all []Series
	for _, g := range s.groups {
		if q.Group != nil && !slices.Equal(q.Group, g.labels) {
			continue
		}
		series := Series{Group: g.labels}
		for _, r := range q.Ranges {
			for from := r.From; from.Before(r.To); from = from.Add(q.Step) {
				to := from.Add(q.Step)
				if to.After(r.To) {
					to = r.To
				}
				if w := g.window(from, to); w.Requests > 0 {
					series.Windows = append(series.Windows, w)
				}
			}
		}
		if len(series.Windows) > 0 {
			all = append(all, series)
		}
	}
	return all, nil
}

func (g *sampled) window(from, to time.Time) Window {
	w := Window{Start: from, End: to, Strata: map[Stratum]Distribution{}}
	for at := from.Unix() / 60; at < to.Unix()/60; at++ {
		m := g.minutes[at]
		if m == nil {
			continue
		}
		w.Requests += m.requests
		w.Streamed += m.streamed
		w.WithTTFT += m.withTTFT
		w.Good += m.good
		for stratum, from := range m.strata {
			d, ok := w.Strata[stratum]
			if !ok {
				d = Distribution{Counts: map[int32]int64{}, Slices: map[int32]Slice{}}
				w.Strata[stratum] = d
			}
			for _, i := range from.indexes {
				d.Counts[int32(i)]++
			}
			for coarse, slice := range from.slices {
				t := d.Slices[int32(coarse)]
				t.N += slice.N
				for p := range t.Sums {
					t.Sums[p] += slice.Sums[p]
				}
				d.Slices[int32(coarse)] = t
			}
		}
	}
	return w
}
