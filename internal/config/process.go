package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.org/twiddler/internal/ini"
	"example.org/twiddler/level"
)

// maxProcesses bounds numprocs. The original has no bound and dies of it.
const maxProcesses = 100_000

// A section of programs is read for a group; the same one may be read again
// for another group that names it.
type programReader struct {
	*reader
	prog program
}

// processes reads a section of programs, and returns the processes it
// describes for a group, sorted by name. With an error, what can be read is
// checked, and the result is of no use.
// Supervisor 4.2.5, options.py, processes_from_section.
func (l *loader) processes(src *source, group string, kind Kind) []*Process {
	r := &reader{loader: l, src: src, suffix: fmt.Sprintf(" in section %s (file: %s)",
		ini.Repr(src.name), ini.Repr(src.file))}
	pr := &programReader{reader: r}
	program, err := checkName(afterColon(src.name))
	if err != nil {
		r.at = ini.Option{File: src.file, Line: src.line}
		r.problem(err)
		return nil
	}
	pr.prog.Process = Process{Program: program, Kind: kind, UID: -1, Umask: -1, Section: l.sectionOf(src)}
	pr.prog.Group = group
	vars := ini.Vars{}
	if !src.client() {
		vars = l.envVars() // a program that a client adds knows them only later
	}
	names := []ini.Var{
		ini.String("here", l.here),
		ini.String("program_name", program),
		ini.String("host_node_name", l.o.Hostname),
		ini.String("group_name", group),
	}
	r.vars = vars.With(names...)
	readAll(r, programOptions, &pr.prog)
	pr.checkOnce()
	return pr.each(l.envVars().With(names...))
}

// checkOnce checks how the options read once go together.
func (r *programReader) checkOnce() {
	p := &r.prog
	if p.count > 1 && !strings.Contains(p.nameFormat, "%(process_num)") {
		r.blame("numprocs", wrong("%%(process_num) must be present within process_name when numprocs > 1"))
	}
	if p.StopAsGroup && !p.KillAsGroup {
		r.blame("killasgroup", wrong("Cannot set stopasgroup=true and killasgroup=false"))
	}
}

// each returns the single processes. It stops at the first one that has a
// problem: the others would have the same.
func (r *programReader) each(vars ini.Vars) []*Process {
	p := &r.prog
	before := len(r.problems)
	p.First, p.Count = p.first, max(p.count, 0)
	all := make([]*Process, 0, p.Count)
	for i := range p.Count {
		p.Num = p.first + i
		num := ini.Int("process_num", p.Num)
		all = append(all, r.process(vars.With(num, ini.Int("numprocs", p.count))))
		if len(r.problems) > before {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b *Process) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// process reads what each process has of its own.
func (r *programReader) process(vars ini.Vars) *Process {
	p := r.prog
	r.vars = vars
	r.environment(&p)
	readAll(r.reader, processOptions, &p)
	r.settleLogs(&p)
	if !r.src.has("command") {
		r.missing(wrong("program section %s does not specify a command", r.src.name))
	}
	r.name(&p)
	process := p.Process
	return &process
}

// name expands the name of a process.
func (r *programReader) name(p *program) {
	var err error
	p.Name, err = ini.Expand(p.nameFormat, "process_name", r.vars)
	if err == nil && p.Name == "" && r.src.section == nil {
		// The original takes it, and getAllProcessInfo fails from then on.
		err = wrong("process_name is empty")
	}
	if err != nil {
		r.blame("process_name", err)
	}
}

// environment reads environment=, whose names the other options may use.
func (r *programReader) environment(p *program) {
	if p.envFormat != "" {
		v, err := ini.Expand(p.envFormat, "environment", r.vars)
		if err == nil {
			p.Environment, err = ini.Environment(v)
		}
		if err != nil {
			r.blame("environment", err)
		}
	}
	if len(p.Environment) > 0 {
		r.vars = r.vars.WithTable("ENV_", p.Environment)
	}
	if r.src.client() {
		return // a program that a client adds does not get the global ones
	}
	switch {
	case len(p.Environment) == 0:
		p.Environment = r.global
	case len(r.global) > 0:
		all := maps.Clone(r.global)
		maps.Copy(all, p.Environment)
		p.Environment = all
	}
}

// settleLogs applies what the log options of a process mean for each other.
// The texts are those of Supervisor 4.2.5, options.py.
func (r *programReader) settleLogs(p *program) {
	r.settleLog(&p.Stdout, p.stdoutFile, "stdout")
	r.settleLog(&p.Stderr, p.stderrFile, "stderr")
	if !p.RedirectStderr {
		return
	}
	if p.stderrFile.named {
		r.say(level.Warn, "For [%s], redirect_stderr=true but stderr_logfile has also been set "+
			"to a filename, the filename has been ignored", r.src.name)
	}
	p.Stderr.Log, p.Stderr.Path = LogNone, ""
}

// settleLog does so for one channel.
func (r *programReader) settleLog(c *Channel, file logName, std string) {
	if file.syslog {
		r.say(level.Warn, "For [%s], %s_logfile=syslog but this is deprecated and will be removed.  "+
			"Use %s_syslog=true to enable syslog instead.", r.src.name, std, std)
		c.Syslog = true
	}
	if c.Log == LogAuto && c.MaxBytes == 0 {
		r.say(level.Warn, "For [%s], AUTO logging used for %s_logfile without rollover, set maxbytes > 0 "+
			"to avoid filling up filesystem unintentionally", r.src.name, std)
	}
}
