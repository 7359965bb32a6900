package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/simulate"
)

func TestDemoFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d, err := newDemonstration(dir, &bytes.Buffer{})
	require.NoError(t, err)

	_, err = newDemonstration(dir, &bytes.Buffer{})
	require.ErrorContains(t, err, "another demo uses")

	require.NoError(t, d.lock.Close())
}

// A first start fills in two weeks, a later one what is missing since, and what
// an earlier one was stopped at.
func TestDemoGoesOnWhereItStopped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	restart := func(now time.Time) *demonstration {
		d, err := newDemonstration(dir, &bytes.Buffer{})
		require.NoError(t, err)
		_, err = d.begin(now)
		require.NoError(t, err)
		require.NoError(t, d.lock.Close())
		return d
	}
	first := time.Now()
	d := restart(first)
	require.Len(t, d.state.History, 1)
	assert.Equal(t, demoPast, d.state.History[0].Past)
	incidents := len(d.state.Incidents)
	assert.Greater(t, incidents, 5)
	require.NoError(t, d.save(func(s *demoState) {
		s.History[0].Chunks = 3
		s.Until = first.Add(time.Minute)
	}))

	d = restart(first.Add(11 * time.Minute))
	require.Len(t, d.state.History, 2)
	assert.Equal(t, 3, d.state.History[0].Chunks)
	assert.True(t, d.state.History[0].Start.Equal(first))
	assert.Equal(t, 10*time.Minute, d.state.History[1].Past)
	assert.Len(t, d.state.Incidents, incidents, "none lies in the ten minutes between")
}

func TestDemoLeavesOtherFoldersAlone(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine"), []byte("x"), 0o644))
	_, err := newDemonstration(dir, &bytes.Buffer{})
	require.ErrorContains(t, err, "something else in it")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)

	require.NoError(t, os.WriteFile(filepath.Join(dir, demoMarker), []byte("{"), 0o644))
	_, err = newDemonstration(dir, &bytes.Buffer{})
	assert.ErrorContains(t, err, "damaged")
}

func TestDemoTellsIncidents(t *testing.T) {
	var out bytes.Buffer
	d, err := newDemonstration(filepath.Join(t.TempDir(), "demo"), &out)
	require.NoError(t, err)
	now := time.Now()
	in := simulate.Incident{Kind: simulate.BadDeploy, From: now.UnixNano(), To: now.Add(time.Minute).UnixNano(), Label: "slow"}
	require.NoError(t, d.record([]simulate.Incident{in}, now.Add(-time.Second), now))
	require.NoError(t, d.record([]simulate.Incident{in}, now, now.Add(time.Second)))
	assert.Contains(t, out.String(), "bad deploy begins: slow")
	assert.NotContains(t, out.String(), "ends")
	assert.Equal(t, []simulate.Incident{in}, d.state.Incidents)
	require.NoError(t, d.record([]simulate.Incident{in}, now.Add(59*time.Second), now.Add(60*time.Second)))
	assert.Contains(t, out.String(), "bad deploy ends")
}
