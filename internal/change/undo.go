package change

import (
	"context"
	"slices"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
)

// Undo implements ext.Changes. What the change has made of groups and
// processes must still be so: then it becomes what it was before.
func (m *Manager) Undo(ctx context.Context, id int64, how ext.How) (ext.Outcome, error) {
	m.mu.Lock()
	e := m.history.find(id)
	m.mu.Unlock()
	switch {
	case e == nil:
		return ext.Outcome{}, fault.Errorf(fault.BadName, "there is no change %d", id)
	case e.deltas == nil:
		return ext.Outcome{}, fault.Errorf(fault.Conflict, "change %d was made before the last start of supervisord", id)
	}
	return m.commit(ctx, request{method: "undo", how: how, undoes: e, edit: func(_ context.Context, d *draft) error {
		if e.Undone != 0 {
			return fault.Errorf(fault.Conflict, "change %d was undone already, by change %d", id, e.Undone)
		}
		for _, x := range e.deltas {
			if err := d.undo(x); err != nil {
				return err
			}
		}
		return nil
	}})
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
	for _, p := range live.Processes {
		i := slices.IndexFunc(x.procs, func(q procDelta) bool { return q.name == p.Name })
		if i < 0 {
			return fault.Errorf(fault.Conflict, "%s was added to the group later", p.Namespec())
		}
		if len(x.procs[i].after.Changes(p)) > 0 {
			return fault.Errorf(fault.Conflict, "%s was changed later", p.Namespec())
		}
	}
	d.set(x.group, nil)
	return nil
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
	if len(x.before.Changes(x.after)) > 0 {
		if err := sameSettings(x, live); err != nil {
			return err
		}
		next = *x.before
	}
	next.Processes = nil
	back := map[string]*config.Process{}
	here := byName(live)
	var defined []*config.Process
	for _, p := range x.procs {
		switch here := here[p.name]; {
		case p.after == nil && here != nil:
			return fault.Errorf(fault.Conflict, "%s is there again", here.Namespec())
		case p.after != nil && here == nil:
			return fault.Errorf(fault.Conflict, "%s is not there any more", p.after.Namespec())
		case here != nil && len(p.after.Changes(here)) > 0:
			return fault.Errorf(fault.Conflict, "%s was changed later", here.Namespec())
		}
		back[p.name] = p.before
		if p.before != nil {
			defined = append(defined, p.before)
		}
	}
	for _, p := range live.Processes {
		was, touched := back[p.Name]
		switch {
		case !touched:
			next.Processes = append(next.Processes, p)
		case was != nil:
			next.Processes = append(next.Processes, was)
		}
	}
	for _, p := range x.procs {
		if p.before != nil && here[p.name] == nil {
			next.Processes = append(next.Processes, p.before)
		}
	}
	d.set(x.group, &next)
	d.define(&next, defined)
	return nil
}
