package change

import (
	"maps"
	"slices"
	"strings"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
	"example.org/twiddler/internal/config"
)

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
	if strings.TrimSpace(c.Group) != c.Group {
		return wrong("group %q: a name must not begin or end with a blank", c.Group)
	}
	g, err := d.readGroup(c)
	if err != nil {
		return err
	}
	g.Base = d.base(c.Group)
	if old == nil {
		old = g
		d.endLeases(g, nil) // of what went past the manager
	} else {
		g.Base = old.Base
	}
	d.set(c.Group, g)
	d.endLeases(old, g)
	d.define(g, g.Processes)
	d.leaseFor(c)
	return nil
}

func (d *draft) readGroup(c ext.Change) (*config.Group, error) {
	kind := d.kindOf(c)
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

// kindOf is the kind of a group that is added or replaced, as the caller has
// it or as it goes without saying.
func (d *draft) kindOf(c ext.Change) string {
	old := d.group(c.Group)
	switch {
	case c.Kind != "" || c.Programs != nil:
		return c.Kind
	case old != nil && old.Kind != config.Programs:
		return old.Kind.String()
	}
	for key := range c.Options {
		if !strings.EqualFold(key, "priority") {
			return ext.KindProgram
		}
	}
	return ext.KindGroup
}

// readPrograms makes a group of any programs.
func (d *draft) readPrograms(c ext.Change) (*config.Group, error) {
	g := &config.Group{Name: c.Group, Priority: defaultPriority}
	if old := d.group(c.Group); old != nil && old.Kind == config.Programs && c.Programs == nil {
		*g = *old // replace, with options of the group only
	}
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
