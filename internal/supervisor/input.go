package supervisor

import (
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/event"
	"example.org/twiddler/internal/proc"
)

// Input is what the core can be told. Every Reply is called exactly once,
// when the Reply effect that carries it is carried out.
type Input interface{ input() }

// What operators ask for.
type (
	// Apply carries out a list of edits, all or none.
	Apply struct {
		Edits []Edit
		First bool // supervisord begins with these
		Reply func(Applied, *fault.Error)
	}
	// AddProcessGroup makes a group of the available configuration live.
	AddProcessGroup struct {
		Group string
		Reply func(Applied, *fault.Error)
	}
	// Reload replaces the available configuration; what is live stays.
	Reload struct {
		Groups []*config.Group
		Reply  func(added, changed, removed []string)
	}
	// StartProcess is the RPC of that name. As, here and below, is the name as
	// the caller wrote it, for the fault.
	StartProcess struct {
		Name  Name
		As    string
		Wait  bool
		Reply func(*fault.Error)

		// Ended is called when the process has come to rest again, if it was
		// started; nil for nobody.
		Ended func(Ended)
	}
	// StopProcess is the RPC of that name.
	StopProcess struct {
		Name  Name
		As    string
		Wait  bool
		Reply func(*fault.Error)
	}
	// SignalProcess is the RPC of that name.
	SignalProcess struct {
		Name   Name
		As     string
		Signal int
		Reply  func(*fault.Error)
	}
	// StartMany starts what is down in one group, or in all for "". Refused
	// names the processes whose command cannot be run, and the fault of each.
	StartMany struct {
		Group   string
		All     bool
		In      func(group string) bool // with All: which groups; nil for every one
		Wait    bool
		Refused map[Name]*fault.Error
		Reply   func([]Result, *fault.Error)
	}
	// StopMany stops what is up in one group, or everywhere.
	StopMany struct {
		Group string
		All   bool
		In    func(group string) bool // as in StartMany
		Wait  bool
		Reply func([]Result, *fault.Error)
	}
	// SignalMany signals what can be signalled in one group, or everywhere.
	SignalMany struct {
		Group  string
		All    bool
		In     func(group string) bool // as in StartMany
		Signal int
		Reply  func([]Result, *fault.Error)
	}
	// WriteStdin sends bytes to a child.
	WriteStdin struct {
		Name  Name
		As    string
		Data  []byte
		Reply func(*fault.Error)
	}
	// RemoteEvent is the RPC sendRemoteCommEvent.
	RemoteEvent struct {
		Type, Data string
		Reply      func()
	}
	// Query runs a function on the core, which must only read and copy.
	Query struct {
		Read func(c *Core, now proc.Moment)
	}
	// Shutdown stops everything; with Restart the daemon begins anew after.
	Shutdown struct {
		Restart bool
		Reply   func()
	}
)

// What the operating system reports.
type (
	// Spawned answers a Spawn effect: the pid, or why there is none.
	Spawned struct {
		Name Name
		PID  int
		Err  error
	}
	// Reaped reports a child that has ended.
	Reaped struct {
		PID  int
		Exit proc.Exit
	}
	// Drained answers a Drain effect.
	Drained struct{ Name Name }
	// KillFailed answers a Kill effect that could not be carried out.
	KillFailed struct {
		PID  int
		Send bool // signalProcess, not a stop
		Text string
	}
	// Heard is output of a child that listeners may want to hear of.
	Heard struct {
		Output event.Output
		Comm   bool // it stood between capture tokens
	}
	// Told is what a listener wrote to its stdout.
	Told struct {
		Name Name
		Data []byte
	}
	// SendFailed answers a Send of an event that the listener did not take.
	SendFailed struct{ Name Name }
	// Tick says that time has passed.
	Tick struct{}
)

func (Apply) input()           {}
func (AddProcessGroup) input() {}
func (Reload) input()          {}
func (StartProcess) input()    {}
func (StopProcess) input()     {}
func (SignalProcess) input()   {}
func (StartMany) input()       {}
func (StopMany) input()        {}
func (SignalMany) input()      {}
func (WriteStdin) input()      {}
func (Query) input()           {}
func (Shutdown) input()        {}
func (Spawned) input()         {}
func (Reaped) input()          {}
func (Drained) input()         {}
func (KillFailed) input()      {}
func (Tick) input()            {}
func (Heard) input()           {}
func (Told) input()            {}
func (SendFailed) input()      {}
func (RemoteEvent) input()     {}
