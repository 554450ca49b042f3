package config

import (
	"errors"
	"slices"
	"strconv"

	"example.org/twiddler/internal/ini"
	"example.org/twiddler/level"
)

// Base returns the group of that name as the configuration files alone have
// it, nil if they do not.
func (c *Config) Base(group string) *Group {
	for _, g := range c.Files {
		if g.Name == group {
			return g
		}
	}
	return nil
}

// Merge makes the group that an overlay describes: base, which is nil if the
// files have no such group, with what the overlay changes of it. The result is
// nil for a group that is not to be, and base itself if the overlay changes
// nothing. Otherwise it is a new group whose Base is base. Processes of base
// that the overlay does not touch are the same values in it.
//
// If the files have changed since the overlay was computed, programs that it
// does not name are as the files have them now, and what it says of programs
// that are gone is passed over. Of a program with another number of processes,
// those that the files have are kept as they are unless they would read
// differently with that number.
//
// The order is that of base; a program that replaces one stands in its place,
// the others come last. The error is a [*ProgramError]. Like [Load], it may
// look for users and directories. Safe for concurrent use.
func (c *Config) Merge(base *Group, o *Overlay) (*Group, error) {
	l := c.lateLoader()
	g, fresh := l.merge(base, o)
	if _, err := c.settle(l, fresh); err != nil {
		return nil, err
	}
	return g, nil
}

// overlays merges what was changed at run time into the groups of the files.
func (l *loader) overlays(c *Config) {
	c.Files = c.Groups
	if l.o.Overlays == nil {
		return
	}
	l.overlaid = true
	all, err := l.o.Overlays(c.Supervisord, c.RPCInterfaces)
	l.overlayErrors(c, err)
	c.Groups = slices.Clone(c.Files)
	for _, o := range all {
		l.say(level.Info, "Included changes of group %q from \"%s\"", o.Group, o.place.file)
		good, text, first := len(l.problems), l.text, l.first
		g, fresh := l.merge(c.Base(o.Group), o)
		if l.tolerant && len(l.problems) > good {
			l.doWithout(c, l.problems[good:])
			l.problems, l.text, l.first = l.problems[:good], text, first
			continue
		}
		c.Overlays = append(c.Overlays, o)
		c.tellServer(fresh)
		c.Groups = slices.DeleteFunc(c.Groups, func(old *Group) bool { return old.Name == o.Group })
		if g != nil {
			c.Groups = append(c.Groups, g)
		}
	}
	sortGroups(c.Groups)
}

// doWithout starts without the overlays that have these problems.
func (l *loader) doWithout(c *Config, problems []Problem) {
	for _, p := range problems {
		l.say(level.Error, "%s", p)
		if !slices.Contains(c.SetAside, p.File) {
			c.SetAside = append(c.SetAside, p.File)
		}
	}
}

// overlayErrors records why overlays could not be read.
func (l *loader) overlayErrors(c *Config, err error) {
	var all *Errors
	switch {
	case errors.As(err, &all) && all.Overlays && l.tolerant:
		l.doWithout(c, all.Problems)
	case errors.As(err, &all):
		for _, p := range all.Problems {
			l.addProblem(p, errors.New(p.String()))
		}
	case err != nil:
		l.addProblem(Problem{File: l.file, Text: err.Error()}, err)
	}
}

// A merger is one merge in progress.
type merger struct {
	*loader
	o    *Overlay
	base *Group
	g    *Group // the result

	own   *OverlayProgram // what g was read from, if the overlay has it
	fresh []*Process

	replaced map[string]*OverlayProgram // by the name of the program
	scales   map[string]*Scale
	without  map[string]bool
	used     map[string]bool // names in without and scales that were found

	at map[string]placed // by the name of the process
}

// placed is where a process stands in the result.
type placed struct {
	i    int
	ours bool // the overlay says so
}

