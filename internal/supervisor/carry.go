package supervisor

import (
	"cmp"
	"slices"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/event"
	"example.org/twiddler/internal/proc"
)

// leaving reports whether p is to be forgotten when it is down.
func (p *process) leaving() bool { return p.fate != nil && p.fate.next == nil }

// carryMoves makes the plan true. Starts come last, by rank.
func (c *Core) carryMoves(now proc.Moment, changes []GroupChange, moves []move, t *transit, out []Effect) []Effect {
	var fresh []*process
	heirs := map[string]bool{}
	for _, ch := range changes {
		out = c.shapeGroup(now, ch, out)
		g := c.byName[ch.Name]
		heirs[ch.Name] = g != nil && g.leaving
	}
	for _, m := range moves {
		g := c.byName[m.name.Group]
		switch {
		case m.name.Process == "" || m.to != nil && heirs[m.name.Group]:
			// Done by shapeGroup, or left to the heir.
		case m.process == nil:
			p := c.newProcess(g, m.to)
			g.put(p)
			t.planned.add(p)
			fresh = append(fresh, p)
		default:
			out = c.carryMove(now, m, t, out)
			if m.action == ActionStart && m.process.fate == nil {
				fresh = append(fresh, m.process)
			}
		}
	}
	for _, ch := range changes {
		if g := c.byName[ch.Name]; g != nil && !g.leaving {
			g.arrange()
		}
		out = c.vacate(now, ch.Name, out)
	}
	slices.SortStableFunc(fresh, func(a, b *process) int { return a.rank().compare(b.rank()) })
	for _, p := range fresh {
		if p.cfg.AutoStart && c.find(p.name) == p {
			out = c.feedRanked(now, p, proc.Start{}, true, out)
		}
	}
	return out
}

func (r Rank) compare(o Rank) int {
	return cmp.Or(cmp.Compare(r.Group, o.Group), cmp.Compare(r.Process, o.Process))
}

// shapeGroup gives a group its new settings, makes it, or marks it as leaving.
func (c *Core) shapeGroup(now proc.Moment, ch GroupChange, out []Effect) []Effect {
	g := c.byName[ch.Name]
	switch {
	case g == nil && ch.To == nil:
	case g == nil:
		bare := *ch.To
		bare.Processes = nil
		g = c.makeGroup(now, &bare)
		g.cfg, g.listed = ch.To, slices.Index(c.available, ch.To)
		out = c.emit(event.GroupChange(event.ProcessGroupAdded, ch.Name), out)
	case ch.To == nil:
		g.leaving, g.heir = true, nil
	case g.restarts(ch.To):
		g.leaving, g.heir = true, ch.To
		for _, p := range g.procs {
			if p.fate != nil {
				p.fate.next = nil
			}
		}
	default:
		g.leaving, g.heir = false, nil
		if g.listed < 0 {
			g.listed = slices.Index(c.available, ch.To)
		}
		c.reconfigure(g, ch.To)
		if g.pool != nil {
			out = g.pool.reshape(ch.To, out)
			c.resubscribed(now)
		}
	}
	return out
}

// carryMove makes one step of a plan true for a process that is there.
func (c *Core) carryMove(now proc.Moment, m move, t *transit, out []Effect) []Effect {
	p := m.process
	switch m.action {
	case ActionKeep, ActionChange:
		out = c.change(now, p, m.to, out)
	case ActionRemove:
		c.forget(p)
	case ActionStop:
		out = c.doom(now, p, &fate{}, t, out)
	case ActionRestart:
		out = c.doom(now, p, &fate{next: m.to, start: true}, t, out)
	case ActionStart, ActionAdd:
		if p.busy() {
			return c.doom(now, p, &fate{next: m.to, start: m.action == ActionStart}, t, out)
		}
		out = c.change(now, p, m.to, out)
	}
	return out
}

