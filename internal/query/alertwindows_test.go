package query

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/histogram"
)

// Every request is in exactly one cell, in the bucket that Go puts it into, and
// the parts of each add up to its TTFT.
func TestAlertWindowsCountEveryRequestOnce(t *testing.T) {
	conn := database(t)
	e := New(conn, Limits{})
	rows := generate(rand.New(rand.NewPCG(8, 1)), 3000, noon, noon.Add(10*time.Minute))
	insert(t, conn, rows)
	want := map[int32]int64{}
	var wantSum float64
	var wantStreamed, wantWith, wantGood int64
	for _, r := range rows {
		if r.Outcome != "ok" {
			continue
		}
		if r.TTFTNS != nil {
			want[histogram.Index(*r.TTFTNS)]++
			wantSum += float64(*r.TTFTNS)
			if *r.TTFTNS <= 3e8 {
				wantGood++
			}
		}
		if r.Streaming == nil || *r.Streaming {
			wantStreamed++
			if r.TTFTNS != nil {
				wantWith++
			}
		}
	}
	got := map[int32]int64{}
	var requests, streamed, with, good int64
	var sum float64
	windows := map[int64]bool{}
	services := map[string]bool{}
	err := e.AlertWindows(t.Context(), AlertWindows{GroupBy: []string{"service"}, Metric: TTFT, TTFT: 300 * time.Millisecond,
		Ranges: []Range{{noon, noon.Add(10 * time.Minute)}}, Step: 5 * time.Minute}, func(c AlertCell) {
		services[c.Group[0]] = true
		requests += c.Requests
		streamed += c.Streamed
		with += c.WithTTFT
		good += c.Good
		sum += c.Network + c.Queue + c.Prefill + c.Decode + c.Rest
		windows[c.Window] = true
		for i, n := range c.Fine {
			if n > 0 {
				assert.True(t, c.Measured)
				got[int32(c.Coarse)*8+int32(i)] += n
			}
		}
	})
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, map[int64]bool{0: true, 1: true}, windows)
	assert.Len(t, services, 3)
	assert.EqualValues(t, len(rows), requests)
	assert.Equal(t, wantStreamed, streamed)
	assert.Equal(t, wantWith, with)
	assert.Equal(t, wantGood, good)
	assert.InEpsilon(t, wantSum, sum, 1e-9)

	one := int64(0)
	require.NoError(t, e.AlertWindows(t.Context(), AlertWindows{GroupBy: []string{"service"}, Group: []string{"search"},
		Ranges: []Range{{noon, noon.Add(10 * time.Minute)}}, Step: time.Hour}, func(c AlertCell) {
		assert.Equal(t, "search", c.Group[0])
		one += c.Requests
	}))
	assert.NotZero(t, one)

	// A row that is no request any more, long before.
	gone := generate(rand.New(rand.NewPCG(9, 1)), 1, noon.AddDate(0, 0, -20), noon.AddDate(0, 0, -20).Add(time.Second))
	gone[0].deleted = true
	insert(t, conn, gone)
	oldest, err := e.Oldest(t.Context(), Range{noon.AddDate(0, 0, -35), noon.Add(time.Hour)})
	require.NoError(t, err)
	assert.WithinDuration(t, noon, oldest, time.Minute)
	oldest, err = e.Oldest(t.Context(), Range{noon.Add(-2 * time.Hour), noon.Add(-time.Hour)})
	require.NoError(t, err)
	assert.True(t, oldest.IsZero())
}
