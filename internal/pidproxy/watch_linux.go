package pidproxy

import (
	"errors"

	"golang.org/x/sys/unix"
)

// watch returns a channel that is closed when a process, which is no child of
// ours, has gone.
func watch(pid int) <-chan struct{} {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return watchByLooking(pid) // an old kernel, or a sandbox
	}
	gone := make(chan struct{})
	go func() { // ends with the process, or with ours
		defer close(gone)
		defer unix.Close(fd)
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			if _, err := unix.Poll(fds, -1); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	return gone
}
