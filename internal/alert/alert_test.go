package alert

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func TestRuleFiles(t *testing.T) {
	defaults, err := ParseRules([]byte(DefaultRules()))
	require.NoError(t, err)
	require.Len(t, defaults, 3)
	kinds, err := os.ReadFile("testdata/rules/kinds.yaml")
	require.NoError(t, err)
	more, err := ParseRules(kinds)
	require.NoError(t, err)
	for file, rules := range map[string][]Rule{"default": defaults, "kinds": more} {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile("testdata/rules/" + file + ".test")
			require.NoError(t, err)
			assert.NoError(t, RunTests(t.Context(), rules, bytes.NewReader(text)))
			wrong := bytes.Replace(text, []byte("expect firing"), []byte("expect no_data"), 1)
			assert.ErrorContains(t, RunTests(t.Context(), rules, bytes.NewReader(wrong)), "expected no_data", "a wrong expectation is reported")
		})
	}
}

func TestAMistakeRefusesTheWholeFile(t *testing.T) {
	for text, want := range map[string]string{
		"rules: [{name: a, kind: threshold}]":                                          "needs a limit above 0",
		"rules: [{name: a, kind: slo}]":                                                "needs target",
		"rules: [{name: a, kind: absence}, {name: a, kind: absence}]":                  "used twice",
		"rules: [{name: a, kind: absence, windw: 5m}]":                                 "windw",
		"rules: [{name: a, kind: regression, window: 5}]":                              "not a duration",
		"rules: [{name: '1', kind: guess, quantile: 2, group_by: [a, b, c, d]}]":       "at most three",
		"rules: [{name: a, kind: regression, metric: speed, quantile: 0.1, for: -1m}]": "use one of ttft",
		"rules: [{name: a, kind: regression, min_relative: -1}]":                       "must be above 0",
		"rules: [{name: a, kind: absence, coverage_below: 2}]":                         "share from 0 to 1",
		"rules: [{name: a, kind: slo, slo: {target: 2}}]":                              "0.9999",
		"rules: [{name: a, kind: slo, window: 10m, slo: {target: 0.9}}]":               "use 1m or 5m",
		"rules: {": "not a rule file",
		"":         "it has no `rules:`",
	} {
		_, err := ParseRules([]byte(text))
		assert.ErrorContains(t, err, want, text)
	}
}

// Every path through the state machine keeps its promises.
func TestStatesTellEachTransitionOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rule{
			For:           Duration(rapid.IntRange(0, 4).Draw(t, "for")) * Duration(time.Minute),
			KeepFiringFor: Duration(rapid.IntRange(0, 6).Draw(t, "keep")) * Duration(time.Minute),
		}
		all := []Condition{ConditionTrue, ConditionFalse, ConditionNoData, ConditionInsufficient, ConditionError}
		s := Status{State: StateInactive}
		told := false
		trueFor := 0
		for i, c := range rapid.SliceOf(rapid.SampledFrom(all)).Draw(t, "conditions") {
			at := now.Add(time.Duration(i) * time.Minute)
			before := s
			var event Event
			s, event = s.Next(r, c, at)
			if c == ConditionTrue {
				trueFor++
			} else {
				trueFor = 0
			}
			switch event {
			case EventFiring:
				require.False(t, told)
				require.GreaterOrEqual(t, time.Duration(trueFor-1)*time.Minute, time.Duration(r.For))
				told = true
			case EventResolved:
				require.True(t, told)
				require.GreaterOrEqual(t, at.Sub(s.LastTrue), time.Duration(r.KeepFiringFor))
				told = false
			}
			require.Equal(t, told, s.active())
			if s.State != before.State {
				require.Equal(t, at, s.Since)
			}
		}
	})
}

// windows draws windows whose tail counts are beta-binomial: requests of one
// window share a load, with the given intraclass correlation.
func windows(random *rand.Rand, count int, n int64, p, rho float64) []Window {
	var all []Window
	for i := range count {
		share := p
		if rho > 0 {
			share = distuv.Beta{Alpha: p * (1 - rho) / rho, Beta: (1 - p) * (1 - rho) / rho, Src: random}.Rand()
		}
		var above float64
		for range n {
			if random.Float64() < share {
				above++
			}
		}
		start := now.Add(time.Duration(i-count) * 5 * time.Minute)
		all = append(all, Window{Start: start, End: start.Add(5 * time.Minute),
			Surprise: &Surprise{Exceeding: above, Expected: float64(n) * p, Variance: float64(n) * p * (1 - p), N: n, Matched: 1}})
	}
	return all
}

