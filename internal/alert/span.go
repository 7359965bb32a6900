package alert

import (
	"math"
	"time"
)

// spanWindows are how many windows are judged together beside the newest alone.
// Where requests queue, five minutes are worth few independent ones: at φ = 22 a
// p95 twice as high is 3.7·√φ on average, which is to say in every other window.
// Three windows know √3 times as much, and six √6 times.
var spanWindows = [...]int{3, 6}

// Span is what several adjacent windows, the newest the last, show together.
type Span struct {
	Length   Duration `json:"length"`
	Surprise Surprise `json:"surprise"`
	Z        float64  `json:"z"`
	Phi      float64  `json:"phi"`
	NeededZ  float64  `json:"needed_z"` // fireZ · √φ
	// RecordZ is what the largest of the past spans asks for; 0 without a past.
	RecordZ   float64 `json:"record_z"`
	Surprised bool    `json:"surprised"` // more than chance and than ever before, and still so
}

// join sums windows up.
func join(windows []Window) Window {
	sum := Surprise{Matched: 1}
	for _, w := range windows {
		sum.Exceeding += w.Surprise.Exceeding
		sum.Expected += w.Surprise.Expected
		sum.Variance += w.Surprise.Variance
		sum.N += w.Surprise.N
	}
	return Window{Start: windows[0].Start, End: windows[len(windows)-1].End, Surprise: &sum}
}

// spans are the sums of every so many adjacent windows of which none was an incident.
func spans(past []Window, windows int) []Window {
	var all []Window
	run := 0
	for i, w := range past {
		switch {
		case w.Surprise == nil || w.Incident:
			run = 0
			continue
		case run > 0 && !past[i-1].End.Equal(w.Start):
			run = 0
		}
		if run++; run >= windows {
			all = append(all, join(past[i+1-windows:i+1]))
		}
	}
	return all
}

// before are the newest windows that lead up to one that begins at start, as many
// as are asked for; nil if they do not. An incident belongs to it only if it goes on.
func (g *group) before(start time.Time, windows int, length time.Duration) []Window {
	last := len(g.past)
	for last > 0 && g.past[last-1].End.After(start) {
		last--
	}
	if last < windows || start.Sub(g.past[last-1].End) >= length {
		return nil
	}
	found := g.past[last-windows : last]
	for i, w := range found {
		if w.Surprise == nil || w.Incident && !g.status.ongoing() || i > 0 && !found[i-1].End.Equal(w.Start) {
			return nil
		}
	}
	return found
}

// spans judges the current window together with those before it. Once the alert
// has fired, it must have its share in what they show: an incident that is over
// lies in the last half hour for as long, and would fire again and again.
func (g *group) spans(current Window, s Surprise, length time.Duration) []Span {
	var all []Span
	alone := s.Z() / math.Sqrt(g.record(1, current.Start, length).Phi(s.N))
	for _, windows := range spanWindows {
		earlier := g.before(current.Start, windows-1, length)
		if earlier == nil || s.N == 0 {
			continue
		}
		record := g.record(windows, current.Start, length)
		joined := join(append(earlier[:len(earlier):len(earlier)], Window{Start: current.Start, End: current.End, Surprise: &s}))
		n := joined.Surprise.N
		span := Span{Length: Duration(time.Duration(windows) * length), Surprise: *joined.Surprise, Z: joined.Surprise.Z(), Phi: record.Phi(n)}
		span.NeededZ = fireZ * math.Sqrt(span.Phi)
		if record.Compared > 0 {
			span.RecordZ = pastMargin(record.Compared) * record.Largest * math.Sqrt(span.Phi)
		}
		span.Surprised = record.Windows >= MinPastWindows && float64(n)/span.Phi >= MinEffective &&
			span.Z > span.NeededZ && span.Z > span.RecordZ && (!g.status.active() || alone > fireZ/math.Sqrt(float64(windows)))
		all = append(all, span)
	}
	return all
}
