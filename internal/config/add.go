package config

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// programContext is what a [program:x] section is read with when the files
// have long been read.
type programContext struct {
	o   LoadOptions       // without command line and predecessor
	env map[string]string // of %(ENV_*)s
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
	o := c.program.o
	o.Tolerant = false
	l := newLoader(o)
	l.env = c.program.env
	src := &source{name: "program:" + program, file: c.Path, typed: make(map[string]any, len(options))}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		src.typed[strings.ToLower(key)] = options[key]
	}
	processes := l.processes(src, group, Programs)
	if l.first != nil {
		return nil, &ProgramError{Text: l.text, NoDetail: errors.Is(l.first, errNoDetail)}
	}
	for _, p := range processes {
		if p.AutoServerURL {
			p.ServerURL = c.ServerURL
		}
	}
	return processes, nil
}
