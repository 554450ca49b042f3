package config

import (
	"cmp"
	"slices"
	"strings"

	"example.org/twiddler/level"
)

// groupOptions is the table of [group:x].
var groupOptions = []row[members]{
	{Option{"programs", typeList, "", "an empty group", ExpandsHere, "programs and fcgi-programs that belong to the group"},
		func(_ *reader, m *members, v string) error { m.programs = list(v); return nil }},
	priorityOption("999", func(m *members) *int { return &m.priority }),
}

// members is a [group:x] while it is read.
type members struct {
	programs []string
	priority int
}

// plainOptions is the part of the table of [program:x] that its own group
// reads. The priority of the processes is looked up by itself.
var plainOptions = []row[Group]{
	priorityOption("999", func(g *Group) *int { return &g.Priority }),
}

// priorityOption is the row of the priority of a group.
func priorityOption[T any](def string, of func(*T) *int) row[T] {
	return row[T]{
		Option{"priority", typeInt, def, "", ExpandsHere, "order of start and stop, low first; of the group and of its processes"},
		func(_ *reader, t *T, v string) error { return setInt(of(t), v) },
	}
}

// afterColon is the name in "program:x".
func afterColon(section string) string {
	_, name, _ := strings.Cut(section, ":")
	return name
}

// groups reads all groups, in the order in which the original does, and sorts
// them. Supervisor 4.2.5, options.py, process_groups_from_parser.
func (l *loader) groups(c *Config) {
	taken := map[string]bool{} // sections of programs that are in a [group:x]
	for _, section := range l.doc.Sections() {
		if strings.HasPrefix(section.Name, "group:") {
			c.Groups = append(c.Groups, l.group(sourceOf(section), taken))
		}
	}
	for _, kind := range []struct {
		prefix string
		read   func(*source) *Group
	}{
		{"program:", l.plainGroup},
		{"eventlistener:", l.pool},
		{"fcgi-program:", l.fcgiGroup},
	} {
		for _, section := range l.doc.Sections() {
			if strings.HasPrefix(section.Name, kind.prefix) && !taken[section.Name] {
				c.Groups = append(c.Groups, kind.read(sourceOf(section)))
			}
		}
	}
	sortGroups(c.Groups)
	for _, g := range c.Groups {
		g.Base = g
	}
	l.warnDuplicates(c.Groups)
}

// sortGroups puts groups in the order in which they start.
func sortGroups(groups []*Group) {
	slices.SortStableFunc(groups, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), strings.Compare(a.Name, b.Name))
	})
}

// sectionName checks the name of a group, which the original does before it
// looks at anything else.
func (r *reader) sectionName() string {
	n, err := checkName(afterColon(r.src.name))
	if err != nil {
		r.missing(err)
	}
	return n
}

// group reads a [group:x] and the programs it names.
func (l *loader) group(src *source, taken map[string]bool) *Group {
	r := &reader{loader: l, src: src, vars: l.hereVars()}
	g := &Group{Name: r.sectionName()}
	var m members
	readAll(r, groupOptions, &m)
	g.Priority = m.priority
	from := src.name // what the original calls the section that names a program
	for _, program := range m.programs {
		plain, fcgi := l.doc.Section("program:"+program), l.doc.Section("fcgi-program:"+program)
		switch {
		case plain == nil && fcgi == nil:
			r.blame("programs", wrong("[%s] names unknown program or fcgi-program %s", from, program))
			continue
		case plain != nil && fcgi != nil:
			r.blame("programs", wrong("[%s] name %s is ambiguous (exists as program and fcgi-program)", from, program))
			continue
		case plain == nil:
			plain = fcgi // it becomes an ordinary program, without its socket
		}
		from = plain.Name // the original forgets which section it reads
		taken[plain.Name] = true
		g.Processes = append(g.Processes, l.processes(sourceOf(plain), g.Name, Programs)...)
	}
	return g
}

// plainGroup reads a [program:x] that is a group of its own.
func (l *loader) plainGroup(src *source) *Group {
	r := &reader{loader: l, src: src, vars: l.hereVars()}
	g := &Group{Name: r.sectionName(), Section: l.sectionOf(src)}
	readAll(r, plainOptions, g)
	g.Processes = l.processes(src, g.Name, Programs)
	return g
}

// warnDuplicates tells of groups and processes that will never run because
// another has their name. The original says nothing.
func (l *loader) warnDuplicates(groups []*Group) {
	names := make(map[string]bool, len(groups))
	for _, g := range groups {
		if names[g.Name] {
			l.say(level.Warn, "group %q is configured more than once; only the one with the lowest priority number is used", g.Name)
		}
		names[g.Name] = true
		if len(g.Processes) < 2 {
			continue
		}
		inside := make(map[string]bool, len(g.Processes))
		for _, p := range g.Processes {
			if inside[p.Name] {
				l.say(level.Warn, "group %q has more than one process %q; only the last one is used", g.Name, p.Name)
			}
			inside[p.Name] = true
		}
	}
}
