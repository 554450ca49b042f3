//go:build !linux

package unix

import "syscall"

// pipe returns a pipe that no child inherits. The lock keeps a fork from
// happening between the two steps.
func pipe() (r, w int, err error) {
	var p [2]int
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := syscall.Pipe(p[:]); err != nil {
		return -1, -1, err
	}
	syscall.CloseOnExec(p[0])
	syscall.CloseOnExec(p[1])
	return p[0], p[1], nil
}

// setNonblock is for our end of a new pipe.
func setNonblock(fd int) error { return syscall.SetNonblock(fd, true) }

// unshareFS is not possible here: threads share one umask.
func unshareFS() error { return syscall.ENOSYS }

// Subreaper is known to Linux only.
func Subreaper() error { return syscall.ENOSYS }
