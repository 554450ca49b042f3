package change

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
)

// A draft is the groups as they are to be, while a change is put together.
// Groups are values that are never changed in place.
type draft struct {
	m      *Manager
	caller ext.Caller
	cfg    *config.Config
	live   []*config.Group
	was    map[string]*config.Group
	to     map[string]*config.Group // of those that are touched; nil for gone
	order  []string                 // the touched ones, in order

	defined []definition
	leases  map[leaseName]time.Duration // of what is added
}

// A definition is processes that a change defines, for the policy to look at.
type definition struct {
	group *config.Group
	procs []*config.Process
}

func (m *Manager) draft(ctx context.Context, cfg *config.Config) (*draft, error) {
	groups, err := m.o.Loop.Groups(ctx)
	if err != nil {
		return nil, err
	}
	if cfg == nil {
		cfg = m.o.Config()
	}
	d := &draft{m: m, caller: ext.CallerOf(ctx), cfg: cfg, live: groups,
		was: make(map[string]*config.Group, len(groups)), to: map[string]*config.Group{}, leases: map[leaseName]time.Duration{}}
	for _, g := range groups {
		d.was[g.Name] = g
	}
	return d, nil
}

// group is what a group is to be so far, nil if it is not to be.
func (d *draft) group(name string) *config.Group {
	if g, touched := d.to[name]; touched {
		return g
	}
	return d.was[name]
}

// must is group for one that has to be there.
func (d *draft) must(name string) (*config.Group, error) {
	if g := d.group(name); g != nil {
		return g, nil
	}
	return nil, fault.New(fault.BadName, "group: "+name)
}

// set says what a group is to be.
func (d *draft) set(name string, to *config.Group) {
	if _, touched := d.to[name]; !touched {
		d.order = append(d.order, name)
	}
	d.to[name] = to
}

// setProcesses gives a group other processes.
func (d *draft) setProcesses(g *config.Group, procs []*config.Process) {
	next := *g
	next.Processes = procs
	d.set(g.Name, &next)
}

// changes are the groups that are to be others, for the loop.
func (d *draft) changes() []supervisor.GroupChange {
	var all []supervisor.GroupChange
	for _, name := range d.order {
		if from, to := d.was[name], d.to[name]; from != to {
			all = append(all, supervisor.GroupChange{Name: name, From: from, To: to})
		}
	}
	return all
}

// define notes processes that a policy may have a say in.
func (d *draft) define(g *config.Group, procs []*config.Process) {
	d.defined = append(d.defined, definition{g, procs})
}

// apply puts one change of a caller into the draft.
func (d *draft) apply(c ext.Change) error {
	if err := config.MayDefine(d.caller, c.Group); err != nil {
		return err
	}
	if err := fits(c); err != nil {
		return err
	}
	switch {
	case c.Action == ext.Scale:
		return d.scale(c)
	case c.Action == ext.Remove && c.Program == "" && c.Process == "":
		return d.removeGroup(c)
	case c.Action == ext.Remove:
		return d.remove(c)
	case c.Program == "":
		return d.putGroup(c)
	}
	return d.putProgram(c)
}

// fits refuses what an action has no use for: it was meant somehow.
func fits(c ext.Change) error {
	uses := map[string][]string{
		ext.Add:     {"program", "kind", "options", "programs", "ttl"},
		ext.Replace: {"program", "kind", "options", "programs"},
		ext.Remove:  {"program", "process"},
		ext.Scale:   {"program", "numprocs"},
	}
	may, ok := uses[c.Action]
	if !ok {
		return wrong("action must be add, replace, remove or scale, not %q", c.Action)
	}
	given := []struct {
		field string
		set   bool
	}{
		{"program", c.Program != ""}, {"process", c.Process != ""}, {"kind", c.Kind != ""}, {"options", c.Options != nil},
		{"programs", c.Programs != nil}, {"numprocs", c.Numprocs != 0}, {"ttl", c.TTL != 0},
	}
	for _, f := range given {
		if f.set && !slices.Contains(may, f.field) {
			return wrong("%s has no use for %s", c.Action, f.field)
		}
	}
	switch {
	case c.Group == "":
		return wrong("%s needs a group", c.Action)
	case c.Program != "" && (c.Kind != "" || c.Programs != nil):
		return wrong("kind and programs belong to a group; program %q has options only", c.Program)
	case c.Program != "" && c.Process != "":
		return wrong("a program and a process are too much; leave one out")
	case c.Action == ext.Scale && (c.Program == "" || c.Numprocs < 1):
		return wrong("scale needs a program and numprocs of 1 or more; to have none, stop or remove it")
	case c.TTL < 0:
		return wrong("ttl must be more than 0")
	}
	return nil
}

