package alerts

import (
	"math"
	"slices"
	"time"

	"github.com/phaseline/phaseline/internal/alert"
)

// peers are two usual rules on the p95 of five minutes: a static threshold at
// 1.5 times the p95 of the first week, and a z-score of 3 against the same hour of
// the last seven days (as SigNoz's anomaly rule does it). They go on for as long
// as phaseline's does after they were last true, so that all are counted alike.
type peers struct {
	first []float64         // the p95s of the first week
	past  map[int][]float64 // p95s by hour of the day, of the last seven days
	last  [2]time.Time      // when each was last true
}

const aWeekOfAnHour = 7 * 12

func newPeers() *peers {
	return &peers{past: map[int][]float64{}}
}

func (p *peers) fork() *peers {
	f := newPeers()
	f.first, f.last = p.first, p.last
	for hour, values := range p.past {
		f.past[hour] = slices.Clone(values)
	}
	return f
}

// learn takes the p95 of the five minutes before end into the past.
func (p *peers) learn(s *alert.Samples, end time.Time) {
	v, ok := p95(s, end)
	if !ok {
		return
	}
	if len(p.first) < 7*24*12 {
		p.first = append(p.first, v)
	}
	hour := append(p.past[end.Hour()], v)
	p.past[end.Hour()] = hour[max(0, len(hour)-aWeekOfAnHour):]
}

func p95(s *alert.Samples, end time.Time) (float64, bool) {
	return s.Quantile(chat, alert.Range{From: end.Add(-5 * time.Minute), To: end}, 0.95)
}

// alarms says whether each rule, threshold and z-score, begins to fire.
func (p *peers) alarms(s *alert.Samples, end time.Time) [2]bool {
	var begins [2]bool
	v, ok := p95(s, end)
	if !ok {
		return begins
	}
	past := p.past[end.Hour()]
	for i, high := range []bool{v > 1.5*mean(p.first), v > mean(past)+3*deviation(past)} {
		if !high {
			continue
		}
		begins[i] = p.last[i].IsZero() || end.Sub(p.last[i]) > time.Duration(rule.KeepFiringFor)
		p.last[i] = end
	}
	return begins
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(1, len(values)))
}

func deviation(values []float64) float64 {
	m, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(max(1, len(values)-1)))
}
