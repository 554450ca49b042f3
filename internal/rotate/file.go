// Package rotate has what the main log and the logs of children share: a
// file that rotates by size, a queue before a target that may block, and the
// bookkeeping of bytes that could not be written.
package rotate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Options say how a File is made and when it rotates. The zero value appends
// for ever to a file with the mode that umask leaves of 0666.
type Options struct {
	Mode     os.FileMode // of files that are created, before umask; 0 means 0666
	MaxBytes int64       // rotate at this size; 0 or negative: never
	Backups  int         // files kept as path.1, path.2, ...; 0 or negative: none, truncate
	NoFollow bool        // refuse a symbolic link at path
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
	out     *os.File // nil after a reopen that failed, if nothing was left to write to
	blocks  bool     // a pipe, terminal or socket: writing may have to wait
	regular bool
	stale   bool  // path is to be opened again before the next write
	retryAt int64 // size at which a rotation that failed is tried again
}

// Open opens path for appending and creates it if need be. The error wraps
// the errno. A FIFO without a reader is opened, too; a path that names a
// descriptor of our own that can't be opened (/dev/stdout as a socket, or as
// a pipe of another user) is duplicated instead.
func Open(path string, o Options) (*File, error) {
	f := &File{path: path, options: o}
	if err := f.open(0); err != nil {
		return nil, err
	}
	return f, nil
}

// Blocks reports whether a write may have to wait for somebody who reads:
// write to such a file through a [Queue].
func (f *File) Blocks() bool { return f.blocks }

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
	if f.stale {
		if err := f.open(0); err != nil && f.out == nil {
			return 0, err
		}
	}
	n, err = f.out.Write(p)
	if err != nil || !f.regular || f.options.MaxBytes <= 0 || fixed(f.path) {
		return n, err
	}
	// The position, not a count of our own: another writer may append to the
	// same file, or truncate it after a copy.
	size, err := f.out.Seek(0, io.SeekCurrent)
	if err != nil || size < f.options.MaxBytes || size < f.retryAt {
		return n, err
	}
	if err := f.rotate(); err != nil {
		f.retryAt = size + f.options.MaxBytes
		return n, fmt.Errorf("cannot rotate log file %q: %w", f.path, err)
	}
	return n, nil
}

// Reopen opens the path again, after somebody moved the file away. If that
// fails, every write tries again; until then they go to the old file, unless
// it has been deleted.
func (f *File) Reopen() error {
	if !f.regular || fixed(f.path) {
		return nil
	}
	err := f.open(0)
	if err == nil {
		return nil
	}
	f.stale = true
	if f.out != nil && f.unlinked() {
		_ = f.out.Close() // nobody could ever read it
		f.out = nil
	}
	return err
}

// Clear removes the file and makes it anew. Backups stay. It does nothing to
// what is no regular file. Supervisor 4.2.5, loggers.py, FileHandler.remove.
func (f *File) Clear() error {
	if !f.regular || fixed(f.path) {
		return nil
	}
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.Reopen()
}

// Moved reports whether the path no longer names the file that is open.
func (f *File) Moved() bool {
	if !f.regular || fixed(f.path) {
		return false
	}
	if f.stale || f.out == nil {
		return true
	}
	ours, err := f.out.Stat()
	if err != nil {
		return true
	}
	theirs, err := os.Stat(f.path)
	return err != nil || !os.SameFile(ours, theirs)
}

// Target is the open file, for deadlines; nil if there is none.
func (f *File) Target() *os.File { return f.out }

// Close closes the file. Nothing is buffered.
func (f *File) Close() error {
	if f.out == nil {
		return nil
	}
	err := f.out.Close()
	f.out = nil
	return err
}

// rotate shuffles the backups and starts an empty file. Backups that are
// missing are skipped. The old file stays open until there is a new one, so
// that nothing is lost when it can't be made.
func (f *File) rotate() error {
	if f.options.Backups > 0 {
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

// open makes f.out what the path names now; after an error it is unchanged.
func (f *File) open(flags int) error {
	out, regular, blocks, err := open(f.path, f.options, flags)
	if err != nil {
		return err
	}
	if f.out != nil {
		if blocks && !f.blocks { // its writer counts on never waiting
			_ = out.Close()
			return &fs.PathError{Op: "open", Path: f.path, Err: errors.New("no longer a regular file")}
		}
		_ = f.out.Close() // all its bytes were written
	}
	f.out, f.regular, f.blocks = out, regular, blocks
	f.stale, f.retryAt = false, 0
	return nil
}

func (f *File) unlinked() bool {
	var st unix.Stat_t
	conn, err := f.out.SyscallConn()
	if err != nil {
		return true
	}
	if cerr := conn.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &st) }); cerr != nil || err != nil {
		return true
	}
	return st.Nlink == 0
}

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
