package proc

import "example.org/twiddler/level"

// Input is what can happen to a process.
type Input interface{ input() }

type (
	// Start: an operator or autostart wants it up.
	Start struct{}
	// Stop: an operator or shutdown wants it down.
	Stop struct{}
	// Hold: supervisord is going down; nothing starts by itself from now on.
	Hold struct{}
	// GiveUp: shutdown has come to a process that waits for its next try.
	GiveUp struct{}
	// Spawned answers a Spawn effect that succeeded.
	Spawned struct {
		PID  int
		Exit *Exit // set if the child has been reaped already
	}
	// SpawnFailed answers a Spawn effect that did not.
	SpawnFailed struct{ Text string }
	// Reaped: the child has ended.
	Reaped struct{ Exit Exit }
	// Drained answers a Drain effect: the last output is in the log.
	Drained struct{}
	// KillFailed: a Kill effect could not be carried out, and not because the
	// child had gone.
	KillFailed struct {
		Verb string // "killing" or "sending sig"
		Text string
	}
	// Respec: the specification is another from now on. A child that has not
	// been up for startsecs yet is measured by the new ones.
	Respec struct{ Spec *Spec }
	// Tick: Wake has passed.
	Tick struct{}
)

func (Start) input()       {}
func (Stop) input()        {}
func (Hold) input()        {}
func (GiveUp) input()      {}
func (Spawned) input()     {}
func (SpawnFailed) input() {}
func (Reaped) input()      {}
func (Drained) input()     {}
func (KillFailed) input()  {}
func (Respec) input()      {}
func (Tick) input()        {}

// Effect is what the owner must do after a step, in order.
type Effect interface{ effect() }

type (
	// Spawn starts a child; answer Spawned or SpawnFailed.
	Spawn struct{}
	// Kill sends a signal to the child, or to the group it leads.
	Kill struct {
		PID, Signal int
		Group       bool
	}
	// Drain copies what is left in the pipes; answer Drained.
	Drain struct{}
	// Change announces a change of state, with what its event tells.
	Change struct {
		From, To State
		PID      int
		Tries    int
		Expected bool // Exited only: the exit status was an expected one
	}
	// Log writes to the main log.
	Log struct {
		Level level.Level
		Text  string
	}
)

func (Spawn) effect()  {}
func (Kill) effect()   {}
func (Drain) effect()  {}
func (Change) effect() {}
func (Log) effect()    {}
