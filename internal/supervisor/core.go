// Package supervisor owns the state of every process.
//
// [Core] is all supervised state and the rules that change it. It is pure:
// [Loop] runs it in production, the simulation and the transcripts run it in
// tests.
package supervisor

import (
	"fmt"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/event"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/level"
)

// Core is all supervised state. Only its owner may touch it.
type Core struct {
	groups    []*group // in order of creation
	byName    map[string]*group
	available []*config.Group // as last read, by priority and name
	byPID     map[int]*process
	early     map[int]proc.Exit // children reaped before Spawned came
	inFlight  int               // Spawn effects not yet answered
	wakes     wakeHeap
	mood      Mood
	down      shutdown
	autoName  func(process, channel string) string
	ann       announcer
	quiet     bool // see CoreOptions
}

// CoreOptions are what a core is made of.
type CoreOptions struct {
	Available  []*config.Group // what may be added
	Identifier string          // of this supervisord, for event listeners

	// AutoName makes the path of an AUTO log; channel is "stdout" or "stderr".
	AutoName func(process, channel string) string
	// Serials deals the serials of events, which go on over a restart; nil for
	// new ones.
	Serials *event.Counter
	// Quiet leaves out the line of level Debug that there is for each event,
	// which takes longer than the event. For a main log without that level.
	Quiet bool
}

// NewCore returns a core without groups.
func NewCore(o CoreOptions) *Core {
	if o.Serials == nil {
		o.Serials = new(event.Counter)
	}
	return &Core{
		byName:    map[string]*group{},
		available: o.Available,
		byPID:     map[int]*process{},
		early:     map[int]proc.Exit{},
		mood:      MoodRunning,
		autoName:  o.AutoName,
		quiet:     o.Quiet,
		ann:       announcer{server: o.Identifier, serials: o.Serials},
	}
}

// Mood is the state of supervisord as a whole.
func (c *Core) Mood() Mood { return c.mood }

// Done reports whether a shutdown has come to its end.
func (c *Core) Done() bool { return c.down.done }

// NextWake returns when Step wants a Tick, on the monotonic clock, or false
// if it wants none.
func (c *Core) NextWake() (time.Duration, bool) {
	if c.down.done {
		return 0, false
	}
	wake := earliest(c.down.report, c.ann.tickAt)
	if len(c.wakes) > 0 {
		wake = earliest(wake, c.wakes[0].wake())
	}
	return wake, wake != 0
}

// Step handles one input at time now and returns what must be done.
func (c *Core) Step(now proc.Moment, in Input) (out []Effect) {
	switch in := in.(type) {
	case Apply:
		out = c.applyAll(now, in, out)
	case Transition:
		out = c.transition(now, in, out)
	case AddProcessGroup:
		out = c.addProcessGroup(now, in, out)
	case Reload:
		out = c.reload(in, out)
	case StartProcess:
		out = c.startProcess(now, in, out)
	case StopProcess:
		out = c.stopProcess(now, in, out)
	case SignalProcess:
		out = c.signalProcess(in, out)
	case StartMany:
		out = c.startMany(now, in, out)
	case StopMany:
		out = c.stopMany(now, in, out)
	case SignalMany:
		out = c.signalMany(in, out)
	case WriteStdin:
		out = c.writeStdin(in, out)
	case Query:
		in.Read(c, now)
	case Shutdown:
		out = c.shutDown(now, in, out)
	case Spawned:
		out = c.spawned(now, in, out)
	case Reaped:
		out = c.reaped(now, in, out)
	case Drained:
		if p := c.find(in.Name); p != nil {
			out = c.earGone(p, out)
			out = c.feed(now, p, proc.Drained{}, out)
		}
	case Heard:
		if in.Comm {
			out = c.emit(in.Output.Communication(), out)
		} else {
			out = c.emit(in.Output.Log(), out)
		}
	case Told:
		out = c.told(in, out)
	case SendFailed:
		out = c.deafened(in, out)
	case RemoteEvent:
		out = append(c.emit(event.Remote(in.Type, in.Data), out), Reply{in.Reply})
	case KillFailed:
		out = c.killFailed(now, in, out)
	case Tick:
		out = c.tick(now, out)
	}
	return c.dispatch(c.advanceShutdown(now, out))
}

