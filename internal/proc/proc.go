// Package proc is the state machine of one supervised process.
//
// It is pure: no clock, no goroutine, no system call. A [Machine] takes
// inputs and the time, changes its own fields, and appends what the caller
// must do to a list of effects.
package proc

import (
	"fmt"
	"time"
)

// State is a process state. The numbers are those of the XML-RPC API.
// Supervisor 4.2.5, states.py.
type State int

// The eight states. Unknown means that the child could not be signalled for a
// reason other than its being gone.
const (
	Stopped  State = 0
	Starting State = 10
	Running  State = 20
	Backoff  State = 30
	Stopping State = 40
	Exited   State = 100
	Fatal    State = 200
	Unknown  State = 1000
)

func (s State) String() string {
	switch s {
	case Stopped:
		return "STOPPED"
	case Starting:
		return "STARTING"
	case Running:
		return "RUNNING"
	case Backoff:
		return "BACKOFF"
	case Stopping:
		return "STOPPING"
	case Exited:
		return "EXITED"
	case Fatal:
		return "FATAL"
	case Unknown:
		return "UNKNOWN"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Up reports whether an operator would say the process is up or on its way
// there. Supervisor calls these the running states.
func (s State) Up() bool { return s == Starting || s == Running || s == Backoff }

// Down reports whether the process is at rest. Supervisor calls these the
// stopped states.
func (s State) Down() bool { return s == Stopped || s == Exited || s == Fatal || s == Unknown }

// Signallable reports whether signalProcess may reach the process.
func (s State) Signallable() bool { return s == Starting || s == Running || s == Stopping }

// Restart says when an exited process is started again.
type Restart int

// autorestart=false, unexpected and true.
const (
	RestartNever Restart = iota
	RestartUnexpected
	RestartAlways
)

// Spec is what the machine must know of one process. A machine gets another
// one by Respec; the value itself never changes.
type Spec struct {
	Name         string
	Group        string
	StartWait    time.Duration
	StartRetries int
	AutoRestart  Restart
	ExitCodes    []int
	StopSignal   int
	StopWait     time.Duration // from the stop signal to SIGKILL
	StopAsGroup  bool          // the stop signal goes to the process group
	KillAsGroup  bool          // so does SIGKILL
}

// Namespec is how operators name the process: "group:name", or the name alone
// where both are the same.
func (s *Spec) Namespec() string {
	if s.Name == s.Group {
		return s.Name
	}
	return s.Group + ":" + s.Name
}

// A Moment is a point in time, on two clocks. All waiting is done on Mono, so
// a calendar that jumps neither delays nor hurries anything; Wall is only
// shown.
type Moment struct {
	Mono time.Duration // since some start that never changes; never goes back
	Wall time.Time     // what the calendar says
}
