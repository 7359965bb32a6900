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

	// An unfinished demo begins afresh, a complete one keeps its data.
	stored := filepath.Join(d.data(), "stored")
	require.NoError(t, os.MkdirAll(stored, 0o755))
	require.NoError(t, d.lock.Close())
	d, err = newDemonstration(dir, &bytes.Buffer{})
	require.NoError(t, err)
	require.NoDirExists(t, stored)

	until := time.Now().Add(-time.Hour).Round(0)
	require.NoError(t, os.MkdirAll(stored, 0o755))
	require.NoError(t, d.save(func(s *demoState) { s.Complete, s.Until = true, until }))
	require.NoError(t, d.lock.Close())
	d, err = newDemonstration(dir, &bytes.Buffer{})
	require.NoError(t, err)
	require.DirExists(t, stored)
	assert.True(t, d.state.Until.Equal(until))
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
