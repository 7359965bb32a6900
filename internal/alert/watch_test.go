package alert

import (
	"context"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/simulate"
)

var (
	monday     = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	regression = Rule{Name: "ttft", Kind: KindRegression, GroupBy: []string{"service"}}.WithDefaults()
	chat       = []Label{{"service", "chat"}}
)

// traffic fills samples with a workload's requests.
func traffic(s *Samples, w simulate.Workload, from, to time.Time) {
	w.Run(from.UnixNano(), to.UnixNano(), func(r simulate.Sample) bool {
		s.Add(Sample{End: time.Unix(0, r.End).UTC(), Group: chat, Model: "m", Input: r.Input, Source: "attr", Value: r.TTFT,
			Parts: Parts{PartNetwork: float64(r.Network), PartQueue: float64(r.Queue), PartPrefill: float64(r.Prefill)}})
		return true
	})
}

// live judges every minute of [from, to) as the engine does.
func live(t *testing.T, w *watch, from, to time.Time, each func(end time.Time, v Verdict, e Event)) {
	t.Helper()
	ctx := context.Background()
	for end := from.Add(time.Minute); !end.After(to); end = end.Add(time.Minute) {
		windows, err := w.current(ctx, end)
		require.NoError(t, err)
		require.NoError(t, w.step(ctx, end, windows, func(g *group, v Verdict, _ Status, e Event) {
			each(end, v, e)
			if window, ok := windows[Fingerprint(w.rule.Name, g.labels)]; ok && end.Sub(from)%time.Duration(w.rule.Window) == 0 {
				g.remember(window, v)
			}
		}))
	}
}

func TestExplore(t *testing.T) {
	if os.Getenv("EXPLORE") == "" {
		t.Skip()
	}
	for _, rate := range []float64{10, 100, 1000} {
		for _, rho := range []float64{0.05, 0.3, 0.5, 0.7, 0.85} {
			for _, factor := range []float64{1, 1.2, 1.5, 2} {
				for _, days := range []int{10} {
					began := time.Now()
					s := NewSamples(nil)
					start := monday.Add(time.Duration(days) * day).Add(13 * time.Hour)
					swing := 0.3
					if rho > 0.7 {
						swing = 0.1
					}
					load := simulate.Workload{PerMinute: rate, Utilisation: rho, Swing: swing, Seed: 7, Shift: func(at int64) simulate.Shift {
						if at >= start.UnixNano() {
							return simulate.Shift{Prefill: factor}
						}
						return simulate.Shift{}
					}}
					traffic(s, load, monday, start.Add(time.Hour))
					w := newWatch(regression, s.Read)
					fired := 0
					w.replay(context.Background(), start.Add(-7*day), start, func(end time.Time, g *group, v Verdict, e Event) {
						if e == EventFiring {
							fired++
							if os.Getenv("EXPLORE") == "2" {
								fmt.Printf("   false at %s z %.1f φ %.1f past %.1f %v -> %v\n", end, v.Z, v.Phi, *v.LargestPastZ, time.Duration(v.Baseline.NS), time.Duration(v.Current.NS))
							}
						}
					}, func(time.Time) {})
					delay := time.Duration(-1)
					var last Verdict
					reasons := map[Reason]int{}
					live(t, w, start, start.Add(time.Hour), func(end time.Time, v Verdict, e Event) {
						reasons[v.Reason]++
						if e == EventFiring {
							delay = end.Sub(start)
							last = v
						}
						if delay < 0 {
							last = v
						}
					})
					fmt.Printf("rate %4.0f rho %.2f x%.1f φ %.1f eff %.0f  p95 %v -> %v  false %d/7d delay %v z %.1f need %.1f  %s %v took %s\n", rate, rho, factor, last.Phi, last.Effective,
						time.Duration(last.Baseline.NS).Round(time.Millisecond), time.Duration(last.Current.NS).Round(time.Millisecond), fired, delay, last.Z, last.NeededZ, last.Ownership.Owner, reasons, time.Since(began).Round(100*time.Millisecond))
				}
			}
		}
	}
	assert.True(t, true)
	_ = math.Pi
}
