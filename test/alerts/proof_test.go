// Package alerts holds the regression rule against simulated months whose truth
// is known, next to what a static threshold and a z-score make of the same data.
package alerts

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/simulate"
)

var (
	update = flag.Bool("update", false, "write the tables into docs/alerts.md")
	fresh  = flag.Uint64("seed", 1, "draw other months than those of the document")
	length = flag.Int("days", 10, "without a change, of each system; half of it at 1,000 requests a minute")
)

// longer makes prompts longer and so much rarer that the load stays the same:
// nothing but the mix changes.
func longer(factor float64) simulate.Shift { return simulate.Shift{Input: factor, Rate: 1 / factor} }

// TestAChangeIsSeenAndItsAbsenceIsNot is the proof made small enough for every
// test run.
func TestAChangeIsSeenAndItsAbsenceIsNot(t *testing.T) {
	c := follow(t, system{perMinute: 30, utilisation: 0.3, swing: 0.2}, 3, 3*day, day, 2, change{name: "slow", shift: simulate.Shift{Prefill: 2}})
	assert.Zero(t, c.alarms[phaseline])
	for _, d := range c.changes["slow"] {
		assert.NotEqual(t, time.Duration(-1), d.delay[phaseline])
		assert.LessOrEqual(t, d.delay[phaseline], 15*time.Minute)
	}
	c = follow(t, system{perMinute: 30, utilisation: 0.05, swing: 0.2}, 4, 3*day, 6*time.Hour, 1, change{name: "longer", shift: longer(1.6)})
	d := c.changes["longer"][0]
	assert.Equal(t, time.Duration(-1), d.delay[phaseline], "longer prompts are a mix shift, not a regression")
	assert.True(t, d.mix, "and it says so")
}

// Systems of the proof. Prefill takes 180 ms of an average prompt and more, since
// a rule that asks for 50 ms has nothing to find in less.
var systems = []system{
	{perMinute: 10, utilisation: 0.05, swing: 0.3},
	{perMinute: 10, utilisation: 0.3, swing: 0.3},
	{perMinute: 10, utilisation: 0.6, swing: 0.2},
	{perMinute: 100, utilisation: 0.05, servers: 8, swing: 0.3},
	{perMinute: 100, utilisation: 0.3, servers: 2, swing: 0.3},
	{perMinute: 100, utilisation: 0.3, swing: 0.3},
	{perMinute: 100, utilisation: 0.6, swing: 0.2},
	{perMinute: 100, utilisation: 0.7, swing: 0.1},
	{perMinute: 1000, utilisation: 0.05, servers: 80, swing: 0.3},
	{perMinute: 1000, utilisation: 0.3, servers: 12, swing: 0.3},
	// Without a change only: their prompts drift, or their network has a heavy tail.
	{perMinute: 30, utilisation: 0.05, swing: 0.3, drifts: true},
	{perMinute: 100, utilisation: 0.05, servers: 8, swing: 0.3, drifts: true},
	{perMinute: 100, utilisation: 0.1, servers: 4, swing: 0.3, stalls: 0.02},
}

var rises = []float64{2, 1.5, 1.2}

func rising(rise float64) string { return fmt.Sprintf("×%g", rise) }

// TestProof writes the tables of changes and of alarms without one.
func TestProof(t *testing.T) {
	if !*update {
		t.Skip("takes many minutes of CPU; make alerts-proof runs it")
	}
	courses := make([]course, len(systems))
	t.Run("systems", func(t *testing.T) {
		for i, s := range systems {
			t.Run(s.String(), func(t *testing.T) {
				t.Parallel()
				quiet, forks := time.Duration(*length)*day, 12
				if s.perMinute >= 1000 {
					quiet /= 2
				}
				var changes []change
				if !s.drifts && s.stalls == 0 {
					for _, rise := range rises {
						changes = append(changes, change{name: rising(rise), shift: simulate.Shift{Prefill: s.slowdown(rise)}})
					}
				}
				courses[i] = follow(t, s, *fresh*100+uint64(i), 8*day, quiet, forks, changes...)
				t.Log(courses[i].quiet, courses[i].alarms)
				for name, found := range courses[i].changes {
					t.Log(name, summarise(found, phaseline))
				}
			})
		}
	})
	write(t, "goals", goals(courses))
	write(t, "proof", changesTable(courses)+"\n"+alarmsTable(courses))
}