// merge is Merge for a load in progress. fresh are the new processes, not yet
// told of our server.
func (l *loader) merge(base *Group, o *Overlay) (g *Group, fresh []*Process) {
	m := &merger{loader: l, o: o, base: base, replaced: map[string]*OverlayProgram{}, scales: map[string]*Scale{},
		without: map[string]bool{}, used: map[string]bool{}, at: map[string]placed{}}
	switch {
	case base == nil && o.Removed:
		m.passOver(o.place.line, "the group is not in the configuration any more")
		return nil, nil
	case o.Removed:
		return nil, nil
	case base == nil && !o.Whole:
		m.passOver(o.place.line, "the group is not in the configuration any more, and neither is what was changed of it")
		return nil, nil
	case base != nil && o.Whole:
		l.say(level.Info, "%s: group %q is not as the configuration has it, but as this file has it", o.place.file, o.Group)
	}
	m.index()
	m.settings()
	m.processes()
	m.unused()
	if !o.Whole && len(l.problems) == 0 && OverlayOf(base, m.g) == nil {
		return base, nil
	}
	return m.g, m.fresh
}

// passOver tells that a part of an overlay has nothing to be about.
func (m *merger) passOver(line int, why string) {
	m.say(level.Warn, "%s:%d: group %q: %s; this is passed over", m.o.place.file, line, m.o.Group, why)
}

func (m *merger) index() {
	for i := range m.o.Programs {
		p := &m.o.Programs[i]
		misplaced := p.Section.Kind == EventListener && m.base != nil && m.base.Kind != EventListener
		if p.Nth == 1 && !misplaced {
			m.replaced[strip(p.Section.Program)] = p
		}
	}
	for i := range m.o.Scales {
		m.scales[m.o.Scales[i].Program] = &m.o.Scales[i]
	}
	for _, name := range m.o.Without {
		m.without[name] = true
	}
}

// source is a program of the overlay as a source of options.
func (m *merger) source(p *OverlayProgram) *source {
	src := sourceOfMade(p.Section, m.file)
	if p.place.file != "" {
		src.file, src.line, src.lines = p.place.file, p.place.line, p.place.lines
	}
	return src
}

// settings makes the group, as yet without its processes.
func (m *merger) settings() {
	m.g = &Group{Name: m.o.Group, Kind: m.o.Kind, Priority: 999}
	if !m.o.Whole {
		next := *m.base
		m.g = &next
	}
	own := m.o.ownProgram()
	switch {
	case m.g.Kind != Programs && own != nil && own.Section.Kind == m.g.Kind:
		m.ownGroup(own)
	case m.g.Kind != Programs && m.o.Whole:
		p := Problem{File: m.o.place.file, Line: m.o.place.line, Section: "group:" + m.o.Group,
			Text: "a group of kind " + m.g.Kind.String() + " needs a section [" + kindPrefix[m.g.Kind] + m.o.Group + "]"}
		m.addProblem(p, errors.New(p.Text))
	case m.g.Kind == Programs && own != nil && own.Section.Kind == Programs && (m.o.Whole || m.base.Section != nil):
		// It is the group's only program, or was to begin with.
		m.g.Section = own.Section
		r := &reader{loader: m.loader, src: m.source(own), vars: m.hereVars()}
		readAll(r, plainOptions, m.g)
	}
	if m.o.Priority != nil {
		m.g.Priority = *m.o.Priority
	}
	m.g.Base, m.g.Processes = m.base, nil
}

// ownGroup reads a group of listeners or of FastCGI processes.
func (m *merger) ownGroup(own *OverlayProgram) {
	m.own = own
	if m.g.Kind == EventListener {
		m.g = m.pool(m.source(own))
	} else {
		m.g = m.fcgiGroup(m.source(own))
	}
	m.fresh = append(m.fresh, m.g.Processes...)
}

// processes puts together the processes of the group.
func (m *merger) processes() {
	var ownProcesses []*Process
	if m.own != nil {
		ownProcesses = m.fresh
	}
	read := func(p *OverlayProgram) []*Process {
		if p == m.own {
			return without(ownProcesses, p.Without)
		}
		return without(m.read(p), p.Without)
	}
	done := map[string]bool{}
	if !m.o.Whole {
		for _, p := range m.base.Processes {
			name := p.Program
			next, scale := m.replaced[name], m.scales[name]
			switch {
			case m.without[name] && next == nil:
				m.used[name] = true
			case next == nil && scale == nil:
				m.put(p, false)
			case done[name]: // all of them stand where the first one stood
			case next != nil:
				done[name] = true
				m.putAll(read(next), true)
			default:
				done[name] = true
				m.putAll(m.scaled(scale, p.Section), false)
			}
		}
		m.scaleFromNone(done)
	}
	for i := range m.o.Programs {
		p := &m.o.Programs[i]
		if p.Nth > 1 || !done[strip(p.Section.Program)] {
			m.putAll(read(p), true)
		}
	}
}

