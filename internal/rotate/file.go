// Package rotate has what the main log and the logs of children share: a
// file that rotates by size, a queue before a target that may block, and the
// bookkeeping of bytes that could not be written.
package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Options say how a File is made and when it rotates. The zero value appends
// for ever to a file with the mode that umask leaves of 0666.
type Options struct {
	Mode     os.FileMode // of files that are created, before umask; 0 means 0666
	NoFollow bool        // refuse a symbolic link at path
	MaxBytes int64       // rotate at this size; 0 or negative: never
	Backups  int         // files kept as path.1, path.2, ...; 0 or negative: none, truncate

	// Room is asked when there is no descriptor left for an open. If it says
	// that it closed something, the open is tried once more. It may not touch
	// the File; nil for none.
	Room func() bool
}

// A File appends to a path. After a write that brings it to MaxBytes it
// becomes path.1, the old path.1 path.2, and so on; a single write is never
// split over two files. Supervisor 4.2.5, loggers.py, RotatingFileHandler.
//
// What is no regular file, and anything under /dev or /proc, is never
// rotated, renamed, or removed.
//
// Only its owner may touch it.
type File struct {
	path    string
	options Options
	out     target // closed after Suspend, or a reopen that failed if nothing was left to write to
	movable bool   // it is ours to rename, remove, and open again
	calm    bool   // it was no target that makes its writer wait, and must not become one
	stale   bool   // path is to be opened again before the next write
	done    bool   // Close was called
	retryAt int64  // size at which a rotation that failed is tried again
	size    int64  // after the last write, if it may rotate; 0 when not known

	freeing atomic.Bool // see keepOldest
}

// Open opens path for appending and creates it if need be. The error wraps
// the errno. A FIFO without a reader is opened, too; a path that names a
// descriptor of our own that can't be opened (/dev/stdout as a socket, or as
// a pipe of another user) is duplicated instead.
func Open(path string, o Options) (*File, error) {
	f := &File{path: path, options: o, out: closed}
	if err := f.open(0); err != nil {
		return nil, err
	}
	return f, nil
}

// Blocks reports whether a write may have to wait for somebody who reads:
// write to such a file through a [Queue].
func (f *File) Blocks() bool { return f.out.slow != nil }

// Path is what Open was given.
func (f *File) Path() string { return f.path }

// SetLimits replaces MaxBytes and Backups.
func (f *File) SetLimits(maxBytes int64, backups int) {
	if f.options.MaxBytes != maxBytes || f.options.Backups != backups {
		f.options.MaxBytes, f.options.Backups, f.retryAt = maxBytes, backups, 0
	}
}

// Write appends p and then rotates if it is time. When the error comes with
// n == len(p), everything was written and only the rotation failed; it is
// tried again after another MaxBytes.
func (f *File) Write(p []byte) (n int, err error) {
	if f.stale || !f.out.isOpen() {
		if err := f.resume(); err != nil && !f.out.isOpen() {
			return 0, err
		}
	}
	n, err = f.out.write(f.path, p)
	if err != nil || !f.movable || f.options.MaxBytes <= 0 {
		return n, err
	}
	// The position, not a count of our own: another writer may append to the
	// same file, or truncate it after a copy.
	size, err := f.out.position()
	f.size = size
	failed := f.retryAt - f.options.MaxBytes // at this size; what is smaller is another file
	if err != nil || size < f.options.MaxBytes || (failed <= size && size < f.retryAt) {
		return n, err
	}
	f.size = 0
	if err := f.rotate(); err != nil {
		f.retryAt = size + f.options.MaxBytes
		return n, fmt.Errorf("cannot rotate log file %q: %w", f.path, err)
	}
	return n, nil
}

// Room is how many bytes of several writes may go into one without a rotation
// that would have come between them. It is 0 where that is not known, and for
// what Blocks: others may write to it as well, and no line is to be torn.
func (f *File) Room() int64 {
	switch {
	case f.stale || !f.out.isOpen() || f.out.slow != nil:
		return 0
	case !f.movable || f.options.MaxBytes <= 0:
		return math.MaxInt64
	case f.size == 0 || f.retryAt != 0:
		return 0
	}
	return max(0, f.options.MaxBytes-f.size-1)
}

