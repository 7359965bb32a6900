package alerts

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/alert"
	"github.com/phaseline/phaseline/internal/simulate"
)

// told is one message of an alert.
type told struct {
	service, owner string
	event          alert.Event
}

// The demo's first two live incidents fire one alert each, which names the right
// part and is resolved before the same application is hit again.
func TestTheDemosIncidentsFireOnceEach(t *testing.T) {
	// Two days of it, and of its applications the two concerned.
	demo := simulate.Demo{Seed: 1, Start: time.Date(2026, 11, 23, 22, 15, 0, 0, time.UTC), Past: 50 * time.Hour}
	scenario := demo.Scenario()
	scenario.Clients = slices.DeleteFunc(scenario.Clients, func(c simulate.Client) bool {
		return c.Service != "chat-api" && c.Service != "rag-search"
	})
	const live = 35 * time.Minute
	oldest := demo.Start.Add(-demo.Past)
	sim, err := simulate.New(scenario, demo.Seed, oldest.UnixNano())
	require.NoError(t, err)
	samples := alert.NewSamples(nil)
	sim.Truths = func(r *simulate.Truth) {
		s := alert.Sample{End: time.Unix(0, r.End).UTC(), Group: []alert.Label{{Name: "service", Value: r.Service}, {Name: "model", Value: r.Model}},
			Model: r.Model, Input: r.InputTokens - r.CachedTokens, Value: r.TTFT, Failed: r.Outcome != simulate.OK}
		if r.TTFT != simulate.Unknown && r.Queue != simulate.Unknown {
			s.Parts = alert.Parts{alert.PartQueue: float64(r.Queue), alert.PartPrefill: float64(r.Prefill), alert.PartNetwork: float64(r.TTFT - r.Queue - r.Prefill)}
		}
		samples.Add(s)
	}
	for at := oldest; !at.After(demo.Start.Add(live)); at = at.Add(time.Minute) {
		sim.Advance(at.UnixNano())
	}

	rules, err := alert.ParseRules([]byte(alert.DefaultRules()))
	require.NoError(t, err)
	r := rules[slices.IndexFunc(rules, func(r alert.Rule) bool { return r.Kind == alert.KindRegression })]
	w := alert.NewReplay(r, samples.Read)
	require.NoError(t, w.Hours(t.Context(), oldest.Truncate(time.Hour), demo.Start, func(alert.Evaluation, alert.Event) {}))
	var got []told
	for end := demo.Start.Add(time.Minute); !end.After(demo.Start.Add(live)); end = end.Add(time.Minute) {
		require.NoError(t, w.Minute(t.Context(), end, func(e alert.Evaluation, event alert.Event) {
			if event == alert.EventNone {
				return
			}
			t.Log(end.Sub(demo.Start), e.Group[0].Value, event, alert.Explain(r, e.Verdict))
			message := told{e.Group[0].Value, "", event}
			if event == alert.EventFiring {
				message.owner = e.Verdict.Ownership.Owner
			}
			got = append(got, message)
		}))
	}
	assert.Equal(t, []told{
		{"chat-api", "queue", alert.EventFiring}, {"rag-search", "prefill", alert.EventFiring},
		{"chat-api", "", alert.EventResolved}, {"rag-search", "", alert.EventResolved},
	}, got)
}
