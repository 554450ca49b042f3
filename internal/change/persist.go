package change

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/supervisor"
	"example.org/twiddler/level"
)

// overlays are what a change has to write down, and whether it is to.
func (m *Manager) overlays(d *draft, changes []supervisor.GroupChange, how ext.How) (map[string]*config.Overlay, bool, error) {
	persist := m.o.PersistAll
	if how.Persist != nil {
		persist = *how.Persist
	}
	if !persist {
		return nil, false, nil
	}
	if m.o.Store == nil {
		return nil, false, errNoStore()
	}
	if how.Persist != nil {
		for name, ttl := range d.leases {
			if ttl > 0 && holds(d.group(name.group), name.program) {
				return nil, false, wrong("%s has a ttl, so it cannot be persistent", name)
			}
		}
	}
	all := make(map[string]*config.Overlay, len(changes))
	for _, ch := range changes {
		base := d.base(ch.Name)
		if ch.To != nil {
			base = ch.To.Base
		}
		o := config.OverlayOf(base, m.lasting(d, ch.To))
		if o.Equal(d.saved[ch.Name]) {
			continue // what a person has written says the same
		}
		if _, err := render(o); err != nil {
			return nil, false, fault.New(fault.NotSaved, err.Error())
		}
		all[ch.Name] = o
	}
	return all, true, nil
}

func errNoStore() error {
	return fault.New(fault.NotSaved, "there is no directory for changes: set persist or persist_dir in the section of the twiddler")
}

// lasting is a group without what has a lease, in a draft or, with none, now;
// nil if all of it has.
func (m *Manager) lasting(d *draft, g *config.Group) *config.Group {
	leased := func(program string) bool {
		name := leaseName{g.Name, program}
		if d == nil {
			return m.passing(name)
		}
		return d.leased(name)
	}
	if g == nil || leased("") {
		return nil
	}
	next := *g
	next.Processes = slices.DeleteFunc(slices.Clone(g.Processes), func(p *config.Process) bool { return leased(p.Program) })
	if len(next.Processes) == len(g.Processes) {
		return g
	}
	return &next
}

func render(o *config.Overlay) (string, error) {
	if o == nil {
		return "", nil
	}
	text, err := o.Render()
	return string(text), err
}

// write writes overlays down, if there are any.
func (m *Manager) write(ctx context.Context, overlays map[string]*config.Overlay) error {
	if len(overlays) == 0 {
		return nil
	}
	if err := m.o.Store.Write(ctx, overlays); err != nil {
		return fault.New(fault.NotSaved, err.Error())
	}
	return nil
}

// unwrite puts back what was written down before overlays, and returns why.
func (m *Manager) unwrite(ctx context.Context, d *draft, overlays map[string]*config.Overlay, why error) error {
	if len(overlays) == 0 {
		return why
	}
	before := make(map[string]*config.Overlay, len(overlays))
	for group := range overlays {
		before[group] = d.saved[group]
	}
	if err := m.o.Store.Write(ctx, before); err != nil {
		text := fmt.Sprintf("a change was written down and not made, and cannot be taken back: %v", err)
		m.o.Log(level.Critical, text)
		return fault.New(fault.NotSaved, fmt.Sprintf("%v; %s", why, text))
	}
	return why
}

// noteSaved notes what is written down of a group, which is as it is.
func (m *Manager) noteSaved(group string, o *config.Overlay) {
	keep(m.saved, group, o)
	keep(m.made, group, o)
}

// begin writes the audit line of a change that is about to be made.
func (m *Manager) begin(e *entry, d *draft) error {
	if m.o.Audit == nil {
		return nil
	}
	if err := m.o.Audit.append(e.Record, d.defined); err != nil {
		return fault.New(fault.NotSaved, err.Error())
	}
	return nil
}

// fail notes in the audit log that a change was not made after all.
func (m *Manager) fail(e *entry, why error) {
	if m.o.Audit == nil || e == nil {
		return
	}
	e.Result = why.Error()
	if err := m.o.Audit.append(e.Record, nil); err != nil {
		m.o.Log(level.Critical, fmt.Sprintf("change %d is in the audit log and was not made (%v): %v", e.ID, why, err))
	}
}