func wrong(format string, args ...any) error {
	return fault.New(fault.IncorrectParameters, fmt.Sprintf(format, args...))
}

// refused is the fault for a section that can't be read.
func refused(err error) error {
	var p *config.ProgramError
	if errors.As(err, &p) && p.NoDetail {
		return fault.Bare(fault.IncorrectParameters)
	}
	return fault.New(fault.IncorrectParameters, err.Error())
}

// ofProgram returns the processes of one program of a group.
func ofProgram(g *config.Group, program string) []*config.Process {
	var procs []*config.Process
	for _, p := range g.Processes {
		if p.Program == program {
			procs = append(procs, p)
		}
	}
	return procs
}

// putProgram adds a program to a group, or replaces it.
func (d *draft) putProgram(c ext.Change) error {
	g, err := d.must(c.Group)
	if err != nil {
		return err
	}
	if g.Kind != config.Programs {
		return wrong("group %s consists of one %v; its programs cannot be added or replaced, but the group can be", g.Name, g.Kind)
	}
	old := ofProgram(g, c.Program)
	switch spec := (supervisor.Name{Group: c.Group, Process: c.Program}).Spec(); {
	case c.Action == ext.Add && len(old) > 0:
		return fault.New(fault.AlreadyAdded, spec)
	case c.Action == ext.Replace && len(old) == 0:
		return fault.New(fault.BadName, spec)
	}
	procs, err := d.readProgram(c.Group, c.Program, c.Options)
	if err != nil {
		return err
	}
	next, err := exchange(g, old, procs)
	if err != nil {
		return err
	}
	d.setProcesses(g, next)
	d.define(g, procs)
	d.leaseFor(c)
	return nil
}

func (d *draft) leaseFor(c ext.Change) {
	if c.TTL > 0 {
		d.leases[leaseName{c.Group, c.Program}] = c.TTL
	}
}

func (d *draft) readProgram(group, program string, options map[string]any) ([]*config.Process, error) {
	s, err := config.NewSection(config.Programs, program, options)
	if err != nil {
		return nil, refused(err)
	}
	procs, err := d.cfg.ReadProgram(group, s)
	switch {
	case err != nil:
		return nil, refused(err)
	case len(procs) == 0:
		return nil, wrong("program %s would have no process; numprocs must be 1 or more", program)
	}
	return procs, nil
}

// exchange puts processes in the place of others.
func exchange(g *config.Group, old, procs []*config.Process) ([]*config.Process, error) {
	var next []*config.Process
	placed := false
	names := map[string]bool{}
	for _, p := range g.Processes {
		if !slices.Contains(old, p) {
			names[p.Name] = true
			next = append(next, p)
		} else if !placed {
			placed = true
			next = append(next, procs...)
		}
	}
	if !placed {
		next = append(next, procs...)
	}
	for _, p := range procs {
		if names[p.Name] {
			return nil, fault.New(fault.AlreadyAdded, (supervisor.Name{Group: g.Name, Process: p.Name}).Spec())
		}
		names[p.Name] = true
	}
	return next, nil
}

// putGroup adds a group, or replaces it.
func (d *draft) putGroup(c ext.Change) error {
	old := d.group(c.Group)
	switch {
	case c.Action == ext.Add && old != nil:
		return fault.New(fault.AlreadyAdded, c.Group)
	case c.Action == ext.Replace && old == nil:
		return fault.New(fault.BadName, "group: "+c.Group)
	}
	if err := config.CheckName(c.Group); err != nil {
		return wrong("group %q: %v", c.Group, err)
	}
	g, err := d.readGroup(c)
	if err != nil {
		return err
	}
	g.Base = d.m.base(d.cfg, c.Group)
	if old != nil {
		g.Base = old.Base
	}
	d.set(c.Group, g)
	d.define(g, g.Processes)
	d.leaseFor(c)
	return nil
}

func (d *draft) readGroup(c ext.Change) (*config.Group, error) {
	kind := c.Kind
	if kind == "" && c.Programs == nil && c.Options["command"] != nil {
		kind = ext.KindProgram
	}
	kinds := map[string]config.Kind{
		ext.KindProgram: config.Programs, ext.KindListener: config.EventListener, ext.KindFastCGI: config.FastCGI,
	}
	k, single := kinds[kind]
	switch {
	case c.Action == ext.Replace && c.Programs == nil && len(c.Options) == 0:
		return nil, wrong("replace needs options, programs or both")
	case kind == "" || kind == ext.KindGroup:
		return d.readPrograms(c)
	case !single:
		return nil, wrong("kind must be group, program, eventlistener or fcgi-program, not %q", kind)
	case c.Programs != nil:
		return nil, wrong("only a group of the kind group has programs; a %s has options", kind)
	}
	s, err := config.NewSection(k, c.Group, c.Options)
	if err != nil {
		return nil, refused(err)
	}
	g, err := d.cfg.ReadGroup(s)
	switch {
	case err != nil:
		return nil, refused(err)
	case len(g.Processes) == 0:
		return nil, wrong("group %s would have no process; numprocs must be 1 or more", c.Group)
	}
	return g, nil
}

