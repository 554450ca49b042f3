package unix

import (
	"syscall"

	"example.org/twiddler/internal/sys"
)

// Reap returns the children that have exited since the last call, in no
// particular order. It never blocks.
func (s *System) Reap() []sys.Exit {
	var exits []sys.Exit
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return exits // ECHILD: there are no children; 0: all of them live
		}
		exits = append(exits, exitOf(pid, status))
	}
}

func exitOf(pid int, status syscall.WaitStatus) sys.Exit {
	if status.Signaled() {
		return sys.Exit{PID: pid, Signal: int(status.Signal()), Core: status.CoreDump()}
	}
	return sys.Exit{PID: pid, Code: status.ExitStatus()}
}