// current computes what each group has to have written down: of all live
// groups and of those that were removed, nil for nothing. The caller holds
// m.mu.
func (m *Manager) current(ctx context.Context) (map[string]*config.Overlay, error) {
	groups, err := m.o.Loop.Groups(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]*config.Overlay{}
	for group := range m.saved {
		all[group] = nil
	}
	cfg := m.o.Config()
	for group := range m.gone {
		all[group] = config.OverlayOf(cfg.Base(group), nil)
	}
	for _, g := range groups {
		all[g.Name] = config.OverlayOf(g.Base, m.lasting(nil, g))
	}
	return all, nil
}

// chosen are the groups of all that a caller named, or all that it may define.
func chosen(ctx context.Context, all map[string]*config.Overlay, groups []string) ([]string, error) {
	caller := ext.CallerOf(ctx)
	if err := mayDefineSome(caller); err != nil {
		return nil, err
	}
	if len(groups) == 0 {
		names := slices.Sorted(maps.Keys(all))
		return slices.DeleteFunc(names, func(g string) bool { return config.MayDefine(caller, g) != nil }), nil
	}
	for _, g := range groups {
		if err := config.MayDefine(caller, g); err != nil {
			return nil, err
		}
		if _, ok := all[g]; !ok {
			return nil, fault.New(fault.BadName, "group: "+g)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(groups))), nil
}

// mayDefineSome returns nil if a caller may define something somewhere.
func mayDefineSome(c ext.Caller) error {
	if !c.Role.Valid() || c.Role < ext.Define {
		return c.Need(ext.Define, "")
	}
	return nil
}

// Save implements ext.Changes.
func (m *Manager) Save(ctx context.Context, groups []string) ([]string, error) {
	if m.o.Store == nil {
		return nil, errNoStore()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	unsaved, err := m.unsaved(ctx, groups)
	if err != nil || len(unsaved) == 0 {
		return []string{}, err
	}
	for _, o := range unsaved {
		if _, err := render(o); err != nil {
			return nil, fault.New(fault.NotSaved, err.Error())
		}
	}
	if err := m.write(context.WithoutCancel(ctx), unsaved); err != nil {
		return nil, err
	}
	for group, o := range unsaved {
		m.noteSaved(group, o)
	}
	return slices.Sorted(maps.Keys(unsaved)), nil
}

// unsaved are the overlays that are not written down as they are.
func (m *Manager) unsaved(ctx context.Context, groups []string) (map[string]*config.Overlay, error) {
	all, err := m.current(ctx)
	if err != nil {
		return nil, err
	}
	names, err := chosen(ctx, all, groups)
	if err != nil {
		return nil, err
	}
	unsaved := map[string]*config.Overlay{}
	for _, g := range names {
		if !all[g].Equal(m.saved[g]) {
			unsaved[g] = all[g]
		}
	}
	return unsaved, nil
}

// Unsaved implements ext.Changes.
func (m *Manager) Unsaved(ctx context.Context) ([]ext.Unsaved, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	unsaved, err := m.unsaved(ctx, nil)
	if err != nil {
		return nil, err
	}
	list := []ext.Unsaved{}
	for _, g := range slices.Sorted(maps.Keys(unsaved)) {
		saved, err1 := render(m.saved[g])
		live, err2 := render(unsaved[g])
		if err := errors.Join(err1, err2); err != nil {
			return nil, fault.New(fault.NotSaved, err.Error())
		}
		list = append(list, ext.Unsaved{Group: g, Saved: saved, Live: live})
	}
	return list, nil
}

// Export implements ext.Changes.
func (m *Manager) Export(ctx context.Context, groups []string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all, err := m.current(ctx)
	if err != nil {
		return "", err
	}
	names, err := chosen(ctx, all, groups)
	if err != nil {
		return "", err
	}
	var texts []string
	for _, g := range names {
		text, err := render(all[g])
		if err != nil {
			return "", fault.New(fault.NotSaved, err.Error())
		}
		if text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n"), nil
}