func (s system) String() string {
	text := fmt.Sprintf("%g a minute on %d × %g", s.perMinute, max(1, s.servers), s.utilisation)
	if s.drifts {
		text += ", prompts drift"
	}
	if s.stalls > 0 {
		text += ", network stalls"
	}
	return text
}

// seen sums up how changes were seen.
type seen struct {
	all          []time.Duration // in order, those not told last
	phi          float64
	owner        string
	median, most time.Duration // most is what nine of ten need
}

const never = time.Duration(math.MaxInt64)

func summarise(found []detection, who int) seen {
	var s seen
	var phis []float64
	owners := map[string]int{}
	for _, d := range found {
		delay := d.delay[who]
		if delay < 0 {
			delay = never
		}
		s.all = append(s.all, delay)
		phis = append(phis, d.phi)
		if d.owner != "" {
			owners[d.owner]++
		}
	}
	slices.Sort(s.all)
	slices.Sort(phis)
	s.phi = phis[len(phis)/2]
	s.median, s.most = s.all[len(s.all)/2], s.all[int(math.Ceil(0.9*float64(len(s.all))))-1]
	for owner, n := range owners {
		if n > owners[s.owner] || n == owners[s.owner] && owner < s.owner {
			s.owner = owner
		}
	}
	return s
}

// within is how many were told in a time.
func (s seen) within(limit time.Duration) (n int) {
	for _, d := range s.all {
		if d <= limit {
			n++
		}
	}
	return n
}

func changesTable(courses []course) string {
	var b strings.Builder
	b.WriteString("| requests/min | servers × utilisation | TTFT p95 | φ | told within the hour | half within | nine of ten within | threshold, half within | z-score, half within | owner |\n|---:|---|---|---:|---:|---:|---:|---:|---:|---|\n")
	for i, c := range courses {
		for _, rise := range rises {
			found := c.changes[rising(rise)]
			if len(found) == 0 {
				continue
			}
			s := summarise(found, phaseline)
			fmt.Fprintf(&b, "| %g | %d × %g | %s | %.1f | %d of %d | %s | %s | %s | %s | %s |\n", systems[i].perMinute, max(1, systems[i].servers), systems[i].utilisation,
				rising(rise), s.phi, s.within(time.Hour), len(s.all), minutes(s.median), minutes(s.most),
				minutes(summarise(found, threshold).median), minutes(summarise(found, zScore).median), s.owner)
		}
	}
	return b.String()
}

func alarmsTable(courses []course) string {
	var b strings.Builder
	b.WriteString("| without a change | days | phaseline | threshold | z-score |\n|---|---:|---:|---:|---:|\n")
	days, total := 0., [3]int{}
	for i, c := range courses {
		fmt.Fprintf(&b, "| %s | %.0f | %d | %d | %d |\n", systems[i], c.quiet.Hours()/24, c.alarms[0], c.alarms[1], c.alarms[2])
		days += c.quiet.Hours() / 24
		for k := range total {
			total[k] += c.alarms[k]
		}
	}
	fmt.Fprintf(&b, "| **all** | %.0f | %d | %d | %d |\n", days, total[0], total[1], total[2])
	return b.String()
}

