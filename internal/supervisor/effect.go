package supervisor

import (
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/level"
)

// Effect is what the owner of a core must do after a step, in order.
type Effect interface{ effect() }

type (
	// Spawn starts a child in a worker; answer Spawned. Ordered spawns are
	// begun in the order of the effects, and a higher Rank waits until those
	// of a lower one are answered.
	Spawn struct {
		Name    Name
		Process *config.Process
		Socket  *config.Socket // becomes stdin; nil for a pipe
		Logs    Logs
		Ordered bool
		Rank    Rank
	}
	// Kill signals a child, or the process group it leads.
	Kill struct {
		Name        Name
		PID, Signal int
		Group       bool
		Send        bool // signalProcess, not a stop

		// Failed is called, before the next effect is carried out, if the
		// signal could not be sent, and not because the child had gone. May be
		// nil.
		Failed func(text string)
	}
	// Drain copies what is left in the pipes of a child that has ended;
	// answer Drained.
	Drain struct{ Name Name }
	// Write sends bytes to a child's stdin; call Reply with how that went.
	Write struct {
		Name  Name
		As    string
		Data  []byte
		Reply func(*fault.Error)
	}
	// Send writes bytes to a child's stdin and answers nobody: an event to a
	// listener, or what a listener has for another process. If a listener does
	// not take its event, answer SendFailed.
	Send struct {
		Name  Name
		Data  []byte
		Event bool
	}
	// Notify tells of a change of state of one process. There is nothing to
	// do: listeners have been sent what they want to know.
	Notify struct {
		Name   Name
		Change proc.Change
	}
	// Relimit gives the open logs of a process the limits it has now.
	Relimit struct {
		Process *config.Process
		Logs    Logs
	}
	// Reply answers a caller.
	Reply struct{ Send func() }
	// Log writes to the main log.
	Log struct {
		Level level.Level
		Text  string
	}
)

func (Spawn) effect()   {}
func (Kill) effect()    {}
func (Drain) effect()   {}
func (Write) effect()   {}
func (Send) effect()    {}
func (Notify) effect()  {}
func (Relimit) effect() {}
func (Reply) effect()   {}
func (Log) effect()     {}

// Logs names the files of a process: "" for none. An AUTO file has its name
// already.
type Logs struct{ Stdout, Stderr string }

// Rank orders starts: the group's priority, then the process's own.
type Rank struct{ Group, Process int }

func (r Rank) less(o Rank) bool {
	if r.Group != o.Group {
		return r.Group < o.Group
	}
	return r.Process < o.Process
}