// change gives p other settings, now if nothing speaks against it.
func (c *Core) change(now proc.Moment, p *process, to *config.Process, out []Effect) []Effect {
	switch {
	case p.fate != nil:
		p.fate.next = to
	case !p.busy():
		out = c.replace(now, p, to, out)
	case slices.ContainsFunc(p.cfg.Changes(to), func(ch config.Change) bool { return ch.Restart }):
		p.fate = &fate{next: to} // an operator has told it to stop
	default:
		old := p.cfg
		out = c.adopt(now, p, to, out)
		if old.Stdout.Limits() != to.Stdout.Limits() || old.Stderr.Limits() != to.Stderr.Limits() {
			out = append(out, Relimit{to, p.logs})
		}
	}
	return out
}

// adopt gives p settings that differ in nothing a child is started with.
func (c *Core) adopt(now proc.Moment, p *process, to *config.Process, out []Effect) []Effect {
	p.cfg = to
	return c.feed(now, p, proc.Respec{Spec: &to.Spec}, out)
}

// replace makes p, which is down, another process of the same name. An AUTO
// log that stays one goes on.
func (c *Core) replace(now proc.Moment, p *process, to *config.Process, out []Effect) []Effect {
	old, logs := p.cfg, p.logs
	out = c.adopt(now, p, to, out)
	c.nameLogs(p)
	if old.Stdout.Log == config.LogAuto && to.Stdout.Log == config.LogAuto {
		p.logs.Stdout = logs.Stdout
	}
	if old.Stderr.Log == config.LogAuto && p.logs.Stderr != "" && to.Stderr.Log == config.LogAuto && logs.Stderr != "" {
		p.logs.Stderr = logs.Stderr
	}
	return out
}

// doom decides what becomes of p when it is down, and tells it to stop.
func (c *Core) doom(now proc.Moment, p *process, f *fate, t *transit, out []Effect) []Effect {
	if p.fate != nil {
		f.waiting = p.fate.waiting
	}
	t.open++
	f.waiting = append(f.waiting, t)
	p.fate = f
	return c.feed(now, p, proc.Stop{}, out)
}

// meetFate does with p what was decided for when it is down.
func (c *Core) meetFate(now proc.Moment, p *process, out []Effect) []Effect {
	f := p.fate
	if p.busy() {
		if p.State == proc.Unknown {
			for _, t := range f.waiting {
				t.failed = fault.Errorf(fault.Failed, "%s can't be stopped: %s", p.name.Spec(), p.SpawnErr)
				out = t.finish(out)
			}
		}
		return out
	}
	p.fate = nil
	if f.next != nil {
		out = c.replace(now, p, f.next, out)
	} else {
		c.forget(p)
	}
	for _, t := range f.waiting {
		t.open--
		out = t.finish(out)
	}
	if f.next == nil {
		return c.vacate(now, p.name.Group, out)
	}
	if f.start && c.mood == MoodRunning {
		out = c.feedRanked(now, p, proc.Start{}, true, out)
	}
	return out
}

// forget takes p, which is down, out of its group.
func (c *Core) forget(p *process) {
	g := p.group
	if g.byName[p.name.Process] == p {
		delete(g.byName, p.name.Process)
	}
	g.procs = slices.DeleteFunc(g.procs, func(o *process) bool { return o == p })
}

// vacate ends a leaving group when its last process has gone, and makes its
// heir.
func (c *Core) vacate(now proc.Moment, name string, out []Effect) []Effect {
	g := c.byName[name]
	if g == nil || !g.leaving || len(g.procs) > 0 {
		return out
	}
	heir := g.heir
	out = c.removeGroup(now, g, out)
	if heir == nil || c.mood < MoodRunning {
		return out
	}
	made, out := c.apply(now, AddGroup{heir}, nil, nil, out)
	for _, p := range made {
		if p.cfg.AutoStart {
			out = c.feedRanked(now, p, proc.Start{}, true, out)
		}
	}
	return out
}

// arrange puts the processes of g in the order of its configuration, those
// that are leaving last.
func (g *group) arrange() {
	place := make(map[string]int, len(g.cfg.Processes))
	for i, p := range g.cfg.Processes {
		place[p.Name] = i
	}
	at := func(p *process) int {
		if i, ok := place[p.name.Process]; ok {
			return i
		}
		return len(place)
	}
	slices.SortStableFunc(g.procs, func(a, b *process) int { return at(a) - at(b) })
}
