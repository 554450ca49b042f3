package supervisor

import (
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
)

// Mood is the state of supervisord as a whole. The numbers are those of the
// XML-RPC API. Supervisor 4.2.5, states.py, SupervisorStates.
type Mood int32

// Anything below MoodRunning refuses nearly every call.
const (
	MoodFatal      Mood = 2
	MoodRunning    Mood = 1
	MoodRestarting Mood = 0
	MoodShutdown   Mood = -1
)

func (m Mood) String() string {
	switch m {
	case MoodFatal:
		return "FATAL"
	case MoodRunning:
		return "RUNNING"
	case MoodRestarting:
		return "RESTARTING"
	}
	return "SHUTDOWN"
}

// Info is a copy of what is known of one process.
type Info struct {
	Name, Group          string
	State                proc.State
	Start, Stop, Now     time.Time // zero for never
	Uptime               time.Duration
	SpawnErr             string
	ExitStatus           int // -1 if a signal ended it
	StdoutLog, StderrLog string
	PID                  int
}

// ConfigInfo is the configuration of one process of the configuration last
// read, which need not be the one it runs with.
type ConfigInfo struct {
	Process              *config.Process
	GroupPriority        int
	InUse                bool   // a group of that name is live
	StdoutLog, StderrLog string // paths; "" for none, "auto" for one not named yet
}

// Ended is how a process has come to rest.
type Ended struct {
	State    proc.State
	Status   int       // of the child; -1 if a signal ended it
	Exit     proc.Exit // of the last child; zero if there was none
	SpawnErr string
}

// A Result is what a mass call did to one process: Err is nil for success, or
// the fault, which names the process as "group:name".
type Result struct {
	Name, Group string
	Err         *fault.Error
}
