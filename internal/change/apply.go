package change

import (
	"context"
	"fmt"
	"slices"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
)

// maxChanges bounds how many changes one call may hold.
const maxChanges = 10_000

// Apply implements ext.Changes.
func (m *Manager) Apply(ctx context.Context, changes []ext.Change, how ext.How) (ext.Outcome, error) {
	switch {
	case len(changes) == 0:
		return ext.Outcome{}, wrong("there are no changes")
	case len(changes) > maxChanges:
		return ext.Outcome{}, wrong("%d changes are more than %d", len(changes), maxChanges)
	}
	return m.commit(ctx, request{method: "apply", how: how, edit: func(_ context.Context, d *draft) error {
		for i, c := range changes {
			if err := d.apply(c); err != nil {
				return numbered(err, i, len(changes))
			}
		}
		return nil
	}})
}

// numbered says which of several changes a fault is about.
func numbered(err error, i, n int) error {
	f := fault.From(err)
	if n == 1 {
		return f
	}
	return fault.New(f.Code, fmt.Sprintf("change %d of %d: %s", i+1, n, f.Detail))
}

// AddProgram adds a program as supervisor_twiddler does: it is
// [ext.Host.AddProgram].
func (m *Manager) AddProgram(ctx context.Context, group, program string, options map[string]any) error {
	caller := ext.CallerOf(ctx)
	if err := config.MayDefine(caller, group); err != nil {
		return err
	}
	there, err := m.o.Loop.GroupExists(ctx, group)
	if err != nil {
		return err
	}
	if !there {
		return fault.New(fault.BadName, "group: "+group)
	}
	procs, err := m.o.Config().AddProgram(group, program, options)
	if err != nil {
		return refused(err)
	}
	r := request{method: "addProgramToGroup", how: ext.How{NoWait: true}, edit: func(_ context.Context, d *draft) error {
		return d.addProgram(group, procs)
	}}
	if m.o.PersistAll || m.o.Audit != nil || caller.Policy != nil {
		_, err := m.commit(ctx, r)
		return err
	}
	return m.quick(ctx, r, supervisor.AddProcesses{Group: group, Processes: procs}, procs)
}

// addProgram puts processes into the draft, with the faults of the original.
func (d *draft) addProgram(group string, procs []*config.Process) error {
	g, err := d.must(group)
	if err != nil {
		return err
	}
	here := byName(g)
	for _, p := range procs {
		if here[p.Name] != nil {
			return fault.New(fault.BadName, p.Name)
		}
		here[p.Name] = p
	}
	next, err := exchange(g, nil, procs)
	if err != nil {
		return err
	}
	d.setProcesses(g, next)
	d.define(g, procs)
	return nil
}

// RemoveProcess removes a process that is down as supervisor_twiddler does: it
// is [ext.Host.RemoveProcess].
func (m *Manager) RemoveProcess(ctx context.Context, group, process string) error {
	if err := config.MayDefine(ext.CallerOf(ctx), group); err != nil {
		return err
	}
	r := request{method: "removeProcessFromGroup", how: ext.How{NoWait: true}}
	edit := supervisor.RemoveProcess{Name: supervisor.Name{Group: group, Process: process}}
	if !m.o.PersistAll && m.o.Audit == nil {
		return m.quick(ctx, r, edit, nil)
	}
	r.edit = func(ctx context.Context, d *draft) error {
		if _, err := d.must(group); err != nil {
			return err
		}
		if byName(d.group(group))[process] == nil {
			return fault.New(fault.BadName, process)
		}
		err := d.remove(ext.Change{Group: group, Process: process})
		if err != nil {
			return err
		}
		// The original refuses to remove what runs; a plan would stop it.
		plan, err := m.o.Loop.Plan(ctx, d.changes()...)
		for _, s := range plan {
			if s.Name.Process == process && s.Action == supervisor.ActionStop {
				return fault.New(fault.StillRunning, process)
			}
		}
		return raced(err)
	}
	_, err := m.commit(ctx, r)
	return err
}

// quick makes one of the two old changes without looking at the whole group,
// so that it costs the same in a large one. added are the processes it adds.
func (m *Manager) quick(ctx context.Context, r request, edit supervisor.Edit, added []*config.Process) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	whole := context.WithoutCancel(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.dropStale(whole, added); err != nil {
		return err
	}
	removed, err := m.o.Loop.Apply(whole, edit)
	if err != nil {
		return err
	}
	if len(added)+len(removed) == 0 {
		return nil // numprocs is 0
	}
	e := m.record(ext.CallerOf(ctx), r)
	for _, p := range removed {
		e.note(p, procDelta{p.Name, p, nil}, supervisor.ActionRemove)
	}
	for _, p := range added {
		e.note(p, procDelta{p.Name, nil, p}, addition(p))
	}
	e.leases = m.dropLeases(whole, removed)
	m.history.add(e)
	return nil
}

// addition is what becomes of a process that is added.
func addition(p *config.Process) supervisor.Action {
	if p.AutoStart {
		return supervisor.ActionStart
	}
	return supervisor.ActionAdd
}

// note adds what became of one process to an entry about a single group.
func (e *entry) note(p *config.Process, d procDelta, action supervisor.Action) {
	if e.deltas == nil {
		shape := &config.Group{Name: p.Group} // nothing but processes differs
		e.deltas = []delta{{group: p.Group, before: shape, after: shape}}
	}
	e.deltas[0].procs = append(e.deltas[0].procs, d)
	e.Steps = append(e.Steps, ext.Step{Group: p.Group, Process: p.Name, Action: string(action)})
}

// dropStale ends the lease of a program that went past the manager before,
// lest it hold for what is added under the same name. The caller holds m.mu.
func (m *Manager) dropStale(ctx context.Context, added []*config.Process) error {
	if len(added) == 0 {
		return nil
	}
	name := leaseName{added[0].Group, added[0].Program}
	if !m.leases.has(name) {
		return nil
	}
	g, err := m.live(ctx, name.group)
	if err == nil && !holds(g, name.program) {
		m.leases.end(name)
	}
	return err
}

// dropLeases ends the leases of programs whose last process was removed, and
// returns them. The caller holds m.mu.
func (m *Manager) dropLeases(ctx context.Context, removed []*config.Process) map[leaseName]time.Duration {
	ended := map[leaseName]time.Duration{}
	for _, p := range removed {
		name := leaseName{p.Group, p.Program}
		if !m.leases.has(name) {
			continue
		}
		if g, err := m.live(ctx, name.group); err == nil && !holds(g, name.program) {
			ended[name] = m.leases.end(name)
		}
	}
	return ended
}

// live returns a group as it is, nil if it is not there.
func (m *Manager) live(ctx context.Context, name string) (*config.Group, error) {
	groups, err := m.o.Loop.Groups(ctx)
	if i := slices.IndexFunc(groups, func(g *config.Group) bool { return g.Name == name }); i >= 0 {
		return groups[i], nil
	}
	return nil, err
}
