package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/alert/ledger"
	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
	"github.com/phaseline/phaseline/internal/query"
	"github.com/phaseline/phaseline/migrations"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func open(t *testing.T) *ledger.Ledger {
	t.Helper()
	db := embeddedtest.Open(t)
	require.NoError(t, migrations.Run(t.Context(), db.Conn, migrations.Options{Database: db.Name}))
	return ledger.New(db.Conn)
}

var (
	now  = time.Now().UTC().Truncate(5 * time.Minute)
	chat = []alert.Label{{Name: "service", Value: "chat 'api'\\"}, {Name: "model", Value: ""}}
)

// What is saved comes back as it was, and what is saved again replaces it.
func TestWhatIsSavedComesBack(t *testing.T) {
	l := open(t)
	standing := alert.Standing{Rule: "ttft", Group: chat, Slow: true,
		Status: alert.Status{State: alert.StateFiring, Since: now, ActiveSince: now.Add(-time.Minute), LastTrue: now},
		Cause:  &alert.Cause{Began: now.Add(-time.Hour), NewVersion: "2.0", Exemplars: []alert.Exemplar{{TraceID: "a", SpanID: "b", End: now, TotalNS: 1 << 60}}}}
	judged := alert.Window{Start: now.Add(-5 * time.Minute), End: now, Requests: 100, Streamed: 90, WithTTFT: 80, Good: 70,
		Surprise: &alert.Surprise{Exceeding: 7, Expected: 4.5, Variance: 4.1, N: 80, Matched: 0.9}}
	silent := alert.Window{Start: now.Add(-10 * time.Minute), End: now.Add(-5 * time.Minute), Requests: 3, Good: 1}
	batch := alert.Batch{Standings: []alert.Standing{standing}}
	for _, w := range []alert.Window{judged, silent} {
		batch.Windows = append(batch.Windows, alert.Recorded{Rule: "ttft", Definition: 1 << 63, Group: chat, Window: w})
	}
	require.NoError(t, l.Save(t.Context(), batch))
	batch.Windows = batch.Windows[:1]
	batch.Windows[0].Window.Incident = true
	require.NoError(t, l.Save(t.Context(), batch))

	standings, err := l.Standings(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []alert.Standing{standing}, standings)

	windows, err := l.Windows(t.Context(), "ttft", 1<<63, now.Add(-time.Hour))
	require.NoError(t, err)
	require.Len(t, windows, 2)
	assert.Equal(t, chat, windows[0].Group)
	assert.Equal(t, silent, windows[0].Window)
	judged.Incident = true
	assert.Equal(t, judged, windows[1].Window)

	for _, other := range []struct {
		rule       string
		definition uint64
		since      time.Time
	}{{"tpot", 1 << 63, now.Add(-time.Hour)}, {"ttft", 1, now.Add(-time.Hour)}, {"ttft", 1 << 63, now}} {
		windows, err = l.Windows(t.Context(), other.rule, other.definition, other.since)
		require.NoError(t, err)
		assert.Empty(t, windows)
	}
}

// Pages join without a gap, newest first, and keep to what they are asked for.
func TestPages(t *testing.T) {
	l := open(t)
	var batch alert.Batch
	for i := range 5 {
		at := now.Add(time.Duration(i) * time.Minute)
		e := alert.Evaluation{Rule: "ttft", Group: chat, At: at, State: alert.StateInactive, Verdict: alert.Verdict{Phi: float64(i) + 1}}
		batch.Evaluations = append(batch.Evaluations, e, alert.Evaluation{Rule: "other", At: at})
		batch.Transitions = append(batch.Transitions, alert.Transition{Rule: "ttft", Group: chat, At: at, From: alert.StateInactive, To: alert.StateFiring, Evaluation: e,
			Deliveries: []alert.Delivery{{Target: "hook", Done: i != 2}}})
	}
	require.NoError(t, l.Save(t.Context(), batch))

	p := alert.Page{Range: alert.Range{From: now, To: now.Add(time.Hour)}, Rule: "ttft", Limit: 2}
	var phi []float64
	for range 3 {
		page, next, err := l.Evaluations(t.Context(), p)
		require.NoError(t, err)
		for _, e := range page {
			phi = append(phi, e.Verdict.Phi)
		}
		p.Before = next
		// What comes in between the pages does not move them.
		late := alert.Evaluation{Rule: "ttft", Group: chat, At: now.Add(30 * time.Minute)}
		require.NoError(t, l.Save(t.Context(), alert.Batch{Evaluations: []alert.Evaluation{late}}))
	}
	assert.Equal(t, []float64{5, 4, 3, 2, 1}, phi)
	assert.Empty(t, p.Before, "there is no page after the last")

	only := alert.Page{Range: alert.Range{From: now.Add(time.Minute), To: now.Add(2 * time.Minute)}, Fingerprint: alert.ID("ttft", chat), Limit: 10}
	transitions, _, err := l.Transitions(t.Context(), only)
	require.NoError(t, err)
	assert.Len(t, transitions, 2)
	for _, wrong := range []string{"yesterday", "-1", "e30x", "eyJ0IjotMX0", "99999999999"} {
		_, _, err = l.Transitions(t.Context(), alert.Page{Range: p.Range, Limit: 1, Before: wrong})
		var known *query.Error
		if assert.ErrorAs(t, err, &known, wrong) {
			assert.Equal(t, "cursor", known.Parameter)
		}
	}

	waiting, err := l.Undelivered(t.Context(), now)
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	assert.True(t, waiting[0].At.Equal(now.Add(2*time.Minute)))
	waiting[0].Deliveries[0].Done = true
	require.NoError(t, l.Save(t.Context(), alert.Batch{Transitions: waiting}))
	waiting, err = l.Undelivered(t.Context(), now)
	require.NoError(t, err)
	assert.Empty(t, waiting)
}

func TestRulesAreReplacedAndForgotten(t *testing.T) {
	l := open(t)
	rule := alert.Rule{Name: "slow", Kind: alert.KindThreshold, Above: alert.Duration(time.Second)}.WithDefaults()
	require.NoError(t, l.PutRule(t.Context(), rule))
	rule.Above = alert.Duration(2 * time.Second)
	require.NoError(t, l.PutRule(t.Context(), rule))
	require.NoError(t, l.PutRule(t.Context(), alert.Rule{Name: "another", Kind: alert.KindAbsence}))
	rules, err := l.Rules(t.Context())
	require.NoError(t, err)
	require.Len(t, rules, 2)
	assert.Equal(t, "another", rules[0].Name)
	assert.Equal(t, rule, rules[1])
	require.NoError(t, l.DeleteRule(t.Context(), "slow"))
	rules, err = l.Rules(t.Context())
	require.NoError(t, err)
	assert.Len(t, rules, 1)
}
