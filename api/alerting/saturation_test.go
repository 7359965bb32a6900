package alerting_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/alert/notify"
	"github.com/phaseline/phaseline/internal/embedded/embeddedtest"
	"github.com/phaseline/phaseline/internal/simulate"
	"github.com/phaseline/phaseline/migrations"
)

// Too many requests of the usual kind: one alert, which names the queue and no
// version, arrives at a real Alertmanager and is resolved.
func TestAQueueSaturationFiresAndResolves(t *testing.T) {
	db := embeddedtest.Open(t)
	require.NoError(t, migrations.Run(t.Context(), db.Conn, migrations.Options{Database: db.Name}))
	began := time.Now().UTC().Truncate(time.Hour)
	load := simulate.Workload{PerMinute: 30, Utilisation: 0.3, Seed: 6}
	load.Shift = func(at int64) simulate.Shift {
		if at >= began.UnixNano() && at < began.Add(5*time.Minute).UnixNano() {
			return simulate.Shift{Rate: 5}
		}
		return simulate.Shift{}
	}
	fill(t, db.Conn, load, began.Add(-32*time.Hour), began.Add(30*time.Minute))

	am, webhook := alertmanager(t), newHook(t)
	var clock atomic.Int64
	clock.Store(began.Add(-time.Minute).Unix())
	now := func() time.Time { return time.Unix(clock.Load(), 0).UTC() }
	e := start(t, db.Conn, &clock, "https://phaseline.example",
		notify.Alertmanager{URL: am, Now: time.Now}, notify.Webhook{URL: webhook.URL, Secret: "secret", Now: now})
	var firing alert.Current
	for minute := range 29 {
		found := e.at(t, &clock, began.Add(time.Duration(minute)*time.Minute+30*time.Second))
		if found.Status.State != alert.StateFiring || firing.Cause != nil {
			continue
		}
		t.Log(minute, alert.Explain(found.Rule, found.Last.Verdict))
		assert.LessOrEqual(t, minute, 5)
		firing = found
		var got []amAlert
		require.Eventually(t, func() bool { got = received(t, am); return len(got) == 1 }, 30*time.Second, 100*time.Millisecond)
		assert.Equal(t, "queue", got[0].Annotations["owner"])
	}
	assert.Equal(t, "queue", firing.Last.Verdict.Ownership.Owner)
	require.NotNil(t, firing.Cause)
	assert.Empty(t, firing.Cause.NewVersion)
	assert.WithinDuration(t, began, firing.Cause.Began, 2*time.Minute)
	require.Eventually(t, func() bool { return len(webhook.events(t)) == 2 }, 30*time.Second, 50*time.Millisecond)
	assert.Equal(t, []string{"firing", "resolved"}, webhook.events(t))
}
