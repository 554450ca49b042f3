package rotate

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// A target is an open file. Only what may have to wait is an [os.File], which
// knows how: beside thousands of open logs, 200 bytes for each are too much.
type target struct {
	fd      int32 // -1: none
	regular bool
	slow    *os.File // a pipe, terminal or socket, with that fd; else nil
}

var closed = target{fd: -1}

func (t *target) isOpen() bool { return t.fd >= 0 }

// write writes all of p or says why not. The path is for the error.
func (t *target) write(path string, p []byte) (n int, err error) {
	if t.slow != nil {
		return t.slow.Write(p)
	}
	for n < len(p) {
		m, err := unix.Write(int(t.fd), p[n:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err == nil && m == 0:
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return n, &fs.PathError{Op: "write", Path: path, Err: err}
		}
		n += m
	}
	return n, nil
}

// position is where the last write ended: the size of the file then.
func (t *target) position() (int64, error) {
	return unix.Seek(int(t.fd), 0, io.SeekCurrent)
}

// isAt reports whether path names the open file.
func (t *target) isAt(path string) bool {
	var ours, theirs unix.Stat_t
	if unix.Fstat(int(t.fd), &ours) != nil || unix.Stat(path, &theirs) != nil {
		return false
	}
	return ours.Dev == theirs.Dev && ours.Ino == theirs.Ino
}

// unlinked reports whether no path names the open file.
func (t *target) unlinked() bool {
	var st unix.Stat_t
	return unix.Fstat(int(t.fd), &st) != nil || st.Nlink == 0
}

func (t *target) close() error {
	if !t.isOpen() {
		return nil
	}
	fd, slow := int(t.fd), t.slow
	*t = closed
	if slow != nil {
		return slow.Close()
	}
	return unix.Close(fd)
}
