package config

import (
	"strings"

	"example.org/twiddler/internal/ini"
)

// Expands says which %(names)s the value of an option may use.
type Expands int

// The sets of names, each but the last few larger than the one before.
const (
	// ExpandsEnv is ENV_* alone.
	ExpandsEnv Expands = iota
	// ExpandsHere adds here.
	ExpandsHere
	// ExpandsSocket adds program_name to that.
	ExpandsSocket
	// ExpandsProgram has here, program_name, host_node_name, group_name and
	// ENV_*. The value is read once for all processes of the program.
	ExpandsProgram
	// ExpandsProcess adds process_num, numprocs, and the program's own
	// environment as ENV_*. The value is read for each process.
	ExpandsProcess
	// ExpandsTwice is ExpandsProcess, done two times, so that a percent sign
	// is written %%%%.
	ExpandsTwice
	// ExpandsHost has here, host_node_name and ENV_*.
	ExpandsHost
)

// String lists the names, for the manual.
func (e Expands) String() string {
	switch e {
	case ExpandsEnv:
		return "ENV_*"
	case ExpandsHere:
		return "here, ENV_*"
	case ExpandsSocket:
		return "here, program_name, ENV_*"
	case ExpandsProgram:
		return "here, program_name, host_node_name, group_name, ENV_*"
	case ExpandsHost:
		return "here, host_node_name, ENV_*"
	case ExpandsTwice:
		return "here, program_name, host_node_name, group_name, process_num, numprocs, ENV_*; two times"
	}
	return "here, program_name, host_node_name, group_name, process_num, numprocs, ENV_*"
}

// An Option describes one key of one kind of section.
type Option struct {
	Key     string
	Type    string  // what is accepted, in a few words
	Default string  // as a file would say it; "" for none
	Absent  string  // without a Default: what it means not to have the key
	Expands Expands // which names the value may use
	Help    string  // one line
}

// A SectionKind describes one kind of section.
type SectionKind struct {
	Name    string // "program:NAME"
	Help    string // one line
	Options []Option
	Free    bool // other keys are handed on as they are, and are no mistake
}

// The types of values. A typed value of addProgramToGroup is read by them.
const (
	typeAddress     = "[host:]port"
	typeBool        = "boolean"
	typeBytes       = "size in bytes, KB, MB or GB"
	typeCallable    = "module:callable"
	typeCommand     = "command"
	typeDir         = "directory that exists"
	typeEnvironment = "KEY=\"value\",..."
	typeExitCodes   = "numbers 0 to 255, with commas"
	typeGroup       = "group name or gid"
	typeInt         = "whole number"
	typeLevel       = "log level"
	typeList        = "words, with commas"
	typeLogFile     = "path, AUTO or NONE"
	typeMatch       = "patterns, with commas; * for any"
	typeName        = "name"
	typeOctal       = "octal number"
	typePath        = "path"
	typePatterns    = "file patterns, with blanks"
	typeRestart     = "boolean or unexpected"
	typeRole        = "view, operate, define or admin"
	typeSignal      = "signal"
	typeText        = "text"
	typeURL         = "URL"
	typeUser        = "user name or uid"
	typeUserGroup   = "user[:group]"
)

// A row is one line of a table of options: what it is, and how it is written
// into a T. The tables are the only place that knows a key.
type row[T any] struct {
	Option
	set func(r *reader, t *T, value string) error
}

// describe returns the manual's part of some tables; a key that several have
// is described once.
func describe(tables ...[]Option) []Option {
	var all []Option
	seen := map[string]bool{}
	for _, table := range tables {
		for _, o := range table {
			if !seen[o.Key] {
				seen[o.Key] = true
				all = append(all, o)
			}
		}
	}
	return all
}

// options returns the manual's part of one table.
func options[T any](rows []row[T]) []Option {
	all := make([]Option, len(rows))
	for i, r := range rows {
		all[i] = r.Option
	}
	return all
}

// A source is where the options of one section come from: a section of a
// file, or the struct of a client with values of any type.
type source struct {
	name    string // of the section
	file    string
	line    int
	section *ini.Section
	typed   map[string]any // of a client, if there is no section
	made    *Section       // if there is neither
	lines   map[string]int // where the options of made stand in file; nil if nobody knows
}

// client reports whether the options are read as addProgramToGroup does.
func (s *source) client() bool { return s.section == nil && (s.made == nil || s.made.Client) }

