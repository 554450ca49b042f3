package change

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

	saved   map[string]*config.Overlay // what is written down
	bases   map[string]*config.Group   // the groups of the files, once they were asked for
	defined []definition
	leases  map[leaseName]time.Duration // of what is added; 0 for those that end
}

// A definition is processes that a change defines, for the policy to look at.
type definition struct {
	group *config.Group
	procs []*config.Process
}

func (m *Manager) draft(ctx context.Context, r request) (*draft, error) {
	groups, err := m.o.Loop.Groups(ctx)
	if err != nil {
		return nil, err
	}
	d := &draft{m: m, caller: ext.CallerOf(ctx), cfg: r.config, saved: r.saved, live: groups,
		was: make(map[string]*config.Group, len(groups)), to: map[string]*config.Group{}, leases: map[leaseName]time.Duration{}}
	if d.cfg == nil {
		d.cfg, d.saved = m.o.Config(), m.saved
	}
	for _, g := range groups {
		d.was[g.Name] = g
	}
	return d, nil
}

// base is the group of that name as the files alone have it, nil if they do
// not.
func (d *draft) base(name string) *config.Group {
	if d.bases == nil {
		d.bases = make(map[string]*config.Group, len(d.cfg.Files))
		for _, g := range slices.Backward(d.cfg.Files) {
			d.bases[g.Name] = g // the first of a name is used
		}
	}
	return d.bases[name]
}

// leased reports whether something is to go by itself.
func (d *draft) leased(name leaseName) bool {
	if ttl, touched := d.leases[name]; touched {
		return ttl > 0
	}
	return d.m.passing(name)
}

// endLeases ends those of what goes when g becomes next, which may be nil.
func (d *draft) endLeases(g, next *config.Group) {
	for _, name := range d.m.leases.of(g.Name) {
		if !holds(next, name.program) {
			d.leases[name] = 0
		}
	}
	for name := range d.leases {
		if name.group == g.Name && !holds(next, name.program) {
			d.leases[name] = 0
		}
	}
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

// unique is g with one process of each name: files may have several, of which
// the last one is used.
func unique(g *config.Group) *config.Group {
	if g == nil {
		return nil
	}
	last := byName(g)
	if len(last) == len(g.Processes) {
		return g
	}
	next := *g
	next.Processes = slices.DeleteFunc(slices.Clone(g.Processes), func(p *config.Process) bool { return last[p.Name] != p })
	return &next
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
			all = append(all, supervisor.GroupChange{Name: name, From: from, To: unique(to)})
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

// leaseFor gives what is added its lease. If it has none, then neither does
// it have that of something which went past the manager.
func (d *draft) leaseFor(c ext.Change) {
	if c.Action == ext.Add {
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
	case procs[0].Program != program:
		return nil, wrong("program %q: a name must not begin or end with a blank", program)
	}
	return procs, nil
}

// exchange puts processes in the place of others.
func exchange(g *config.Group, old, procs []*config.Process) ([]*config.Process, error) {
	there := func(name string) error {
		return fault.New(fault.AlreadyAdded, (supervisor.Name{Group: g.Name, Process: name}).Spec())
	}
	going := make(map[*config.Process]bool, len(old))
	for _, p := range old {
		going[p] = true
	}
	coming := make(map[string]bool, len(procs))
	for _, p := range procs {
		if coming[p.Name] {
			return nil, there(p.Name)
		}
		coming[p.Name] = true
	}
	next := make([]*config.Process, 0, len(g.Processes)-len(old)+len(procs))
	placed := false
	for _, p := range g.Processes {
		switch {
		case going[p] && !placed:
			placed = true
			next = append(next, procs...)
		case going[p]:
		case coming[p.Name]:
			return nil, there(p.Name)
		default:
			next = append(next, p)
		}
	}
	if !placed {
		next = append(next, procs...)
	}
	return next, nil
}

func (d *draft) removeGroup(c ext.Change) error {
	g, err := d.must(c.Group)
	if err != nil {
		return err
	}
	d.set(c.Group, nil)
	d.endLeases(g, nil)
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
	d.endLeases(g, d.group(g.Name))
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
	here := make(map[string]*config.Process, len(old))
	for _, p := range old {
		here[p.Name] = p
	}
	var fresh []*config.Process
	for i, p := range procs {
		if here[p.Name] == nil {
			fresh = append(fresh, p)
			continue
		}
		same := *here[p.Name]
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
