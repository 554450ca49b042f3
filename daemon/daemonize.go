package daemon

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// copyVar marks the environment of the copy that Daemonize starts. Its value
// is the pid of the parent, so that it means nothing to anybody else who
// happens to inherit it, a colon, and the parent's short name.
const copyVar = "SUPERVISORD_DAEMON_OF"

// readyFD is the descriptor of the copy on which its parent waits.
const readyFD = 3

// A Launch says which of the two processes this is, after Daemonize.
type Launch struct {
	// Parent is true in the process that the user started. All that is left
	// for it is to exit with Status: 0 when the daemon is ready, otherwise
	// the status the daemon ended with, having said why on standard error.
	Parent bool
	Status int

	ready *os.File // of the daemon
}

// Daemonize makes a daemon of this program. A Go program cannot fork and go
// on, so it starts a copy of itself with the same command line in a session
// of its own, which comes here too and goes on, while this process waits.
//
// The copy does everything again that was done before the call: call it when
// the configuration has been read and before privileges are dropped or
// anything is opened, and in the copy also before the environment is copied
// for children. Not for a restart in the same process. Directory and umask are
// the caller's business.
func Daemonize() (*Launch, error) {
	value, ok := os.LookupEnv(copyVar)
	if err := os.Unsetenv(copyVar); err != nil {
		return nil, fmt.Errorf("cannot change the environment: %v", err)
	}
	parent, name, _ := strings.Cut(value, ":")
	if !ok || parent != strconv.Itoa(os.Getppid()) {
		return launch()
	}
	syscall.CloseOnExec(readyFD)
	rename(name)
	return &Launch{ready: os.NewFile(readyFD, "readiness")}, nil
}

// Ready takes the daemon off the terminal it was started from, by turning
// descriptors 0, 1 and 2 to /dev/null, and lets the parent exit with 0. Call
// it in the daemon, once, when nothing can go wrong any more that the user
// should see.
func (l *Launch) Ready() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cannot open %s: %v", os.DevNull, err)
	}
	defer null.Close()
	for fd := range 3 {
		if err := unix.Dup2(int(null.Fd()), fd); err != nil {
			return fmt.Errorf("cannot redirect descriptor %d: %v", fd, err)
		}
	}
	// If nobody listens the parent was killed. The daemon lives on.
	_, _ = l.ready.Write([]byte{1})
	return l.ready.Close()
}

// launch starts the copy and waits until it is ready or has ended.
func launch() (*Launch, error) {
	file, err := executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program: %v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %v", err)
	}
	defer r.Close()
	pid, err := syscall.ForkExec(file, os.Args, &syscall.ProcAttr{
		Env:   append(os.Environ(), copyVar+"="+strconv.Itoa(os.Getpid())+":"+shortName()),
		Files: []uintptr{0, 1, 2, w.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	w.Close()
	if err != nil {
		return nil, fmt.Errorf("cannot start the daemon: %v", err)
	}
	if _, err := io.ReadFull(r, make([]byte, 1)); err == nil {
		return &Launch{Parent: true}, nil
	}
	return &Launch{Parent: true, Status: exitStatus(pid)}, nil
}

// exitStatus waits for the end of pid and returns what a shell would.
func exitStatus(pid int) int {
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 1
		case status.Signaled():
			return 128 + int(status.Signal())
		default:
			return status.ExitStatus()
		}
	}
}
