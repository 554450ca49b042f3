package change

import (
	"context"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
)

// Update implements ext.Changes. It merges three ways: what the files say, as
// they were changed, with what run-time changes have made of the groups.
func (m *Manager) Update(ctx context.Context, groups []string, how ext.How) (ext.Outcome, error) {
	if err := ext.CallerOf(ctx).Need(ext.Admin, ""); err != nil {
		return ext.Outcome{}, err
	}
	cfg, err := m.o.Load()
	if err != nil {
		return ext.Outcome{}, fault.New(fault.CantReread, err.Error())
	}
	if !how.DryRun {
		// Now in force, for those who reread as well.
		if _, _, _, err := m.o.Loop.Reload(ctx); err != nil {
			return ext.Outcome{}, err
		}
		cfg = m.o.Config()
	}
	return m.commit(ctx, request{method: "update", how: how, config: cfg, edit: func(_ context.Context, d *draft) error {
		return d.update(groups)
	}, after: func() { m.adoptSaved(cfg) }})
}

// adoptSaved notes that a person may have edited what is written down.
func (m *Manager) adoptSaved(cfg *config.Config) {
	clear(m.saved)
	for _, o := range cfg.Overlays {
		m.saved[o.Group] = o
	}
}

// update makes the named groups, or all, what the files say.
func (d *draft) update(groups []string) error {
	files := make(map[string]*config.Group, len(d.cfg.Groups))
	for _, g := range d.cfg.Groups {
		files[g.Name] = g
	}
	named := map[string]bool{}
	for _, g := range groups {
		named[g] = true
		if files[g] == nil && d.group(g) == nil {
			return fault.New(fault.BadName, "group: "+g)
		}
	}
	wanted := func(name string) bool { return len(named) == 0 || named[name] }
	for _, g := range d.live {
		if wanted(g.Name) {
			if err := d.follow(g, files[g.Name]); err != nil {
				return err
			}
		}
	}
	for _, g := range d.cfg.Groups {
		// One that a change removed is not to come back by this.
		if wanted(g.Name) && d.was[g.Name] == nil && d.m.gone[g.Name] == nil {
			d.set(g.Name, g)
		}
	}
	return nil
}

// follow makes a live group what the files say now, with the changes written
// down; nil if they do not have it. What was changed since then stays.
func (d *draft) follow(live, file *config.Group) error {
	now := config.OverlayOf(live.Base, d.m.lasting(d, live))
	changed := !now.Equal(d.m.saved[live.Name])
	base := d.cfg.Base(live.Name)
	switch {
	case !changed && live.Base == nil && d.m.saved[live.Name] == nil:
		return nil // made at run time, for a time
	case !changed:
		d.set(live.Name, d.same(live, file))
		return nil
	case base == nil && live.Base != nil:
		d.set(live.Name, nil) // the files do not have it any more
		return nil
	case base == live.Base:
		return nil // nothing but run-time changes
	}
	merged, err := d.cfg.Merge(base, config.OverlayOf(live.Base, live))
	if err != nil {
		return refused(err)
	}
	d.set(live.Name, d.same(live, merged))
	return nil
}

// same is to with the leased programs of live, which no file has.
func (d *draft) same(live, to *config.Group) *config.Group {
	if to == nil {
		return nil
	}
	var leased []*config.Process
	for _, p := range live.Processes {
		if d.m.leases[leaseName{live.Name, p.Program}] != nil && len(ofProgram(to, p.Program)) == 0 {
			leased = append(leased, p)
		}
	}
	if len(leased) == 0 {
		return to
	}
	next := *to
	next.Processes = append(append([]*config.Process{}, to.Processes...), leased...)
	return &next
}