// goals sums up what was asked for.
func goals(courses []course) string {
	var b strings.Builder
	b.WriteString("| goal | seen | |\n|---|---|---|\n")
	alarms, months := 0, 0.
	for _, c := range courses {
		alarms += c.alarms[phaseline]
		months += c.quiet.Hours() / 24 / 30
	}
	// The upper end of the 95 % interval of a Poisson mean (Garwood 1936).
	most := distuv.ChiSquared{K: float64(2*alarms + 2)}.Quantile(0.975) / 2 / months
	fmt.Fprintf(&b, "| at most 1 false alarm in a month of a group | %d in %.1f months: %.2f a month, with 95 %% confidence at most %.2f | %s |\n",
		alarms, months, float64(alarms)/months, most, verdict(float64(alarms)/months <= 1))
	for _, g := range []struct {
		text            string
		perMinute, rise float64
		phi             float64
		limit           time.Duration
	}{
		{"TTFT p95 ×1.5 at 100 a minute within 10 min where φ ≤ 3", 100, 1.5, 3, 10 * time.Minute},
		{"TTFT p95 ×1.5 at 1,000 a minute within 3 min where φ ≤ 3", 1000, 1.5, 3, 3 * time.Minute},
		{"TTFT p95 ×2 at 10 a minute within 15 min where φ ≤ 20", 10, 2, 20, 15 * time.Minute},
		{"TTFT p95 ×2 at 100 a minute within 15 min where φ ≤ 20", 100, 2, 20, 15 * time.Minute},
		{"TTFT p95 ×2 at 1,000 a minute within 15 min where φ ≤ 20", 1000, 2, 20, 15 * time.Minute},
	} {
		var found []detection
		for i, c := range courses {
			if systems[i].perMinute != g.perMinute {
				continue
			}
			for _, d := range c.changes[rising(g.rise)] {
				if d.phi <= g.phi {
					found = append(found, d)
				}
			}
		}
		if len(found) == 0 {
			fmt.Fprintf(&b, "| %s | no such system | |\n", g.text)
			continue
		}
		s := summarise(found, phaseline)
		fmt.Fprintf(&b, "| %s | %d of %d, half within %s, nine of ten within %s | %s |\n", g.text, s.within(g.limit), len(s.all), minutes(s.median), minutes(s.most), verdict(s.most <= g.limit))
	}
	return b.String()
}

// verdict of a goal: it is reached if nine of ten changes keep it.
func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "**missed**"
}

// TestMixProof changes what is asked and how it is measured, and nothing else.
func TestMixProof(t *testing.T) {
	if !*update {
		t.Skip("make alerts-proof runs it")
	}
	changes := []change{
		{name: "prompts 1.3 times as long", shift: longer(1.3)},
		{name: "prompts 1.6 times as long", shift: longer(1.6)},
		{name: "prompts 2.5 times as long", shift: longer(2.5)},
		{name: "prompts 1.6 times as long, and as many: everybody waits longer", shift: simulate.Shift{Input: 1.6}},
		{name: "TTFT read from another place, 200 ms later", shift: simulate.Shift{Network: 200 * time.Millisecond}, source: "event"},
	}
	// Where hardly anybody waits, longer prompts are nothing but longer. On one
	// busy server, those behind them wait longer as well, whatever their own size.
	mixed := []system{
		{perMinute: 30, utilisation: 0.005, servers: 30, swing: 0.3},
		{perMinute: 100, utilisation: 0.005, servers: 80, swing: 0.3},
		{perMinute: 30, utilisation: 0.05, swing: 0.3},
	}
	courses := make([]course, len(mixed))
	t.Run("systems", func(t *testing.T) {
		for i, s := range mixed {
			t.Run(s.String(), func(t *testing.T) {
				t.Parallel()
				courses[i] = follow(t, s, *fresh*100+50+uint64(i), 8*day, 3*day, 12, changes...)
			})
		}
	})
	var b strings.Builder
	b.WriteString("| requests/min | servers × utilisation | change | told as a regression | owner | called a mix shift | threshold | z-score |\n|---:|---|---|---:|---|---:|---:|---:|\n")
	for i, c := range courses {
		for _, x := range changes {
			found := c.changes[x.name]
			mix := 0
			for _, d := range found {
				if d.mix {
					mix++
				}
			}
			of := func(who int) string {
				s := summarise(found, who)
				return fmt.Sprintf("%d of %d", s.within(time.Hour), len(s.all))
			}
			fmt.Fprintf(&b, "| %g | %d × %g | %s | %s | %s | %d of %d | %s | %s |\n", mixed[i].perMinute, max(1, mixed[i].servers), mixed[i].utilisation, x.name,
				of(phaseline), summarise(found, phaseline).owner, mix, len(found), of(threshold), of(zScore))
		}
	}
	write(t, "mix", b.String())
}

