package embedded

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile makes a file without a name, in memory, for the rows of one insert.
func memoryFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("insert", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file for the rows to insert: %w", err)
	}
	return os.NewFile(uintptr(fd), "insert"), nil
}

// memoryPath is the name by which this process can open the file again.
func memoryPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

func closeMemoryFile(f *os.File) { _ = f.Close() }