// readPrograms makes a group of any programs.
func (d *draft) readPrograms(c ext.Change) (*config.Group, error) {
	g := &config.Group{Name: c.Group, Priority: defaultPriority}
	for key, v := range c.Options {
		n, ok := ext.AsInt(v)
		switch {
		case !strings.EqualFold(key, "priority"):
			return nil, wrong("a group has no option %q, only priority; programs have the others", key)
		case !ok:
			return nil, wrong("priority must be a whole number, not %s", ext.Repr(v))
		}
		g.Priority = n
	}
	if old := d.group(c.Group); old != nil && old.Kind == config.Programs && c.Programs == nil {
		g.Processes = old.Processes // replace, with options of the group only
		return g, nil
	}
	for _, program := range slices.Sorted(maps.Keys(c.Programs)) {
		procs, err := d.readProgram(c.Group, program, c.Programs[program])
		if err != nil {
			return nil, err
		}
		if g.Processes, err = exchange(g, nil, procs); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// defaultPriority is that of groups and programs. Supervisor 4.2.5,
// options.py, process_groups_from_parser.
const defaultPriority = 999

func (d *draft) removeGroup(c ext.Change) error {
	if _, err := d.must(c.Group); err != nil {
		return err
	}
	d.set(c.Group, nil)
	return nil
}

// remove takes a program or a single process out of its group.
func (d *draft) remove(c ext.Change) error {
	g, err := d.must(c.Group)
	if err != nil {
		return err
	}
	name := c.Process
	going := func(p *config.Process) bool { return p.Name == c.Process }
	if c.Program != "" {
		name = c.Program
		going = func(p *config.Process) bool { return p.Program == c.Program }
	}
	next := slices.DeleteFunc(slices.Clone(g.Processes), going)
	if len(next) == len(g.Processes) {
		return fault.New(fault.BadName, (supervisor.Name{Group: c.Group, Process: name}).Spec())
	}
	d.setProcesses(g, next)
	return nil
}

// scale gives a program another number of processes. Those that stay are as
// they were.
func (d *draft) scale(c ext.Change) error {
	g, err := d.must(c.Group)
	if err != nil {
		return err
	}
	old := ofProgram(g, c.Program)
	if len(old) == 0 {
		return fault.New(fault.BadName, (supervisor.Name{Group: c.Group, Process: c.Program}).Spec())
	}
	procs, err := d.cfg.Resize(c.Group, old[0].Section, c.Numprocs)
	if err != nil {
		return refused(err)
	}
	var fresh []*config.Process
	for i, p := range procs {
		j := slices.IndexFunc(old, func(o *config.Process) bool { return o.Name == p.Name })
		if j < 0 {
			fresh = append(fresh, p)
			continue
		}
		same := *old[j]
		same.Section = p.Section
		procs[i] = &same
	}
	next, err := exchange(g, old, procs)
	if err != nil {
		return err
	}
	d.setProcesses(g, next)
	d.define(g, fresh)
	return nil
}

// mayDefine asks the policy of the caller about all that is defined.
func (m *Manager) mayDefine(d *draft) error {
	if d.caller.Policy == nil {
		return nil
	}
	total := d.extra()
	for _, def := range d.defined {
		if err := config.CheckPolicy(d.caller, m.o.Policy, def.group, def.procs, total-len(def.procs)); err != nil {
			return err
		}
	}
	return nil
}

// extra counts the processes that no file has, as they are to be, in the
// groups that the caller may define.
func (d *draft) extra() int {
	n := 0
	count := func(g *config.Group) {
		if g == nil || config.MayDefine(d.caller, g.Name) != nil {
			return
		}
		written := map[string]bool{}
		if base := d.cfg.Base(g.Name); base != nil {
			for _, p := range base.Processes {
				written[p.Name] = true
			}
		}
		for _, p := range g.Processes {
			if !written[p.Name] {
				n++
			}
		}
	}
	for _, g := range d.live {
		if _, touched := d.to[g.Name]; !touched {
			count(g)
		}
	}
	for _, g := range d.to {
		count(g)
	}
	return n
}
