// Package sys is everything the supervisor asks of the operating system about
// children, as an interface: sys/unix is the real one, sys/systest a fake.
package sys

import "fmt"

// A System resolves, starts, signals and reaps children.
//
// Signal and Reap never block, so the supervisor's own goroutine calls them;
// because one goroutine does both, a signal can never reach a recycled pid.
// Resolve and Start may block and are safe for concurrent use.
type System interface {
	// Resolve splits command as shlex does and finds its program: a name with
	// a slash as it is, any other along path (colon-separated; an empty path
	// means the system's own). The error is always a *CommandError.
	Resolve(command, path string) (file string, argv []string, err error)
	// Start starts one child in its own process group. The error is always a
	// *StartError.
	Start(c *Child) (Started, error)
	// Signal sends sig to pid, or to the process group pid leads.
	Signal(pid, sig int, group bool) error
	// Reap returns the children that have exited since the last call.
	Reap() []Exit
}

// A Child is all that is needed to start one child.
type Child struct {
	Name           string   // process name, for error texts
	File           string   // what to execute, from Resolve
	Argv           []string // from Resolve
	Dir            string   // "" to stay; entered after the change of user
	Env            []string // the whole environment
	Umask          int      // -1 to inherit
	User           string   // name or uid; "" to stay who we are
	RedirectStderr bool     // stderr goes where stdout goes
	Socket         int      // descriptor that becomes stdin; -1 for a pipe
}

// Started is a child that runs. The descriptors are our ends of its pipes:
// non-blocking, close-on-exec, -1 where there is none. The caller owns them.
type Started struct {
	PID                   int
	Stdin, Stdout, Stderr int
}

// A CommandError says why a command cannot be run. NotFound is the fault
// NO_FILE, anything else NOT_EXECUTABLE.
type CommandError struct {
	NotFound bool
	Text     string // as Supervisor words it
}

func (e *CommandError) Error() string { return e.Text }

// A StartError says why a child could not be started.
type StartError struct {
	Text     string // becomes spawnerr
	ChildLog string // lines for the child's stderr log, "" for none
	NoFDs    bool   // there was no descriptor left: it may work when some are closed
}

func (e *StartError) Error() string { return e.Text }

// An Exit is one reaped child. The pid may be one that no Start has yet
// reported: a child can die before its parent hears that it was born.
type Exit struct {
	PID    int
	Code   int  // exit status; 0 if a signal ended it
	Signal int  // 0 unless a signal ended it
	Core   bool // it dumped core
}

func (e Exit) String() string { return fmt.Sprintf("{%d %d %d}", e.PID, e.Code, e.Signal) }
