package supervisor

import (
	"fmt"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/proc"
)

// The calls about one process. Checks are in the order of Supervisor 4.2.5,
// rpcinterface.py.

func (c *Core) startProcess(now proc.Moment, in StartProcess, out []Effect) []Effect {
	p := c.find(in.Name)
	switch {
	case c.mood < MoodRunning:
		return reply(out, in.Reply, fault.Bare(fault.ShutdownState))
	case p == nil:
		return reply(out, in.Reply, fault.New(fault.BadName, in.As))
	case p.State.Up():
		return reply(out, in.Reply, fault.New(fault.AlreadyStarted, in.As))
	case p.State == proc.Unknown:
		return reply(out, in.Reply, fault.Errorf(fault.Failed, "%s is in an unknown process state", in.As))
	}
	p.waiters = append(p.waiters, &waiter{done: started(in.As, in.Wait), reply: in.Reply})
	if in.Ended != nil {
		p.waiters = append(p.waiters, ended(p, in.Ended))
	}
	return c.feed(now, p, proc.Start{}, out)
}

func (c *Core) stopProcess(now proc.Moment, in StopProcess, out []Effect) []Effect {
	p := c.find(in.Name)
	switch {
	case p == nil:
		return reply(out, in.Reply, fault.New(fault.BadName, in.As))
	case !p.State.Up():
		return reply(out, in.Reply, fault.New(fault.NotRunning, in.As))
	}
	if !in.Wait {
		out = c.feed(now, p, proc.Stop{}, out)
		return reply(out, in.Reply, nil)
	}
	return c.stopAndWait(now, p, &waiter{done: stopped, reply: in.Reply, stop: true}, out)
}

// stopAndWait stops p and reports to the main log while that takes time.
func (c *Core) stopAndWait(now proc.Moment, p *process, w *waiter, out []Effect) []Effect {
	p.waiters = append(p.waiters, w)
	out = c.feed(now, p, proc.Stop{}, out)
	if p.stopAwaited() {
		p.report = now.Mono
		out = c.stopReport(now, p, out)
	}
	return out
}

func (c *Core) signalProcess(in SignalProcess, out []Effect) []Effect {
	p := c.find(in.Name)
	if p == nil {
		return reply(out, in.Reply, fault.New(fault.BadName, in.As))
	}
	var err *fault.Error
	out = p.signal(in.Signal, in.As, &err, out)
	return append(out, Reply{func() { in.Reply(err) }})
}

// signal sends sig to p alone, never to its process group. A child that has
// ended and whose output is still being read takes the signal in vain. What
// became of it is in err when the effects have been carried out.
func (p *process) signal(sig int, as string, err **fault.Error, out []Effect) []Effect {
	if !p.State.Signallable() {
		*err = fault.New(fault.NotRunning, as)
	} else if p.Live() {
		out = append(out, logSend(p, sig), Kill{
			Name: p.name, PID: p.PID, Signal: sig, Send: true,
			Failed: func(text string) { *err = fault.New(fault.Failed, text) },
		})
	}
	return out
}

func logSend(p *process, sig int) Effect {
	return Log{debug, fmt.Sprintf("sending %s (pid %d) sig %s", p.name.Process, p.PID, proc.SignalName(sig))}
}

func (c *Core) writeStdin(in WriteStdin, out []Effect) []Effect {
	p := c.find(in.Name)
	switch {
	case p == nil:
		return reply(out, in.Reply, fault.New(fault.BadName, in.As))
	case !p.Live() || p.Killing():
		return reply(out, in.Reply, fault.New(fault.NotRunning, in.As))
	}
	return append(out, Write(in))
}
