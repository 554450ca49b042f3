package change

import (
	"context"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
)

// Undo implements ext.Changes. What the change has made of groups and
// processes must still be so: then it becomes what it was before. What had a
// lease has one again, of the same length.
func (m *Manager) Undo(ctx context.Context, id int64, how ext.How) (ext.Outcome, error) {
	caller := ext.CallerOf(ctx)
	if err := mayDefineSome(caller); err != nil {
		return ext.Outcome{}, err
	}
	e := m.history.find(id)
	if e != nil {
		// Steps never change. Who may not see the change does not hear of it.
		if _, visible := seen(caller, ext.Record{Steps: e.Steps}); !visible {
			e = nil
		}
	}
	if e == nil {
		return ext.Outcome{}, fault.Errorf(fault.BadName, "there is no change %d; the history has those that are known", id)
	}
	return m.commit(ctx, request{method: "undo", how: how, undoes: e, edit: func(_ context.Context, d *draft) error {
		return d.takeBack(e)
	}})
}

// takeBack puts the way back of a change into the draft.
func (d *draft) takeBack(e *entry) error {
	switch {
	case e.Undone != 0:
		return fault.Errorf(fault.Conflict, "change %d was undone already, by change %d", e.ID, e.Undone)
	case e.faded:
		return fault.Errorf(fault.Conflict, "change %d is too long ago: what was before it is not kept any more", e.ID)
	case e.deltas == nil:
		return fault.Errorf(fault.Conflict, "change %d was made before the last start of supervisord", e.ID)
	}
	for _, x := range e.deltas {
		if err := d.undo(x); err != nil {
			return err
		}
	}
	for name, ttl := range e.leases {
		d.leases[name] = ttl
	}
	return nil
}

// undo puts the way back of one group into the draft.
func (d *draft) undo(x delta) error {
	if err := config.MayDefine(d.caller, x.group); err != nil {
		return err
	}
	live := d.group(x.group)
	switch {
	case x.after == nil && live != nil:
		return fault.Errorf(fault.Conflict, "group %s is there again", x.group)
	case x.after == nil:
		g := *x.before
		g.Base = d.base(x.group) // the files may have changed since
		for _, p := range x.procs {
			g.Processes = append(g.Processes, p.before)
		}
		d.set(x.group, &g)
		d.define(&g, g.Processes)
		return nil
	case live == nil:
		return fault.Errorf(fault.Conflict, "group %s is not there any more", x.group)
	case x.before == nil:
		return d.undoGroup(x, live)
	}
	return d.undoProcesses(x, live)
}

// undoGroup takes a group away that was added, if it has not become another.
func (d *draft) undoGroup(x delta, live *config.Group) error {
	if err := sameSettings(x, live); err != nil {
		return err
	}
	added := make(map[string]*config.Process, len(x.procs))
	for _, p := range x.procs {
		added[p.name] = p.after
	}
	for _, p := range live.Processes {
		switch was := added[p.Name]; {
		case was == nil:
			return fault.Errorf(fault.Conflict, "%s was added to the group later", p.Namespec())
		case len(was.Changes(p)) > 0:
			return fault.Errorf(fault.Conflict, "%s was changed later", p.Namespec())
		}
	}
	return d.removeGroup(ext.Change{Group: x.group})
}

// sameSettings sees that a group still has the settings that a change gave it.
func sameSettings(x delta, live *config.Group) error {
	if ch := x.after.Changes(live); len(ch) > 0 {
		return fault.Errorf(fault.Conflict, "%s of group %s was changed later", ch[0].Option, x.group)
	}
	return nil
}

// undoProcesses gives a group back the processes and settings that it had.
func (d *draft) undoProcesses(x delta, live *config.Group) error {
	next := *live
	settings := len(x.before.Changes(x.after)) > 0
	if settings {
		if err := sameSettings(x, live); err != nil {
			return err
		}
		next = *x.before
		next.Base = live.Base // the files may have changed since
	}
	back := make(map[string]*config.Process, len(x.procs))
	here := byName(live)
	var defined, again []*config.Process
	for _, p := range x.procs {
		if err := stillSo(p, here[p.name]); err != nil {
			return err
		}
		back[p.name] = p.before
		if p.before == nil {
			continue
		}
		defined = append(defined, p.before)
		if here[p.name] == nil {
			again = append(again, p.before)
		}
	}
	next.Processes = make([]*config.Process, 0, len(live.Processes)+len(again))
	for _, p := range live.Processes {
		was, touched := back[p.Name]
		switch {
		case !touched:
			next.Processes = append(next.Processes, p)
		case was != nil:
			next.Processes = append(next.Processes, was)
		}
	}
	next.Processes = append(next.Processes, again...)
	d.set(x.group, &next)
	d.endLeases(live, &next)
	if settings || len(defined) > 0 {
		d.define(&next, defined)
	}
	return nil
}

// stillSo sees that a process is what a change made of it.
func stillSo(p procDelta, here *config.Process) error {
	switch {
	case p.after == nil && here != nil:
		return fault.Errorf(fault.Conflict, "%s is there again", here.Namespec())
	case p.after != nil && here == nil:
		return fault.Errorf(fault.Conflict, "%s is not there any more", p.after.Namespec())
	case here != nil && len(p.after.Changes(here)) > 0:
		return fault.Errorf(fault.Conflict, "%s was changed later", here.Namespec())
	}
	return nil
}
