//go:build !linux

package embedded

import (
	"fmt"
	"os"
)

// memoryFile makes a temporary file for the rows of one insert; this platform has no files
// in memory.
func memoryFile() (*os.File, error) {
	f, err := os.CreateTemp("", "phaseline-insert-")
	if err != nil {
		return nil, fmt.Errorf("make a file for the rows to insert: %w", err)
	}
	return f, nil
}

func memoryPath(f *os.File) string { return f.Name() }

func closeMemoryFile(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
