package unix

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// pipe returns a pipe that no child inherits.
func pipe() (r, w int, err error) {
	var p [2]int
	err = syscall.Pipe2(p[:], syscall.O_CLOEXEC)
	return p[0], p[1], err
}

// setNonblock is for our end of a new pipe, which has no other flag that could
// be set: syscall.SetNonblock would ask for them first.
func setNonblock(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_NONBLOCK)
	return err
}

// unshareFS gives the calling thread a umask, a working directory and a root
// of its own. It needs no privilege.
func unshareFS() error { return unix.Unshare(unix.CLONE_FS) }

// Subreaper makes this process the parent of descendants whose own parent
// died, as process 1 is for all others: they turn up in Reap.
func Subreaper() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }
