package alert

import (
	"math"
	"time"
)

// Drift is the slower comparison: the last day against the same days of past
// weeks. A change of a few per cent a day is never larger than the day before
// was; over a week it is.
type Drift struct {
	Hours    int      `json:"hours"` // compared
	T        float64  `json:"t"`     // mean excess of the tail over its standard error, by hourly batches
	NeededT  float64  `json:"needed_t"`
	Current  Estimate `json:"current"`
	Baseline Estimate `json:"baseline"` // at the present mix
	Drifted  bool     `json:"drifted"`
	own      Ownership
}

// driftT is the t of driftHours batches at which a drift is no longer chance.
// Hours of one day are themselves alike, hence more than fireZ.
const (
	driftT     = 5
	driftHours = 18
)

// DriftRanges are the last day, in whole hours, and the same days of the four
// weeks before it.
func DriftRanges(r Rule, now time.Time) (last Range, past []Range) {
	to := now.UTC().Truncate(time.Hour)
	last = Range{to.Add(-day), to}
	for weeks := 4; weeks >= 1; weeks-- {
		back := time.Duration(weeks) * week
		if from := last.From.Add(-back); !from.Before(r.Baseline.Since) {
			past = append(past, Range{from, to.Add(-back)})
		}
	}
	return last, past
}

// JudgeDrift compares each hour of the last day with the same hours of past
// weeks. Hours are the batches of the batch means method (Law and Kelton), so
// that what makes the requests of an hour alike widens the standard error.
func JudgeDrift(r Rule, hours, baseline []Window) Drift {
	byHour := map[int][]Window{}
	for _, w := range baseline {
		byHour[w.Start.UTC().Hour()] = append(byHour[w.Start.UTC().Hour()], w)
	}
	d := Drift{NeededT: driftT}
	var excess []float64
	var compared, against []Window
	for _, w := range hours {
		past := prepareBaseline(merge(byHour[w.Start.UTC().Hour()]), r.Quantile)
		s := surprise(prepareLike(past, w.Strata, r.Quantile), past)
		if s.N < minBaselineN || s.Matched < MinMatched {
			continue
		}
		excess = append(excess, (s.Exceeding-s.Expected)/float64(s.N))
		compared = append(compared, w)
		against = append(against, byHour[w.Start.UTC().Hour()]...)
	}
	if d.Hours = len(excess); d.Hours < driftHours {
		return d
	}
	mean, variance := 0.0, 0.0
	for _, x := range excess {
		mean += x / float64(len(excess))
	}
	for _, x := range excess {
		variance += (x - mean) * (x - mean) / float64(len(excess)-1)
	}
	if variance > 0 {
		d.T = mean / math.Sqrt(variance/float64(len(excess)))
	}
	past := prepareBaseline(merge(against), r.Quantile)
	now, then := matchedMix(prepareLike(past, merge(compared), r.Quantile), past)
	d.Current, d.Baseline = now.estimate(r.Quantile, 1), then.estimate(r.Quantile, 1)
	// Their interval would need the φ of a day; t says what is certain.
	d.Current.LowNS, d.Current.HighNS, d.Baseline.LowNS, d.Baseline.HighNS = 0, 0, 0, 0
	d.own = own(now, then, r.Quantile)
	d.Drifted = d.T > driftT && r.matters(d.Baseline.NS, d.Current.NS)
	return d
}

// Began dates a change that is still going on at the end of the windows, by the
// cumulative sum of Page (1954) read backwards: each window counts for as much as
// its tail exceeds half of what the last five exceed by, and where nothing is left
// of the sum a quiet stretch parts the change from an earlier one. Windows are judged, adjacent, and not
// longer than the precision wanted. The zero time without a change.
func Began(windows []Window) time.Time {
	var excess, expected float64
	for _, w := range windows[max(0, len(windows)-5):] {
		if w.Surprise != nil {
			excess += w.Surprise.Exceeding - w.Surprise.Expected
			expected += w.Surprise.Expected
		}
	}
	if excess <= 0 || expected == 0 {
		return time.Time{}
	}
	half := excess / expected / 2
	var began time.Time
	var sum, most float64
	for i := len(windows) - 1; i >= 0; i-- {
		s := windows[i].Surprise
		if s == nil {
			continue
		}
		if sum += s.Exceeding - s.Expected*(1+half); sum > most {
			most, began = sum, windows[i].Start
		}
		if i < len(windows)-5 && sum < 0 {
			break
		}
	}
	return began
}
