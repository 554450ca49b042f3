// Package unix is the operating system behind [sys.System]: it resolves
// commands, starts children, signals and reaps them.
//
// What a child gets is what a child of Supervisor gets: its own process group
// in the daemon's session, three descriptors and no more, the daemon's
// environment as the caller composed it, an empty set of handlers, SIGPIPE and
// SIGXFSZ ignored (see [IgnoreSignals]) and the resource limits the daemon was
// started with.
//
// Children are started with syscall.ForkExec and never with os/exec: there is
// one reaper, Reap, which asks for any child at all and would take the exit
// status from a second one.
package unix

import (
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"example.org/twiddler/internal/sys"
)

// Options adjust a System. The zero value is good.
type Options struct {
	// UmaskThreads is how many children that ask for a umask of their own can
	// be started at the same time; 0 means 4, as many as there are workers.
	UmaskThreads int
}

// A System starts and watches children of this process. Its methods are safe
// for concurrent use, but only one goroutine may signal and reap. There must
// be one System in a process: Reap takes every child.
type System struct {
	names  names
	umasks umasks
	closed chan struct{}
	wait   sync.WaitGroup
	once   sync.Once
}

var _ sys.System = (*System)(nil)

// New returns a System. It starts nothing until it is asked to.
func New(o Options) *System {
	if o.UmaskThreads <= 0 {
		o.UmaskThreads = 4
	}
	return &System{
		umasks: umasks{threads: o.UmaskThreads, unshare: unshareFS, jobs: make(chan umaskJob)},
		closed: make(chan struct{}),
	}
}

// Close ends the goroutines of the System and waits for them. Children live
// on. Starts still work, more slowly.
func (s *System) Close() {
	s.once.Do(func() { close(s.closed) })
	s.wait.Wait()
}

// Notify returns a channel that gets a value when a child may have exited.
// Many exits may make one value: call Reap, which returns them all. It is the
// channel of the signal itself: nobody has to wake up between.
func (s *System) Notify() <-chan os.Signal {
	chld := make(chan os.Signal, 1)
	signal.Notify(chld, syscall.SIGCHLD)
	s.wait.Go(func() {
		<-s.closed
		signal.Stop(chld)
	})
	return chld
}

// Signal sends sig to pid, or to the process group that pid leads. The error
// is a syscall.Errno: ESRCH means that there is no such process any more.
func (s *System) Signal(pid, sig int, group bool) error {
	// kill(2) takes 0 and -1 for many processes, ours among them. Nobody's
	// child has such a number.
	if pid <= 1 {
		return syscall.ESRCH
	}
	if group {
		pid = -pid
	}
	return syscall.Kill(pid, syscall.Signal(sig))
}

// IgnoreSignals makes this process, and with it every child it starts, ignore
// SIGPIPE and SIGXFSZ. Python does so at start and the disposition survives
// exec, so programs under Supervisor have come to expect it.
func IgnoreSignals() { signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ) }

// ErrnoName is the symbol of e, "ENOENT", or its number if it has none.
// Supervisor 4.2.5, process.py, errno.errorcode.
func ErrnoName(e syscall.Errno) string {
	switch name := unix.ErrnoName(e); name {
	case "":
		return strconv.Itoa(int(e))
	case "EDEADLK": // two names for one number: Python prints the other
		return "EDEADLOCK"
	case "EFSCORRUPTED":
		return "EUCLEAN"
	default:
		return name
	}
}
