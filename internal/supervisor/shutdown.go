package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/twiddler/internal/event"
	"example.org/twiddler/internal/proc"
	"example.org/twiddler/level"
)

const (
	debug = level.Debug

	shutdownReportEvery = 3 * time.Second
)

// shutdown is how far the stopping of everything has come.
//
// Groups stop in order of descending priority; those of one priority stop
// together, and the next begin when the last of these is down. The original
// also takes groups of one priority one at a time, which nothing can rely on
// and which makes a thousand of them slow.
type shutdown struct {
	begun  bool
	done   bool
	groups []*group      // not told to stop yet, the next one last
	open   int           // processes told to stop and not down yet
	report time.Duration // when to say again who is waited for; 0 for never
}

func (c *Core) shutDown(now proc.Moment, in Shutdown, out []Effect) []Effect {
	switch {
	case !in.Restart:
		c.mood = MoodShutdown // ends a restart too
	case c.mood == MoodRunning:
		c.mood = MoodRestarting
	}
	if in.Reply != nil {
		out = append(out, Reply{in.Reply})
	}
	if c.down.begun {
		return out
	}
	c.down.begun = true
	// Sent before anything is told to stop: the listeners may be the last.
	out = c.dispatch(c.emit(event.Event{Type: event.SupervisorStateChangeStopping}, out))
	for _, g := range c.groups {
		for _, p := range g.procs {
			out = c.feed(now, p, proc.Hold{}, out)
		}
	}
	c.down.groups = slices.Clone(c.groups)
	slices.SortStableFunc(c.down.groups, func(a, b *group) int { return a.cfg.Priority - b.cfg.Priority })
	c.down.report = now.Mono
	out = c.advanceShutdown(now, out)
	return c.shutdownReport(now, out)
}

// advanceShutdown tells the next groups to stop when the last ones are down.
func (c *Core) advanceShutdown(now proc.Moment, out []Effect) []Effect {
	d := &c.down
	for d.begun && !d.done && d.open == 0 {
		if len(d.groups) == 0 {
			d.done, d.report = true, 0
			break
		}
		priority := d.groups[len(d.groups)-1].cfg.Priority
		for len(d.groups) > 0 && d.groups[len(d.groups)-1].cfg.Priority == priority {
			g := d.groups[len(d.groups)-1]
			d.groups = d.groups[:len(d.groups)-1]
			out = c.stopForShutdown(now, g, out)
		}
	}
	return out
}

// stopForShutdown tells all processes of g to stop, in descending priority,
// ties in reverse order. One that waits for its next try gives up instead.
func (c *Core) stopForShutdown(now proc.Moment, g *group, out []Effect) []Effect {
	for _, p := range slices.Backward(g.byPriority()) {
		if p.State.Down() {
			continue
		}
		p.awaited = true
		c.down.open++
		if p.State == proc.Backoff {
			out = c.feed(now, p, proc.GiveUp{}, out)
		} else {
			out = c.feed(now, p, proc.Stop{}, out)
		}
	}
	return out
}

// changed notes that the state of p has changed.
func (c *Core) changed(p *process) {
	if p.awaited && p.State.Down() {
		p.awaited = false
		c.down.open--
	}
}

// shutdownReport tells the main log who is waited for.
func (c *Core) shutdownReport(now proc.Moment, out []Effect) []Effect {
	d := &c.down
	if d.report == 0 || now.Mono < d.report {
		return out
	}
	var names []string
	for _, g := range c.groups {
		for _, p := range g.procs {
			if !p.State.Down() {
				names = append(names, p.name.Process)
			}
		}
	}
	if len(names) == 0 {
		d.report = 0
		return out
	}
	d.report = now.Mono + shutdownReportEvery
	return append(out, Log{level.Info, fmt.Sprintf("waiting for %s to die", strings.Join(names, ", "))})
}
