package supervisor

import (
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/proc"
)

// A batch gathers what a mass call did to each process: first what is known
// at once, in the order of acting, then the others as they come to their end.
type batch struct {
	first  []*Result
	last   []*Result
	open   int // processes still waited for
	acting bool
	reply  func([]Result, *fault.Error)
}

// add files a result among the first ones. It may be filled in until the
// answer is sent.
func (b *batch) add(p *process, err *fault.Error) *Result {
	r := &Result{p.name.Process, p.name.Group, err}
	b.first = append(b.first, r)
	return r
}

// wait returns a waiter that files its answer in the batch. One that is quick
// has its place among the first results, though it is not known at once: the
// original starts children one by one and knows.
func (b *batch) wait(p *process, quick bool, done func(*process) (*fault.Error, bool)) *waiter {
	b.open++
	var place *Result
	if quick {
		place = b.add(p, nil)
	}
	return &waiter{done: done, then: func(err *fault.Error, out []Effect) []Effect {
		b.open--
		if place != nil {
			place.Err = err
		} else {
			b.last = append(b.last, &Result{p.name.Process, p.name.Group, err})
		}
		return b.finish(out)
	}}
}

func (b *batch) finish(out []Effect) []Effect {
	if b.acting || b.open > 0 {
		return out
	}
	return append(out, Reply{func() {
		results := make([]Result, 0, len(b.first)+len(b.last))
		for _, r := range b.first {
			results = append(results, *r)
		}
		for _, r := range b.last {
			results = append(results, *r)
		}
		b.reply(results, nil)
	}})
}

// run does one thing to each selected process and answers when all is done.
func (c *Core) run(group string, all bool, in func(string) bool, answer func([]Result, *fault.Error), out []Effect,
	act func(b *batch, p *process, out []Effect) []Effect) []Effect {
	procs, ok := c.selected(group, all, in)
	if !ok {
		err := fault.New(fault.BadName, group)
		return append(out, Reply{func() { answer(nil, err) }})
	}
	b := &batch{reply: answer, acting: true}
	for _, p := range procs {
		out = act(b, p, out)
	}
	b.acting = false
	return b.finish(out)
}

func (c *Core) startMany(now proc.Moment, in StartMany, out []Effect) []Effect {
	if c.mood < MoodRunning {
		return append(out, Reply{func() { in.Reply(nil, fault.Bare(fault.ShutdownState)) }})
	}
	return c.run(in.Group, in.All, in.In, in.Reply, out, func(b *batch, p *process, out []Effect) []Effect {
		as := p.Spec.Namespec()
		switch err := in.Refused[p.name]; {
		case p.State.Up():
			return out // those that run are left out, whatever became of their command
		case err != nil:
			b.add(p, err)
			return out
		case p.State == proc.Unknown:
			b.add(p, fault.Errorf(fault.Failed, "%s is in an unknown process state", as))
			return out
		}
		p.waiters = append(p.waiters, b.wait(p, !in.Wait || p.Spec.StartWait <= 0, started(as, in.Wait)))
		return c.feedRanked(now, p, proc.Start{}, true, out)
	})
}

func (c *Core) stopMany(now proc.Moment, in StopMany, out []Effect) []Effect {
	return c.run(in.Group, in.All, in.In, in.Reply, out, func(b *batch, p *process, out []Effect) []Effect {
		switch {
		case !p.State.Up():
			return out
		case !in.Wait:
			b.add(p, nil)
			return c.feed(now, p, proc.Stop{}, out)
		}
		w := b.wait(p, false, stopped)
		w.stop = true
		return c.stopAndWait(now, p, w, out)
	})
}

func (c *Core) signalMany(in SignalMany, out []Effect) []Effect {
	return c.run(in.Group, in.All, in.In, in.Reply, out, func(b *batch, p *process, out []Effect) []Effect {
		if !p.State.Signallable() {
			return out
		}
		return p.signal(in.Signal, p.Spec.Namespec(), &b.add(p, nil).Err, out)
	})
}
