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

// RaiseLimits makes children have at least minFDs descriptors and minProcs
// processes. Limits that are higher stay. Of descriptors this process itself
// may have as many as the hard limit allows, unless the limit of children had
// to be raised: then it has the same. It returns what the main log should say
// at INFO; the text of an error is for the usage message. Call it once, at the
// first start, before children.
func RaiseLimits(minFDs, minProcs int) ([]string, error) {
	var messages []string
	for _, l := range []struct {
		limit
		minimum int
	}{{limitFDs, minFDs}, {limitProcs, minProcs}} {
		if l.resource == unix.RLIMIT_NOFILE && enough(minFDs) {
			continue
		}
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

// enough reports whether the soft limit for descriptors that we were started
// with is minFDs or more. Then it must be left alone: the Go runtime raised it
// for this process at start, and gives children the old one for as long as
// nobody sets it. Otherwise what this process has is the old one, too.
func enough(minFDs int) bool {
	soft, err := startLimit()
	if err == nil && soft >= uint64(max(minFDs, 0)) {
		return true
	}
	undoRuntimeLimit()
	return false
}

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
