package proc

import "fmt"

// Exit is how a child ended.
type Exit struct {
	Code   int // exit status; meaningless if Signal is set
	Signal int // 0 unless a signal ended it
	Core   bool
}

// status is the exit status as Supervisor shows it: -1 for a signal.
func (e Exit) status() int {
	if e.Signal != 0 {
		return -1
	}
	return e.Code
}

// String is how the end is worded in log lines. Supervisor 4.2.5, options.py,
// decode_wait_status.
func (e Exit) String() string {
	if e.Signal == 0 {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	s := "terminated by " + SignalName(e.Signal)
	if e.Core {
		s += " (core dumped)"
	}
	return s
}