// sourceOf returns a section of a file as a source.
func sourceOf(s *ini.Section) *source {
	return &source{name: s.Name, file: s.File, line: s.Line, section: s}
}

// lookup returns the text of an option and where it was written.
func (s *source) lookup(o *Option) (found ini.Option, ok bool, err error) {
	if s.section != nil {
		found, ok = s.section.Lookup(o.Key)
		return found, ok, nil
	}
	if s.made != nil {
		text, ok := s.made.Lookup(o.Key)
		line := s.lines[o.Key]
		if line == 0 {
			line = s.line
		}
		return ini.Option{Key: o.Key, Value: text, File: s.file, Line: line}, ok, nil
	}
	v, ok := s.typed[o.Key]
	if !ok {
		return found, false, nil
	}
	found = ini.Option{Key: o.Key, File: s.file}
	found.Value, ok, err = untype(o, v)
	return found, ok, err
}

// has reports whether the section has an option. A nil value of a client is
// none.
func (s *source) has(key string) bool {
	if s.section != nil {
		_, ok := s.section.Lookup(key)
		return ok
	}
	if s.made != nil {
		_, ok := s.made.Lookup(key)
		return ok
	}
	return s.typed[key] != nil
}

// A reader reads one section by its tables.
type reader struct {
	*loader
	src    *source
	suffix string     // what the original adds to error texts
	vars   ini.Vars   // what values may use
	at     ini.Option // the option that is being read
}

// problem records an error of the option that is being read.
func (r *reader) problem(err error) {
	p := Problem{File: r.at.File, Line: r.at.Line, Section: r.src.name,
		Key: r.at.Key, Value: r.at.Value, Text: err.Error(), suffix: r.suffix}
	r.addProblem(p, err)
}

// missing records that the section lacks something.
func (r *reader) missing(err error) {
	p := Problem{File: r.src.file, Line: r.src.line, Section: r.src.name,
		Text: err.Error(), suffix: r.suffix}
	r.addProblem(p, err)
}

// blame records an error that shows late, at the option that caused it.
func (r *reader) blame(key string, err error) {
	found, ok, _ := r.src.lookup(&Option{Key: key})
	if !ok {
		found = ini.Option{Key: key, File: r.src.file, Line: r.src.line}
	}
	r.at = found
	r.problem(err)
}

// forgive turns an error into a message of the log where the load may go on
// with it: the process will say so again when it cannot start.
func (r *reader) forgive(err error) error {
	if err == nil || !r.tolerant {
		return err
	}
	p := Problem{File: r.at.File, Line: r.at.Line, Section: r.src.name,
		Key: r.at.Key, Value: r.at.Value, Text: err.Error()}
	r.forgiven(p)
	return nil
}

// value returns the expanded text of an option, or its default. ok is false if
// there is neither.
func (r *reader) value(o *Option) (value string, ok bool, err error) {
	r.at = ini.Option{Key: o.Key, File: r.src.file, Line: r.src.line}
	found, ok, err := r.src.lookup(o)
	switch {
	case ok || err != nil:
		r.at = found
	case o.Default == "":
		return "", false, nil
	default:
		r.at.Value = o.Default
	}
	if err != nil {
		return "", true, err
	}
	value = r.at.Value
	if o.Type == typeName || o.Type == typeEnvironment {
		return value, true, nil // expanded by those who use it
	}
	if !strings.Contains(value, "%") {
		return value, true, nil // spares making the name below
	}
	value, err = ini.Expand(value, r.src.name+"."+o.Key, r.vars)
	if err == nil && o.Expands == ExpandsTwice {
		value, err = ini.Expand(value, o.Key, r.vars)
	}
	return value, true, err
}

// read reads one option into t. With an error, t gets the default, so that the
// rest can be checked too.
func read[T any](r *reader, o *row[T], t *T) {
	value, ok, err := r.value(&o.Option)
	if !ok {
		return
	}
	if err == nil {
		err = o.set(r, t, value)
	}
	if err == nil {
		return
	}
	r.problem(err)
	if o.Default != "" {
		_ = o.set(r, t, o.Default) // it cannot fail in a way that was not just recorded
	}
}

// readAll reads the options of a table, in its order.
func readAll[T any](r *reader, rows []row[T], t *T) {
	for i := range rows {
		read(r, &rows[i], t)
	}
}