// Suspend closes the file until the next write, which opens the path again as
// Reopen does. Nothing is lost by it, and nothing rotated. It answers false
// and does nothing to what can't be had again by its path: what is no regular
// file, and one that goes by another name since a reopen failed.
func (f *File) Suspend() bool {
	if !f.Suspendable() {
		return false
	}
	_ = f.out.close() // all its bytes were written
	return true
}

// Suspendable reports whether Suspend would close a descriptor.
func (f *File) Suspendable() bool { return f.movable && !f.stale && f.out.isOpen() }

// Reopen opens the path again, after somebody moved the file away. If that
// fails, every write tries again; until then they go to the old file, unless
// it has been deleted. A suspended file is made if it is not there, and stays
// suspended.
func (f *File) Reopen() error {
	if !f.movable {
		return nil
	}
	suspended := !f.out.isOpen()
	err := f.open(0)
	if err == nil {
		if suspended {
			_ = f.Suspend()
		}
		return nil
	}
	f.stale = true
	if f.out.isOpen() && f.out.unlinked() {
		_ = f.out.close() // nobody could ever read it
	}
	return err
}

// Clear removes the file and makes it anew. Backups stay. It does nothing to
// what is no regular file. Supervisor 4.2.5, loggers.py, FileHandler.remove.
func (f *File) Clear() error {
	if !f.movable {
		return nil
	}
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.Reopen()
}

// Moved reports whether the path no longer names the file that is open, or
// none is.
func (f *File) Moved() bool {
	if !f.movable {
		return false
	}
	return f.stale || !f.out.isOpen() || !f.out.isAt(f.path)
}

// Target is the open file, for deadlines; nil unless it Blocks.
func (f *File) Target() *os.File { return f.out.slow }

// Close closes the file. Nothing is buffered.
func (f *File) Close() error {
	f.done = true
	return f.out.close()
}

// rotate shuffles the backups and starts an empty file. Backups that are
// missing are skipped. The old file stays open until there is a new one, so
// that nothing is lost when it can't be made.
func (f *File) rotate() error {
	if f.options.Backups > 0 {
		if free := f.keepOldest(backup(f.path, f.options.Backups)); free != nil {
			defer free()
		}
		for i := f.options.Backups - 1; i > 0; i-- {
			if err := rename(backup(f.path, i), backup(f.path, i+1)); err != nil {
				return err
			}
		}
		if err := rename(f.path, backup(f.path, 1)); err != nil {
			return err
		}
	}
	if err := f.open(unix.O_TRUNC); err != nil {
		f.stale = true
		return err
	}
	return nil
}

// resume opens the path for a write.
func (f *File) resume() error {
	if f.done {
		return &fs.PathError{Op: "write", Path: f.path, Err: fs.ErrClosed}
	}
	suspended, retryAt := !f.stale, f.retryAt
	err := f.open(0)
	if suspended {
		f.retryAt = retryAt // the same file, most likely
	}
	return err
}

// open makes f.out what the path names now; after an error it is unchanged.
func (f *File) open(flags int) error {
	out, err := open(f.path, f.options, flags)
	if noRoom(err) && f.options.Room != nil && f.options.Room() {
		out, err = open(f.path, f.options, flags)
	}
	if err != nil {
		return err
	}
	if f.calm && out.slow != nil { // its writer counts on never waiting
		_ = out.close()
		return &fs.PathError{Op: "open", Path: f.path, Err: errors.New("no longer a regular file")}
	}
	_ = f.out.close() // all its bytes were written
	f.out = out
	f.calm = out.slow == nil
	f.movable = out.regular && !fixed(f.path)
	f.stale, f.retryAt, f.size = false, 0, 0
	return nil
}

func noRoom(err error) bool { return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) }

// fixed reports whether the name at path belongs to the system: as root we
// could rename /dev/stdout, and the original does.
func fixed(path string) bool {
	return strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/")
}

func backup(path string, i int) string { return fmt.Sprintf("%s.%d", path, i) }

func rename(from, to string) error {
	err := os.Rename(from, to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
