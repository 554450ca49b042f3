package daemon

import (
	"fmt"
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

// RaiseLimits makes this process, and with it its children, have at least
// minFDs descriptors and minProcs processes. Limits that are higher stay. It
// returns what the main log should say at INFO; the text of an error is for
// the usage message. Call it once, at the first start, before children.
func RaiseLimits(minFDs, minProcs int) ([]string, error) {
	undoRuntimeLimit()
	var messages []string
	for _, l := range []struct {
		limit
		minimum int
	}{{limitFDs, minFDs}, {limitProcs, minProcs}} {
		raised, err := l.raise(l.minimum)
		if err != nil {
			return messages, err
		}
		if raised {
			messages = append(messages, fmt.Sprintf("Increased %s limit to %d", l.name, l.minimum))
		}
	}
	return messages, nil
}

// undoRuntimeLimit sets the soft limit for descriptors back to what we were
// started with. The Go runtime raises it almost to the hard one at start and
// gives children the old one, but it tells nobody which that was. An exec
// that fails leaves the old one in force; from then on children inherit
// whatever is.
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

// NeedFDs makes room for n descriptors of this process, as many as a great
// number of programs takes. Supervisor would fail to spawn when they run out.
// Children inherit the higher limit. Call it after RaiseLimits, from one
// goroutine.
func NeedFDs(n int) error {
	var rl unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &rl); err != nil {
		return fmt.Errorf("cannot read the limit of descriptors: %v", err)
	}
	if n <= 0 || uint64(rl.Cur) >= uint64(n) {
		return nil
	}
	hard := rl.Max
	setLimit(&rl.Cur, n)
	if uint64(hard) < uint64(n) {
		setLimit(&rl.Max, n)
	}
	err := unix.Setrlimit(unix.RLIMIT_NOFILE, &rl)
	if err == nil {
		return nil
	}
	rl.Cur, rl.Max = hard, hard // the best there is, and always allowed
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &rl)
	return fmt.Errorf("cannot raise the limit of descriptors to %d: %v", n, err)
}

// setLimit exists because the field is signed on some systems.
func setLimit[T int64 | uint64](field *T, n int) { *field = T(n) }
