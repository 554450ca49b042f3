package pidproxy

import (
	"errors"
	"syscall"
	"time"
)

// look is how often a process is looked for where nothing tells of its end.
const look = 50 * time.Millisecond

// watchByLooking returns a channel that is closed when a process, which is no
// child of ours, has gone.
func watchByLooking(pid int) <-chan struct{} {
	gone := make(chan struct{})
	go func() { // ends with the process, or with ours
		defer close(gone)
		ticker := time.NewTicker(look)
		defer ticker.Stop()
		for range ticker.C {
			if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
				return
			}
		}
	}()
	return gone
}
