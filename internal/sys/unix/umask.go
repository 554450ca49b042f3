package unix

import (
	"runtime"
	"sync"
	"syscall"
)

// A child inherits the umask of the thread that forks it, and threads share
// one, the process's, unless a thread gave that up with unshare(CLONE_FS). So
// children with a umask of their own are forked on a few threads that did.
// The threads stay: the death of a thread counts as the death of the parent
// for a child that asked for PR_SET_PDEATHSIG.
//
// Where that is not possible (other systems; containers whose seccomp profile
// forbids unshare) the umask of the whole process changes for the moment of
// the fork, and no other child is forked in that moment.
type umasks struct {
	threads int
	unshare func() error
	jobs    chan umaskJob

	begin  sync.Once
	shared bool // written under begin
	// process is held to read while a child inherits the umask of the
	// process, and to write while that umask is another.
	process sync.RWMutex
}

type umaskJob struct {
	mask int
	run  func()
	done chan<- struct{}
}

// withUmask calls fork where a child would get the umask mask, or the one of
// the process if mask is negative, and returns when fork has returned.
func (s *System) withUmask(mask int, fork func()) {
	u := &s.umasks
	if mask < 0 {
		u.process.RLock()
		defer u.process.RUnlock()
		fork()
		return
	}
	// Not before the first use: a thread keeps the working directory it had
	// when it left the others, and a daemon changes that early in its life.
	u.begin.Do(func() { u.shared = !s.startThreads() })
	if !u.shared {
		done := make(chan struct{})
		select {
		case u.jobs <- umaskJob{mask, fork, done}:
			<-done
			return
		case <-s.closed:
		}
	}
	u.process.Lock()
	defer u.process.Unlock()
	old := syscall.Umask(mask)
	defer syscall.Umask(old)
	fork()
}

// startThreads reports whether the threads could be made. Close ends them and
// waits for them.
func (s *System) startThreads() bool {
	ready := make(chan bool)
	for range s.umasks.threads {
		s.wait.Go(func() { s.umaskThread(ready) })
		if !<-ready {
			return false // and so it was with the first
		}
	}
	return true
}

func (s *System) umaskThread(ready chan<- bool) {
	// Never unlocked: the thread must not serve others with its umask, and
	// ends with this goroutine.
	runtime.LockOSThread()
	if s.umasks.unshare() != nil {
		ready <- false
		return
	}
	ready <- true
	for {
		select {
		case j := <-s.umasks.jobs:
			syscall.Umask(j.mask)
			j.run()
			close(j.done)
		case <-s.closed:
			return
		}
	}
}