// What happened to too few requests to fire is no bar for what happens to many,
// unless there is nothing else to compare with.
func TestIncidentsThatCouldNotFireHideNoOther(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	past := windows(random, 300, 100, 0.05, 0)
	usual, count := Overdispersion{}.largest(past, now)
	assert.Equal(t, 300, count)
	assert.Less(t, usual, 5.0)
	for i := range 5 {
		past[i].Surprise = &Surprise{Exceeding: 7, Expected: 0.35, Variance: 0.33, N: 7, Matched: 1}
	}
	bar, count := Overdispersion{}.largest(past, now)
	assert.LessOrEqual(t, bar, usual)
	assert.Equal(t, 295, count)
	bar, count = Overdispersion{}.largest(past[:MinPastWindows], now)
	assert.Greater(t, bar, 11.0)
	assert.Equal(t, MinPastWindows, count)

	for i := range 4 { // it grows, each time by less than the margin
		past[296+i].Surprise = &Surprise{Exceeding: 25 + 5*float64(i), Expected: 5, Variance: 4.75, N: 100, Matched: 1}
	}
	bar, count = Overdispersion{}.largest(past, now)
	assert.LessOrEqual(t, bar, usual)
	assert.Equal(t, 291, count)
}

// The estimate of φ is compared with that of a beta-binomial, whose variance is
// n·p·(1-p)·(1+(n-1)ρ) exactly.
func TestOverdispersionFindsTheDesignEffect(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, rho := range []float64{0, 0.005, 0.02} {
		past := windows(random, 1500, 500, 0.05, rho)
		o := EstimateOverdispersion(past, now)
		want := 1 + 499*rho
		assert.InEpsilon(t, want, o.Phi(500), 0.5, "ρ %v", rho)
		assert.InEpsilon(t, 1+99*o.Rho, o.Phi(100), 1e-9)
		for i := range past[:60] { // a few incidents change little
			past[i*20].Surprise.Exceeding = 400
		}
		assert.InEpsilon(t, want, EstimateOverdispersion(past, now).Phi(500), 1.2, "ρ %v with incidents", rho)
	}
}

// The surprise of independent requests is that of a binomial distribution.
func TestSurpriseIsBinomialWithoutAQueue(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	stratum := Stratum{Model: "m"}
	draw := func(n int) Distribution {
		d := Distribution{Counts: map[int32]int64{}}
		for range n {
			d.Counts[int32(1500+100*random.ExpFloat64())]++
		}
		return d
	}
	past := prepareBaseline(map[Stratum]Distribution{stratum: draw(400_000)}, 0.95)
	exact := distuv.Binomial{N: 300, P: 0}
	const rounds = 4000
	limit := 2.0
	beyond := 0
	for range rounds {
		s := surprise(prepare(map[Stratum]Distribution{stratum: draw(300)}, 0.95), past)
		exact.P = s.Expected / 300
		if s.Z() > limit {
			beyond++
		}
	}
	assert.InDelta(t, 0.05, exact.P, 0.005)
	least := 300*exact.P + limit*math.Sqrt(300*exact.P*(1-exact.P))
	want := 1 - exact.CDF(math.Floor(least))
	assert.InDelta(t, want, float64(beyond)/rounds, 0.01)
}

func TestWilsonAgreesWithItsTable(t *testing.T) {
	// Newcombe 1998, table I, method 3.
	for _, c := range []struct {
		k, n int64
		low  float64
	}{{81, 263, 0.2553}, {15, 148, 0.0624}, {0, 20, 0}, {1, 29, 0.0061}} {
		assert.InDelta(t, c.low, wilsonLow(c.k, c.n), 0.0001)
	}
}

func TestBeganIsTheFirstMinuteOfTheChange(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct{ first, before, by int }{ // the minutes of each, and how much more the earlier one was
		{47, 10, 1}, {57, 12, 1}, {57, 12, 4}, {58, 30, 4},
	} {
		off := 0
		for range 200 {
			minutes := windows(random, 60, 100, 0.05, 0)
			for i := range minutes {
				switch {
				case i >= c.first:
					minutes[i].Surprise.Exceeding += 15
				case i >= 5 && i < 5+c.before: // it is over
					minutes[i].Surprise.Exceeding += 15 * float64(c.by)
				}
			}
			if d := Began(minutes).Sub(minutes[c.first].Start); d < -5*time.Minute || d > 5*time.Minute {
				off++
			}
		}
		assert.Less(t, off, 10, "%+v", c)
	}
	assert.True(t, Began(nil).IsZero())
}

