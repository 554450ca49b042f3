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
	cfg, err := m.read(ctx, how.DryRun)
	if err != nil {
		return ext.Outcome{}, err
	}
	return m.commit(ctx, request{
		method: "update", how: how, config: cfg, saved: byGroup(cfg.Overlays),
		edit:  func(_ context.Context, d *draft) error { return d.update(groups) },
		after: func() { m.adopt(cfg, groups) },
	})
}

// read reads the files, and unless it is a dry run puts what they say in
// force, for those who reread as well.
func (m *Manager) read(ctx context.Context, dry bool) (*config.Config, error) {
	if dry {
		cfg, err := m.o.Load()
		if err != nil {
			return nil, fault.New(fault.CantReread, err.Error())
		}
		return cfg, nil
	}
	if _, _, _, err := m.o.Loop.Reload(ctx); err != nil {
		return nil, err
	}
	return m.o.Config(), nil
}

func byGroup(overlays []*config.Overlay) map[string]*config.Overlay {
	all := make(map[string]*config.Overlay, len(overlays))
	for _, o := range overlays {
		all[o.Group] = o
	}
	return all
}

// adopt notes what a person may have made of what is written down, and that
// these groups, or all for none, are made of it now. The caller holds m.mu.
func (m *Manager) adopt(cfg *config.Config, groups []string) {
	m.saved = byGroup(cfg.Overlays)
	if len(groups) == 0 {
		m.made = byGroup(cfg.Overlays)
		return
	}
	for _, g := range groups {
		keep(m.made, g, m.saved[g])
	}
}

// keep puts an overlay into a table, or takes it out if it is nil.
func keep(table map[string]*config.Overlay, group string, o *config.Overlay) {
	if o == nil {
		delete(table, group)
	} else {
		table[group] = o
	}
}

// update makes the named groups, or all, what the files say.
func (d *draft) update(groups []string) error {
	files := make(map[string]*config.Group, len(d.cfg.Groups))
	for _, g := range d.cfg.Groups {
		if files[g.Name] == nil { // the first of a name is used
			files[g.Name] = g
		}
	}
	named := map[string]bool{}
	for _, g := range groups {
		named[g] = true
		if files[g] == nil && d.was[g] == nil {
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
		if files[g.Name] == g && wanted(g.Name) && d.was[g.Name] == nil && !d.m.staysGone(g.Name) {
			d.set(g.Name, g)
		}
	}
	return nil
}

// staysGone reports whether a group that the files have is not to come back
// with an update: a change removed it, and that was not written down. If it
// was, then a person has taken it away there.
func (m *Manager) staysGone(group string) bool {
	return m.gone[group] && (m.made[group] == nil || !m.made[group].Removed)
}

// follow makes a live group what the files say now, with the changes written
// down; nil if they do not have it. What was changed since then stays.
func (d *draft) follow(live, file *config.Group) error {
	if d.leased(leaseName{live.Name, ""}) {
		return nil // it is for a time, whatever the files say
	}
	now := config.OverlayOf(live.Base, d.m.lasting(d, live))
	made := d.m.made[live.Name]
	base := d.base(live.Name)
	switch {
	case now.Equal(made) && now == nil && live.Base == nil && file == nil:
		return nil // all of it is for a time
	case now.Equal(made):
		d.set(live.Name, d.withLeased(live, file))
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
	d.set(live.Name, d.withLeased(live, merged))
	return nil
}

// withLeased is to with the leased programs of live, which no file has.
func (d *draft) withLeased(live, to *config.Group) *config.Group {
	if to == nil {
		return nil
	}
	there := byName(to)
	var leased []*config.Process
	for _, p := range live.Processes {
		if there[p.Name] == nil && d.leased(leaseName{live.Name, p.Program}) {
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
