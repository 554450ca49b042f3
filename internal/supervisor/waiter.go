package supervisor

import (
	"fmt"
	"time"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/level"
)

// A waiter is a call that gets its answer when a process has changed. It is
// asked after each input to the process; nothing polls.
type waiter struct {
	done  func(p *process) (*fault.Error, bool)
	reply func(*fault.Error) // gives the answer, through a Reply effect
	then  func(*fault.Error, []Effect) []Effect
	stop  bool // waits for a stop, which is reported while it lasts
}

// answer lets the waiters of p go that have what they waited for.
func (p *process) answer(out []Effect) []Effect {
	kept := p.waiters[:0]
	for _, w := range p.waiters {
		err, ok := w.done(p)
		switch {
		case !ok:
			kept = append(kept, w)
		case w.then != nil:
			out = w.then(err, out)
		default:
			out = reply(out, w.reply, err)
		}
	}
	clear(p.waiters[len(kept):])
	p.waiters = kept
	if len(kept) == 0 {
		p.waiters = nil
		p.report = 0
	}
	return out
}

// started is done for a start. as is the name as the caller wrote it.
// Supervisor 4.2.5, rpcinterface.py, startProcess.
func started(as string, wait bool) func(*process) (*fault.Error, bool) {
	return func(p *process) (*fault.Error, bool) {
		switch {
		case p.Spawning():
			return nil, false
		case p.SpawnErr != "":
			return fault.New(fault.SpawnError, as), true
		case !wait, p.State == proc.Running:
			return nil, true
		case p.State == proc.Starting:
			return nil, false
		}
		return fault.New(fault.AbnormalTermination, as), true
	}
}

// stopped is done for a stop.
func stopped(p *process) (*fault.Error, bool) {
	if p.State == proc.Unknown {
		return fault.New(fault.Failed, p.SpawnErr), true
	}
	return nil, p.State.Down()
}

// ended waits until p is at rest, and tells how it came to that.
func ended(p *process, tell func(Ended)) *waiter {
	return &waiter{
		done: func(p *process) (*fault.Error, bool) { return nil, p.State.Down() },
		then: func(_ *fault.Error, out []Effect) []Effect {
			e := Ended{State: p.State, Status: p.ExitStatus, SpawnErr: p.SpawnErr, Exit: p.LastExit()}
			return append(out, Reply{func() { tell(e) }})
		},
	}
}

const stopReportEvery = 2 * time.Second

// stopReport tells the main log that a caller waits for p to stop.
// Supervisor 4.2.5, process.py, stop_report.
func (c *Core) stopReport(now proc.Moment, p *process, out []Effect) []Effect {
	if p.report == 0 || now.Mono < p.report {
		return out
	}
	p.report = 0
	if p.State == proc.Stopping && p.stopAwaited() {
		out = append(out, Log{level.Info, fmt.Sprintf("waiting for %s to stop", p.name.Process)})
		p.report = now.Mono + stopReportEvery
	}
	c.wakes.update(p)
	return out
}

func (p *process) stopAwaited() bool {
	for _, w := range p.waiters {
		if w.stop {
			return true
		}
	}
	return false
}
