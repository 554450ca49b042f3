package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// An FS is what a store needs of a file system. Its errors name what failed
// and on which path, as those of package os do.
type FS interface {
	// Mkdir makes a directory that only we may use.
	Mkdir(dir string) error
	Stat(path string) (Info, error)
	// ReadDir lists the names in a directory, in any order.
	ReadDir(dir string) ([]string, error)
	// ReadFile reads a file that is not longer than limit, in bytes.
	ReadFile(path string, limit int) ([]byte, error)
	// Create makes a file that only we may use, and that was not there.
	Create(path string) (File, error)
	Rename(from, to string) error
	Remove(path string) error
	// SyncDir makes what happened to the names in a directory last.
	SyncDir(dir string) error
	// Lock waits until nobody else holds the directory: one writer, or any
	// number of readers. The lock ends with the process at the latest.
	Lock(ctx context.Context, dir string, write bool) (unlock func(), err error)
}

// A File is one that is being written.
type File interface {
	Write(b []byte) (int, error)
	Sync() error
	Close() error
}

// Info is what is asked of a file or a directory.
type Info struct {
	Mode os.FileMode
	UID  int
}

// disk is the FS of the operating system.
type disk struct{}

func (disk) Mkdir(dir string) error { return os.Mkdir(dir, 0o700) }

func (disk) Stat(path string) (Info, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Info{}, err
	}
	uid := -1
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		uid = int(st.Uid)
	}
	return Info{Mode: info.Mode(), UID: uid}, nil
}

func (disk) ReadDir(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	names, err := f.Readdirnames(maxFiles + 1)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && len(names) > maxFiles {
		err = fmt.Errorf("%s has more than %d entries", dir, maxFiles)
	}
	return names, err
}

func (disk) ReadFile(path string, limit int) ([]byte, error) {
	// Opening a FIFO would wait for its writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err == nil && len(text) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", path, limit)
	}
	return text, err
}

func (disk) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err // not a File that holds a nil
	}
	return f, nil
}

func (disk) Rename(from, to string) error { return os.Rename(from, to) }

func (disk) Remove(path string) error { return os.Remove(path) }

func (disk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system that knows no such thing
	}
	return errors.Join(err, f.Close())
}

// lockWait bounds how long a lock is waited for. Nobody holds one for longer
// than a few calls of fsync take.
const lockWait = 30 * time.Second

func (disk) Lock(ctx context.Context, dir string, write bool) (func(), error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_SH
	if write {
		how = syscall.LOCK_EX
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil // which gives up the lock
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			_ = f.Close()
			return nil, &os.PathError{Op: "lock", Path: dir, Err: err}
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, &os.PathError{Op: "lock", Path: dir, Err: fmt.Errorf("another process uses it: %w", ctx.Err())}
		case <-retry.C:
		}
	}
}
