package phaselineextension

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSpansAreRefusedBeforeTheDiskIsFull(t *testing.T) {
	var free uint64 = minFree
	var failure error
	d := &disk{path: "/data", free: func(string) (uint64, error) { return free, failure }}
	now := time.Now()
	require.NoError(t, d.room(now))
	free = minFree - 1
	require.NoError(t, d.room(now), "it is not asked for every export")
	now = now.Add(diskPause)
	assert.ErrorContains(t, d.room(now), "/data has 255 MiB left")
	now = now.Add(diskPause)
	failure = errors.New("unknown")
	assert.NoError(t, d.room(now))

	_, err := freeBytes(t.TempDir())
	assert.NoError(t, err)
}