func (c *Core) find(n Name) *process {
	if g := c.byName[n.Group]; g != nil {
		return g.byName[n.Process]
	}
	return nil
}

func (c *Core) tick(now proc.Moment, out []Effect) []Effect {
	for len(c.wakes) > 0 && c.wakes[0].wake() <= now.Mono {
		p := c.wakes[0]
		out = c.stopReport(now, p, out)
		out = c.feed(now, p, proc.Tick{}, out)
	}
	out = c.ticks(now, out)
	return c.shutdownReport(now, out)
}

// spawned pairs the pid with an exit that may already have been reaped.
func (c *Core) spawned(now proc.Moment, in Spawned, out []Effect) []Effect {
	c.inFlight--
	p := c.find(in.Name)
	switch {
	case p == nil:
		// Never so: a process in STARTING can't be removed.
		out = append(out, Log{level.Critical, fmt.Sprintf("spawned unknown process %v with pid %d", in.Name, in.PID)})
	case in.Err != nil:
		out = c.feed(now, p, proc.SpawnFailed{Text: in.Err.Error()}, out)
	default:
		born := proc.Spawned{PID: in.PID}
		if exit, ok := c.early[in.PID]; ok {
			delete(c.early, in.PID)
			born.Exit = &exit
		} else {
			c.byPID[in.PID] = p
		}
		out = c.feed(now, p, born, out)
	}
	if c.inFlight == 0 {
		// What is left are children of children, or a child whose exec failed
		// and that the loop reaped before its parent could.
		for pid, exit := range c.early {
			out = append(out, stranger(pid, exit))
		}
		clear(c.early)
	}
	return out
}

func (c *Core) reaped(now proc.Moment, in Reaped, out []Effect) []Effect {
	if p := c.byPID[in.PID]; p != nil {
		delete(c.byPID, in.PID)
		return c.feed(now, p, proc.Reaped{Exit: in.Exit}, out)
	}
	if c.inFlight > 0 {
		c.early[in.PID] = in.Exit
		return out
	}
	return append(out, stranger(in.PID, in.Exit))
}

func stranger(pid int, exit proc.Exit) Effect {
	return Log{level.Debug, fmt.Sprintf("reaped unknown pid %d (%s)", pid, exit)}
}

func (c *Core) killFailed(now proc.Moment, in KillFailed, out []Effect) []Effect {
	p := c.byPID[in.PID]
	if p == nil {
		return out
	}
	verb := "killing"
	if in.Send {
		verb = "sending sig"
	}
	return c.feed(now, p, proc.KillFailed{Verb: verb, Text: in.Text}, out)
}

// feed gives one input to one process and carries its effects outwards.
func (c *Core) feed(now proc.Moment, p *process, in proc.Input, out []Effect) []Effect {
	return c.feedRanked(now, p, in, false, out)
}

// feedRanked is feed where a spawn takes its place in the order of starts.
func (c *Core) feedRanked(now proc.Moment, p *process, in proc.Input, ordered bool, out []Effect) []Effect {
	var buf [4]proc.Effect
	for _, e := range p.Step(now, in, buf[:0]) {
		switch e := e.(type) {
		case proc.Spawn:
			c.inFlight++
			out = append(out, Spawn{p.name, p.cfg, p.socket(), p.logs, ordered, p.rank()})
		case proc.Kill:
			out = append(out, Kill{Name: p.name, PID: e.PID, Signal: e.Signal, Group: e.Group})
		case proc.Drain:
			out = append(out, Drain{p.name})
		case proc.Change:
			c.changed(p)
			p.stir()
			out = append(out, Notify{p.name, e})
			out = c.emitChange(p.name, e, out)
		case proc.Log:
			out = append(out, Log{e.Level, e.Text})
		}
	}
	out = p.answer(out)
	c.wakes.update(p)
	if p.fate != nil {
		out = c.meetFate(now, p, out)
	}
	return out
}

func reply(out []Effect, send func(*fault.Error), err *fault.Error) []Effect {
	return append(out, Reply{func() { send(err) }})
}
