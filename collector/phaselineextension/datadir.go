package phaselineextension

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// openDataDir creates dir if it is not there and locks it for this process. The
// lock goes with the process, however that ends.
func openDataDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("the data folder cannot be created: %w: choose a folder that this user may write to with PHASELINE_DATA_DIR", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("the data folder is not writable: %w: choose a folder that this user may write to with PHASELINE_DATA_DIR", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("the data folder %s is used by another phaseline process: stop that one, or choose another folder with PHASELINE_DATA_DIR", dir)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}
