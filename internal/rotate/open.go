package rotate

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// open opens path for appending and says what it found.
func open(path string, o Options, flags int) (target, error) {
	// Without O_NONBLOCK the open of a FIFO would wait for a reader, as the
	// whole original does.
	flags |= unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	if o.NoFollow {
		flags |= unix.O_NOFOLLOW
	}
	mode := uint32(o.Mode.Perm())
	if mode == 0 {
		mode = 0o666
	}
	fd, err := openat(path, flags, mode)
	if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EACCES) {
		fd, err = openOdd(path, err)
	}
	if err != nil {
		return closed, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return closed, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	t := target{fd: int32(fd), regular: st.Mode&unix.S_IFMT == unix.S_IFREG}
	if t.regular {
		return t, nil // where O_NONBLOCK has no effect
	}
	if !memoryDevice(&st) {
		t.slow = os.NewFile(uintptr(fd), path)
		return t, nil
	}
	_ = unix.SetNonblock(fd, false) // a descriptor we just opened; at worst it has no effect
	return t, nil
}

// openOdd opens what refused to be opened for writing: a FIFO that nobody
// reads yet, and sockets and other people's pipes that are descriptors of
// ours. For anything else the error is why.
func openOdd(path string, why error) (int, error) {
	if fd, ok := ownDescriptor(path); ok {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return -1, why
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFSOCK, unix.S_IFIFO, unix.S_IFCHR:
			// The duplicate shares O_NONBLOCK with the original, so it is
			// left as it is: the queue's goroutine may have to wait in it.
			return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		}
		return -1, why
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO || !errors.Is(why, unix.ENXIO) {
		return -1, why
	}
	return openat(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}

// ownDescriptor returns the number of the descriptor that path names.
func ownDescriptor(path string) (int, bool) {
	switch path {
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if number, ok := strings.CutPrefix(path, dir); ok {
			fd, err := strconv.Atoi(number)
			return fd, err == nil && fd >= 0
		}
	}
	return 0, false
}

// memoryDevice reports whether st is a relative of /dev/null, which has the
// major number of all devices that never make a writer wait.
func memoryDevice(st *unix.Stat_t) bool {
	var null unix.Stat_t
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || unix.Stat(os.DevNull, &null) != nil {
		return false
	}
	return unix.Major(uint64(st.Rdev)) == unix.Major(uint64(null.Rdev))
}

func openat(path string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Open(path, flags, mode)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}
