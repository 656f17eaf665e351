//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockFolder makes this process the only one to work with a data folder. The
// lock ends with the process, however it ends.
func lockFolder(dir string) (release func() error, alone bool, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "app.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("locking the data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errors.New("another process works with it")
		}
		return nil, false, errors.Join(fmt.Errorf("locking the data folder %s: %w", dir, err), f.Close())
	}
	return f.Close, true, nil
}
