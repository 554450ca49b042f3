package supervisor

import (
	"slices"

	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/event"
	"example.org/twiddler/internal/proc"
)

// An Edit is one change of what is supervised. A list of them is checked
// whole before anything happens, and applied all or none.
type Edit interface{ edit() }

type (
	// AddGroup makes a group live. Its processes with autostart are started.
	AddGroup struct{ Group *config.Group }
	// RemoveGroup forgets a group, all of whose processes must be down.
	RemoveGroup struct{ Name string }
	// AddProcesses adds processes to a live group, and starts those with
	// autostart.
	AddProcesses struct {
		Group     string
		Processes []*config.Process
	}
	// RemoveProcess forgets a process that is down.
	RemoveProcess struct{ Name Name }
)

func (AddGroup) edit()      {}
func (RemoveGroup) edit()   {}
func (AddProcesses) edit()  {}
func (RemoveProcess) edit() {}

// Applied tells what the caller of an edit has to do once it has happened:
// AutoLogs are the files to create, empty.
type Applied struct {
	AutoLogs []string
	Removed  []*config.Process // by RemoveProcess
}

func (c *Core) applyAll(now proc.Moment, in Apply, out []Effect) []Effect {
	answer := in.Reply
	if err := c.check(in.Edits); err != nil {
		return append(out, Reply{func() { answer(Applied{}, err) }})
	}
	var fresh []*process
	var done Applied
	for _, e := range in.Edits {
		fresh, out = c.apply(now, e, &done, fresh, out)
	}
	if in.First {
		out = c.emit(event.Event{Type: event.SupervisorStateChangeRunning}, out)
	}
	// Starts come last, when it is certain who is still there.
	for _, p := range fresh {
		if c.find(p.name) != p {
			continue
		}
		done.add(p)
		if p.cfg.AutoStart && c.mood == MoodRunning {
			out = c.feedRanked(now, p, proc.Start{}, true, out)
		}
	}
	return append(out, Reply{func() { answer(done, nil) }})
}

func (a *Applied) add(p *process) {
	if p.cfg.Stdout.Log == config.LogAuto {
		a.AutoLogs = append(a.AutoLogs, p.logs.Stdout)
	}
	if p.cfg.Stderr.Log == config.LogAuto && p.logs.Stderr != "" {
		a.AutoLogs = append(a.AutoLogs, p.logs.Stderr)
	}
}

// check finds the first edit that could not be applied, given those before it.
func (c *Core) check(edits []Edit) *fault.Error {
	d := draft{core: c, groups: map[string]*draftGroup{}}
	for _, e := range edits {
		if err := d.check(e); err != nil {
			return err
		}
	}
	return nil
}

// A draft is the set of groups and processes as it will be after the edits
// checked so far. It holds only what they touch.
type draft struct {
	core   *Core
	groups map[string]*draftGroup
}

type draftGroup struct {
	live  *group // nil if there is none, or none any more
	gone  bool
	fresh map[string]bool // by process: true for added, false for removed
}

func (d *draft) group(name string) *draftGroup {
	g := d.groups[name]
	if g == nil {
		live := d.core.byName[name]
		g = &draftGroup{live: live, gone: live == nil, fresh: map[string]bool{}}
		d.groups[name] = g
	}
	return g
}

func (g *draftGroup) has(process string) bool {
	if here, touched := g.fresh[process]; touched {
		return here
	}
	return g.live != nil && g.live.byName[process] != nil
}

// The texts of the last two are the twiddler's, those of the first two
// Supervisor's. supervisor_twiddler, rpcinterface.py; Supervisor 4.2.5,
// rpcinterface.py.
func (d *draft) check(e Edit) *fault.Error {
	switch e := e.(type) {
	case AddGroup:
		g := d.group(e.Group.Name)
		if !g.gone {
			return fault.New(fault.AlreadyAdded, e.Group.Name)
		}
		g.gone, g.live, g.fresh = false, nil, map[string]bool{}
		for _, p := range e.Group.Processes {
			g.fresh[p.Name] = true
		}
	case RemoveGroup:
		g := d.group(e.Name)
		if g.gone {
			return fault.New(fault.BadName, e.Name)
		}
		if g.live != nil && slices.ContainsFunc(g.live.procs, (*process).busy) {
			return fault.New(fault.StillRunning, e.Name)
		}
		g.gone = true
	case AddProcesses:
		g := d.group(e.Group)
		if g.gone {
			return fault.New(fault.BadName, "group: "+e.Group)
		}
		if g.live != nil && g.live.leaving {
			return fault.New(fault.StillRunning, e.Group)
		}
		for _, p := range e.Processes {
			if g.has(p.Name) {
				return fault.New(fault.BadName, p.Name)
			}
			g.fresh[p.Name] = true
		}
	case RemoveProcess:
		g := d.group(e.Name.Group)
		if g.gone {
			return fault.New(fault.BadName, "group: "+e.Name.Group)
		}
		if !g.has(e.Name.Process) {
			return fault.New(fault.BadName, e.Name.Process)
		}
		if p := d.core.find(e.Name); p != nil && p.busy() {
			return fault.New(fault.StillRunning, e.Name.Process)
		}
		g.fresh[e.Name.Process] = false
	}
	return nil
}