// drift is how many days it takes until prefill that becomes 3 % slower every
// day is called a drift, after two steady weeks; -1 within 14 days. Other is the
// alarms before that which took it for a sudden change, early those in the week
// before it began.
func drift(t *testing.T, s system, seed uint64) (days float64, other, early int) {
	t.Helper()
	began := monday.Add(15 * day)
	samples := alert.NewSamples(nil)
	fill(samples, s.load(seed, func(at int64) simulate.Shift {
		return simulate.Shift{Prefill: 1 + 0.03*max(0, float64(at-began.UnixNano())/float64(day))}
	}), monday, monday, began.Add(14*day), attribute)
	w := alert.NewReplay(rule, samples.Read)
	days = -1
	require.NoError(t, w.Hours(t.Context(), began.Add(-week), began.Add(14*day), func(e alert.Evaluation, event alert.Event) {
		switch {
		case days >= 0:
		case e.At.Before(began):
			if event == alert.EventFiring {
				early++
			}
		case e.Verdict.Reason == alert.ReasonDrift:
			days = e.At.Sub(began).Hours() / 24
		case event == alert.EventFiring:
			other++
		}
	}))
	return days, other, early
}

func TestDriftProof(t *testing.T) {
	if !*update {
		t.Skip("make alerts-proof runs it")
	}
	systems := []system{
		{perMinute: 10, utilisation: 0.1, swing: 0.2}, {perMinute: 30, utilisation: 0.1, swing: 0.2},
		{perMinute: 100, utilisation: 0.1, servers: 4, swing: 0.2},
	}
	const seeds = 1 // each takes half a minute of CPU
	type run struct {
		days         float64
		other, early int
	}
	runs := make([][seeds]run, len(systems))
	t.Run("systems", func(t *testing.T) {
		for i, s := range systems {
			for k := range seeds {
				t.Run(fmt.Sprint(s, k), func(t *testing.T) {
					t.Parallel()
					r := &runs[i][k]
					r.days, r.other, r.early = drift(t, s, *fresh*1000+[...]uint64{0, 20, 30}[i]+uint64(k))
					t.Logf("%+v", *r)
				})
			}
		}
	})
	var b strings.Builder
	b.WriteString("| requests/min | servers × utilisation | +3 % a day called a drift | after | other alarms until then | alarms in the week before |\n|---:|---|---:|---:|---:|---:|\n")
	for i, s := range systems {
		slices.SortFunc(runs[i][:], func(a, b run) int { return cmp.Compare(a.days, b.days) })
		called, other, early := 0, 0, 0
		after := "—"
		for _, r := range runs[i] {
			other, early = other+r.other, early+r.early
			if r.days >= 0 {
				if called++; called == 1 {
					after = fmt.Sprintf("%.1f", r.days)
				}
			}
		}
		if called > 0 {
			after += fmt.Sprintf(" to %.1f days", runs[i][seeds-1].days)
		}
		fmt.Fprintf(&b, "| %g | %d × %g | %d of %d | %s | %d | %d |\n", s.perMinute, max(1, s.servers), s.utilisation, called, seeds, after, other, early)
	}
	write(t, "drift", b.String())
}

const document = "../../docs/alerts.md"

// write puts text between the marks of a name in the document.
func write(t *testing.T, name, table string) {
	t.Helper()
	t.Log("\n" + table)
	if *fresh != 1 {
		return
	}
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->"
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	require.True(t, ok && ok2, "%s has lost the marks of the table", document)
	require.NoError(t, os.WriteFile(document, []byte(head+begin+table+end+tail), 0o644))
}

func minutes(d time.Duration) string {
	if d == never {
		return "—"
	}
	return fmt.Sprintf("%.1f min", d.Minutes())
}