func TestUsualCountsSilentWindows(t *testing.T) {
	past := windows(rand.New(rand.NewPCG(7, 8)), 100, 1, 0.5, 0)
	for i := range past {
		past[i].Requests = 20
	}
	assert.Equal(t, 20., usual(past, 5*time.Minute, now).Requests)
	assert.Equal(t, 0., usual(past[:40], 5*time.Minute, now).Requests, "silent for longer than it was not")
	assert.Equal(t, Usual{}, usual(nil, 5*time.Minute, now))
}

func TestReferencesLeaveIncidentsOut(t *testing.T) {
	w := []Window{{Start: now, End: now.Add(30 * time.Minute)}, {Start: now.Add(30 * time.Minute), End: now.Add(time.Hour)}}
	assert.Len(t, without(w, []Range{{now.Add(29 * time.Minute), now.Add(30 * time.Minute)}}), 1)
	assert.Len(t, without(w, []Range{{now.Add(time.Hour), now.Add(2 * time.Hour)}}), 2)
	r := Rule{Baseline: Baseline{Since: now.Add(-3 * time.Hour)}}
	trailing, ok := TrailingRange(r, now)
	assert.True(t, ok)
	assert.False(t, trailing.From.Before(r.Baseline.Since))
	assert.Empty(t, WeeklyRanges(r, now))
	r.Baseline.Since = now.Add(-time.Hour)
	_, ok = TrailingRange(r, now)
	assert.False(t, ok)
}

func TestMessagesNameWhatTheyRestOn(t *testing.T) {
	m := Message{Rule: Rule{Name: "ttft", Kind: KindRegression, Metric: "ttft", Quantile: 0.99}, Group: []Label{{"service", "chat"}}, Event: EventFiring,
		Verdict: Verdict{Current: Estimate{NS: 8e8, LowNS: 7e8, HighNS: 9e8, N: 4000}, Baseline: Estimate{NS: 4e8, N: 4000}, Phi: 2, Ownership: Ownership{Change: Parts{1e7, 3.8e8, 2e7}, Owner: "queue"},
			Window: Range{now, now.Add(5 * time.Minute)}},
		Began: now, NewVersion: "2.0.0"}
	assert.Equal(t, "ttft (service=chat): p99 TTFT 800 ms, was 400 ms: queue +380 ms, prefill +20 ms, network +10 ms", m.Summary())
	assert.Contains(t, m.Details(), "Seen at 2026-03-04T12:05:00Z: 800 ms [700 ms, 900 ms], n 4000")
	assert.Contains(t, m.Details(), "Began: 2026-03-04T12:00:00Z, when version 2.0.0 appeared")
	m.Event, m.LastTrue, m.EndsAt = EventResolved, now.Add(9*time.Minute), now.Add(20*time.Minute)
	assert.Equal(t, "ttft (service=chat): resolved, last seen at 2026-03-04T12:09:00Z: p99 TTFT 800 ms, was 400 ms: queue +380 ms, prefill +20 ms, network +10 ms", m.Summary())
	assert.Contains(t, m.Details(), "Ended: last seen at 2026-03-04T12:09:00Z, resolved at 2026-03-04T12:20:00Z")
}

func TestPreviewFindsThePastIncident(t *testing.T) {
	test := &ruleTest{rule: Rule{Name: "r", Kind: KindRegression, GroupBy: []string{"service"}}.WithDefaults()}
	for i, line := range [][]string{
		{"group", "service=chat"},
		{"load", "30/min", "ttft=300ms", "from=-60h"},
		{"load", "30/min", "ttft=900ms", "parts=queue", "from=-5h", "to=-4h"},
	} {
		require.NoError(t, test.add(i, line))
	}
	samples, _ := test.samples(0)
	p, err := Replay(context.Background(), samples.Read, test.rule, Range{testNow.Add(-36 * time.Hour), testNow})
	require.NoError(t, err)
	require.Len(t, p.Episodes, 1)
	e := p.Episodes[0]
	assert.WithinDuration(t, testNow.Add(-5*time.Hour), e.Fired, 10*time.Minute)
	assert.WithinDuration(t, testNow.Add(-4*time.Hour+15*time.Minute), e.Resolved, 10*time.Minute)
	assert.Equal(t, "queue", e.Peak.Verdict.Ownership.Owner)
	assert.Equal(t, 1, p.Groups)
}