// busy reports whether p must not be forgotten yet.
func (p *process) busy() bool { return !p.State.Down() || p.PID != 0 }

// apply carries out one edit that check has passed, and adds the processes it
// made to fresh.
func (c *Core) apply(now proc.Moment, e Edit, done *Applied, fresh []*process, out []Effect) ([]*process, []Effect) {
	switch e := e.(type) {
	case AddGroup:
		g := c.makeGroup(now, e.Group)
		fresh = c.addProcesses(g, e.Group.Processes, fresh)
		// A pool hears of its own arrival, and not of its own end.
		return fresh, c.emit(event.GroupChange(event.ProcessGroupAdded, e.Group.Name), out)
	case RemoveGroup:
		out = c.removeGroup(now, c.byName[e.Name], out)
	case AddProcesses:
		g := c.byName[e.Group]
		next := *g.cfg
		// Adding to a large group costs no copy, but for the first time: older
		// values share the array that grows here, and those made elsewhere may
		// be grown elsewhere.
		have := g.cfg.Processes
		if !g.grows {
			have = slices.Clip(have)
		}
		next.Processes = append(have, e.Processes...)
		c.reconfigure(g, &next)
		g.grows = true
		return c.addProcesses(g, e.Processes, fresh), out
	case RemoveProcess:
		done.Removed = append(done.Removed, c.removeProcess(e.Name))
	}
	return fresh, out
}

// makeGroup makes a group without processes live.
func (c *Core) makeGroup(now proc.Moment, cfg *config.Group) *group {
	g := &group{
		cfg:    cfg,
		listed: slices.Index(c.available, cfg),
		byName: make(map[string]*process, len(cfg.Processes)),
	}
	c.groups = append(c.groups, g)
	c.byName[cfg.Name] = g
	c.subscribe(now, g)
	return g
}

// removeGroup forgets a group, all of whose processes are down.
func (c *Core) removeGroup(now proc.Moment, g *group, out []Effect) []Effect {
	name := g.cfg.Name
	delete(c.byName, name)
	c.groups = slices.DeleteFunc(c.groups, func(o *group) bool { return o == g })
	c.unsubscribe(now, g)
	return c.emit(event.GroupChange(event.ProcessGroupRemoved, name), out)
}

func (c *Core) addProcesses(g *group, cfgs []*config.Process, fresh []*process) []*process {
	for _, cfg := range cfgs {
		p := c.newProcess(g, cfg)
		g.put(p)
		fresh = append(fresh, p)
	}
	return fresh
}

func (c *Core) removeProcess(n Name) *config.Process {
	g := c.byName[n.Group]
	p := g.byName[n.Process]
	delete(g.byName, n.Process)
	g.procs = slices.DeleteFunc(g.procs, func(o *process) bool { return o == p })
	next := *g.cfg
	next.Processes = nil
	for _, o := range g.cfg.Processes {
		if o.Name != n.Process {
			next.Processes = append(next.Processes, o)
		}
	}
	c.reconfigure(g, &next)
	return p.cfg
}

// reconfigure gives g a new configuration. Until the files are read again
// that is the available one too. Supervisor 4.2.5: the live group and the
// available configuration are one object.
func (c *Core) reconfigure(g *group, cfg *config.Group) {
	g.cfg, g.grows = cfg, false
	if g.listed >= 0 {
		c.available[g.listed] = cfg
	}
}

func (c *Core) addProcessGroup(now proc.Moment, in AddProcessGroup, out []Effect) []Effect {
	for _, g := range c.available {
		if g.Name == in.Group {
			return c.applyAll(now, Apply{Edits: []Edit{AddGroup{g}}, Reply: in.Reply}, out)
		}
	}
	err := fault.New(fault.BadName, in.Group)
	return append(out, Reply{func() { in.Reply(Applied{}, err) }})
}
