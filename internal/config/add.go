package config

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// programContext is what a section of programs is read with when the files
// have long been read.
type programContext struct {
	o   LoadOptions       // without command line and predecessor
	env map[string]string // of %(ENV_*)s

	tables optionTables
}

// AddProgram reads a [program:PROGRAM] section out of options, as a client
// sends them, for a group. Values may be of any type a decoder of XML-RPC
// makes. The group need not exist; nothing is changed. The result is new
// processes, none if numprocs is 0 or less.
//
// The error is a [*ProgramError]. It looks for users and directories: not for
// a goroutine that must not block. Safe for concurrent use.
//
// It differs from a section of a file: there are no comments and no trimming;
// ENV_* is unknown to options read once for all processes; the environment of
// [supervisord] is not inherited. So does supervisor_twiddler, which hands a
// section made by hand to Supervisor 4.2.5, options.py, processes_from_section.
func (c *Config) AddProgram(group, program string, options map[string]any) ([]*Process, error) {
	l := c.lateLoader()
	src := &source{name: "program:" + program, file: c.Path, typed: make(map[string]any, len(options))}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		src.typed[strings.ToLower(key)] = options[key]
	}
	return c.settle(l, l.processes(src, group, Programs))
}

// ReadProgram reads a section for a group, as AddProgram reads options, but
// with all that a section of a file can do unless s.Client is set.
func (c *Config) ReadProgram(group string, s *Section) ([]*Process, error) {
	l := c.lateLoader()
	kind := s.Kind
	if kind == FastCGI && group != s.Program {
		kind = Programs // in another's group it has no socket
	}
	return c.settle(l, l.processes(sourceOfMade(s, c.Path), group, kind))
}

// ReadGroup reads a section that is a group of its own: a [program:x] whose
// group has its name, a pool of event listeners, or FastCGI processes. The
// group has no Base. Errors are those of ReadProgram.
func (c *Config) ReadGroup(s *Section) (*Group, error) {
	l := c.lateLoader()
	src := sourceOfMade(s, c.Path)
	var g *Group
	switch s.Kind {
	case EventListener:
		g = l.pool(src)
	case FastCGI:
		g = l.fcgiGroup(src)
	default:
		g = l.plainGroup(src)
	}
	if _, err := c.settle(l, g.Processes); err != nil {
		return nil, err
	}
	return g, nil
}

// Resize reads the section of a program anew with another number of
// processes. The processes are new, also those that there were before.
func (c *Config) Resize(group string, s *Section, numprocs int) ([]*Process, error) {
	return c.ReadProgram(group, s.With("numprocs", strconv.Itoa(numprocs)))
}

// CheckName returns why a name can't be that of a group or a program, in the
// words of a configuration file's error; nil if it can.
func CheckName(name string) error {
	_, err := checkName(name)
	return err
}

// lateLoader is a loader for sections that come after the files.
func (c *Config) lateLoader() *loader {
	o := c.program.o
	o.Tolerant = false
	l := newLoader(o)
	l.env, l.global, l.tables = c.program.env, c.Supervisord.Environment, c.program.tables
	return l
}

// settle ends a late load: it returns what was wrong, or the processes, told
// of our server's address.
func (c *Config) settle(l *loader, processes []*Process) ([]*Process, error) {
	if l.first != nil {
		return nil, &ProgramError{Text: l.text, NoDetail: errors.Is(l.first, errNoDetail)}
	}
	c.tellServer(processes)
	return processes, nil
}
