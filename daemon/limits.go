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

// limit is a resource limit that the configuration sets a minimum for.
type limit struct {
	resource int
	name     string
	failure  string // with the minimum and the hard limit
}

// Supervisor 4.2.5, options.py, set_rlimits_or_exit.
var (
	limitFDs = limit{unix.RLIMIT_NOFILE, "RLIMIT_NOFILE", "The minimum number of file descriptors " +
		"required to run this process is %d as per the \"minfds\" command-line argument or config file " +
		"setting. The current environment will only allow you to open %d file descriptors.  Either raise " +
		"the number of usable file descriptors in your environment (see README.rst) or lower the minfds " +
		"setting in the config file to allow the process to start."}
	limitProcs = limit{unix.RLIMIT_NPROC, "RLIMIT_NPROC", "The minimum number of available processes " +
		"required to run this program is %d as per the \"minprocs\" command-line argument or config file " +
		"setting. The current environment will only allow you to open %d processes.  Either raise the " +
		"number of usable processes in your environment (see README.rst) or lower the minprocs setting " +
		"in the config file to allow the program to start."}
)

// raiseFDs makes children have at least minimum descriptors, and returns the
// limit they have now if it had to be raised, else 0. A limit that is higher
// stays. This process itself may have as many as the hard limit allows, which
// children must not inherit; only an exec makes both true, since the Go
// runtime raises the limit at the start of a process and gives children what
// that was. So the limit is raised and this program started over, in the same
// process. Call it at the first start, before anything is opened. The error's
// text is for the usage message.
func raiseFDs(minimum int) (raised int, err error) {
	if value, ok := startedOver(); ok {
		return value, nil
	}
	soft, err := startLimit()
	if err == nil && soft >= uint64(max(minimum, 0)) {
		return 0, nil
	}
	undoRuntimeLimit()
	if ok, err := limitFDs.raise(minimum); err != nil || !ok {
		return 0, err
	}
	startOver(minimum)
	return minimum, nil // it could not be done: children have what we have
}

// overVar marks the environment of a program that was started over: the pid,
// the limit and the short name of the process.
const overVar = "SUPERVISORD_DESCRIPTORS"

// startOver executes this program again. It returns only if that fails.
func startOver(limit int) {
	file, err := executable()
	if err != nil {
		return
	}
	marker := fmt.Sprintf("%s=%d:%d:%s", overVar, os.Getpid(), limit, shortName())
	_ = syscall.Exec(file, os.Args, append(os.Environ(), marker))
}

// startedOver reports whether this program was started over, in this process
// or in the parent that this one was made a daemon by, and the limit that was
// raised. The mark stays until forgetStart, so that a copy finds it too.
func startedOver() (limit int, ok bool) {
	words := strings.SplitN(os.Getenv(overVar), ":", 3)
	if len(words) != 3 || words[0] != strconv.Itoa(os.Getpid()) && words[0] != strconv.Itoa(os.Getppid()) {
		return 0, false
	}
	rename(words[2])
	limit, err := strconv.Atoi(words[1])
	return limit, err == nil
}

// forgetStart keeps the mark of startOver from children.
func forgetStart() { os.Unsetenv(overVar) }

// raiseProcs makes this process, and with it its children, have at least
// minimum processes, and reports whether that took a change.
func raiseProcs(minimum int) (bool, error) { return limitProcs.raise(minimum) }

// probeVar marks the environment of the copy that tells the limit. Its value
// is the pid of the process that asks.
const probeVar = "SUPERVISORD_LIMIT_FOR"

// probed says whether this process is the copy that startLimit asks, and does
// what it is there for. Main calls it first.
func probed() bool {
	if os.Getenv(probeVar) != strconv.Itoa(os.Getppid()) {
		return false
	}
	undoRuntimeLimit()
	var rl unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &rl) == nil {
		fmt.Println(uint64(rl.Cur))
	}
	return true
}

// startLimit is the soft limit for descriptors that we were started with. The
// Go runtime has raised it and tells nobody what it was, but a child has it:
// a copy of ourselves, which takes a few milliseconds.
func startLimit() (uint64, error) {
	file, err := executable()
	if err != nil {
		return 0, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	pid, err := syscall.ForkExec(file, os.Args[:1], &syscall.ProcAttr{
		Env:   []string{probeVar + "=" + strconv.Itoa(os.Getpid())},
		Files: []uintptr{0, w.Fd(), 2},
	})
	w.Close()
	if err != nil {
		return 0, err
	}
	answer, err := io.ReadAll(io.LimitReader(r, 32))
	exitStatus(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(answer)), 10, 64)
}

// undoRuntimeLimit sets the soft limit for descriptors back to what we were
// started with: an exec that fails leaves the old one in force. From then on
// children inherit whatever is.
func undoRuntimeLimit() {
	// The name is empty, so this always fails with ENOENT.
	_ = syscall.Exec("", []string{""}, nil)
}

// raise reports whether the soft limit had to be raised to the minimum.
func (l limit) raise(minimum int) (bool, error) {
	var rl unix.Rlimit
	if minimum <= 0 || unix.Getrlimit(l.resource, &rl) != nil || uint64(rl.Cur) >= uint64(minimum) {
		return false, nil
	}
	setLimit(&rl.Cur, minimum)
	if uint64(rl.Max) < uint64(minimum) {
		setLimit(&rl.Max, minimum) // root may
	}
	if unix.Setrlimit(l.resource, &rl) != nil {
		return false, fmt.Errorf(l.failure, minimum, uint64(rl.Max))
	}
	return true, nil
}

// maxFDs is how many descriptors this process may have, 0 if that is unknown.
func maxFDs() int {
	var rl unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &rl) != nil {
		return 0
	}
	return int(min(uint64(rl.Cur), 1<<30))
}

// setLimit exists because the field is signed on some systems.
func setLimit[T int64 | uint64](field *T, n int) { *field = T(n) }