// scaleFromNone adds the processes of the group's only program if the files
// have it with numprocs=0.
func (m *merger) scaleFromNone(done map[string]bool) {
	s := m.base.Section
	if s == nil {
		return
	}
	name := strip(s.Program)
	if scale := m.scales[name]; scale != nil && m.replaced[name] == nil && !m.without[name] && !done[name] {
		m.putAll(m.scaled(scale, s), false)
	}
}

// read reads a program that is not the group's own.
func (m *merger) read(p *OverlayProgram) []*Process {
	if p.Section.Kind == EventListener {
		m.passOver(p.place.line, "["+p.Section.Title()+"] can only be in a group of event listeners that has its name")
		return nil
	}
	// In another's group a FastCGI program has no socket.
	procs := m.loader.processes(m.source(p), m.g.Name, Programs)
	m.fresh = append(m.fresh, procs...)
	return procs
}

// scaled returns the processes of a program of the files as they are to be.
func (m *merger) scaled(s *Scale, section *Section) []*Process {
	m.used[s.Program] = true
	base := map[int]*Process{}
	var procs []*Process
	for _, p := range m.base.Processes {
		if p.Program == s.Program {
			base[p.Num] = p
			procs = append(procs, p)
		}
	}
	if s.Numprocs == 0 {
		return without(procs, s.Without)
	}
	src := sourceOfMade(section.With("numprocs", strconv.Itoa(s.Numprocs)), m.file)
	if s.place.file != "" {
		src.file, src.line = s.place.file, s.place.line
	}
	kind := section.Kind
	if kind == FastCGI && m.g.Kind != FastCGI {
		kind = Programs
	}
	procs = without(m.loader.processes(src, m.g.Name, kind), s.Without)
	for i, p := range procs {
		if old := base[p.Num]; old != nil && old.Name == p.Name && len(old.Changes(p)) == 0 {
			procs[i] = old
		} else {
			m.fresh = append(m.fresh, p)
		}
	}
	return procs
}

// without returns those processes whose numbers are not listed.
func without(procs []*Process, nums []int) []*Process {
	if len(nums) == 0 {
		return procs
	}
	return slices.DeleteFunc(slices.Clone(procs), func(p *Process) bool { return slices.Contains(nums, p.Num) })
}

func (m *merger) putAll(procs []*Process, ours bool) {
	for _, p := range procs {
		m.put(p, ours)
	}
}

// put adds a process. Of two that have one name, that of the overlay is used:
// the other has come into the files since.
func (m *merger) put(p *Process, ours bool) {
	old, twice := m.at[p.Name]
	if !twice {
		m.at[p.Name] = placed{len(m.g.Processes), ours}
		m.g.Processes = append(m.g.Processes, p)
		return
	}
	if !ours && !old.ours {
		m.g.Processes = append(m.g.Processes, p) // the files say so
		return
	}
	m.say(level.Warn, "%s: group %q has more than one process %s; that of the configuration, or the earlier one, is not used",
		m.o.place.file, m.g.Name, ini.Repr(p.Name))
	if ours {
		m.at[p.Name] = placed{old.i, true}
		m.g.Processes[old.i] = p
	}
}

// unused tells what the overlay says of programs that are gone.
func (m *merger) unused() {
	for _, name := range m.o.Without {
		if !m.used[name] && m.replaced[name] == nil {
			m.passOver(m.o.place.lines["remove:"+name], "program "+ini.Repr(name)+", which it removes, is not in the configuration")
		}
	}
	for i := range m.o.Scales {
		if s := &m.o.Scales[i]; !m.used[s.Program] {
			m.passOver(s.place.line, "program "+ini.Repr(s.Program)+", whose processes it changes, is not in the configuration")
		}
	}
}
