//go:build unix

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
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

// maxInstances is how many processes may share a data folder on PostgreSQL.
const maxInstances = 64

// lockInstance takes the lowest free place among the processes that share a
// data folder, and returns the name that belongs to the place: whoever takes
// it next knows that its former holder is dead.
func lockInstance(dir string) (holder string, release func() error, err error) {
	for n := range maxInstances {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("instance-%d", n+1)), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return "", nil, fmt.Errorf("taking a place in the data folder: %w", err)
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			if err := f.Close(); err != nil {
				return "", nil, fmt.Errorf("taking a place in the data folder: %w", err)
			}
			continue
		}
		if err == nil {
			holder, err = instanceName(f)
		}
		if err != nil {
			return "", nil, errors.Join(fmt.Errorf("taking a place in the data folder %s: %w", dir, err), f.Close())
		}
		return holder, f.Close, nil
	}
	return "", nil, fmt.Errorf("%d processes work with the data folder %s already", maxInstances, dir)
}

// instanceName reads the name in a place, or makes it.
func instanceName(f *os.File) (string, error) {
	text, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil || len(text) > 0 {
		return string(text), err
	}
	name := rand.Text()
	_, err = f.WriteString(name)
	return name, err
}
