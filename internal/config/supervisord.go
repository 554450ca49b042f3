package config

import (
	"maps"
	"os"
	"slices"

	"example.org/twiddler/internal/ini"
)

// supervisordOptions is the table of [supervisord], in the order in which the
// original reads it: the first error is the one it would report.
// Supervisor 4.2.5, options.py, read_config.
var supervisordOptions = []row[Supervisord]{
	{Option{"minfds", typeInt, "1024", "", ExpandsHere, "file descriptors that must be available"},
		func(_ *reader, s *Supervisord, v string) error { return setInt(&s.MinFDs, v) }},
	{Option{"minprocs", typeInt, "200", "", ExpandsHere, "processes that must be available"},
		func(_ *reader, s *Supervisord, v string) error { return setInt(&s.MinProcs, v) }},
	{Option{"directory", typeDir, "", "stay", ExpandsHere, "directory to change to when daemonizing"},
		func(r *reader, s *Supervisord, v string) (err error) {
			s.Directory, err = r.existingDirectory(v)
			return err
		}},
	{Option{"user", typeUser, "", "stay", ExpandsHere, "user to switch to after the start as root"},
		func(r *reader, s *Supervisord, v string) error {
			s.User = v
			r.userAt = &Problem{File: r.at.File, Line: r.at.Line, Section: r.src.name, Key: "user", Value: r.at.Value}
			return nil
		}},
	{Option{"umask", typeOctal, "022", "", ExpandsHere, "umask when daemonizing"},
		func(_ *reader, s *Supervisord, v string) error {
			mask, err := octal(v)
			s.Umask = os.FileMode(mask)
			return err
		}},
	{Option{"logfile", typePath, "supervisord.log", "", ExpandsHere, "main log; syslog for the system's log"},
		func(r *reader, s *Supervisord, v string) (err error) {
			s.Logfile, err = r.existingDirPath(v)
			return err
		}},
	{Option{"logfile_maxbytes", typeBytes, "50MB", "", ExpandsHere, "size at which the main log is rotated; 0 for never"},
		func(_ *reader, s *Supervisord, v string) (err error) {
			s.LogfileMaxBytes, err = byteSize(v)
			return err
		}},
	{Option{"logfile_backups", typeInt, "10", "", ExpandsHere, "rotated main logs that are kept"},
		func(_ *reader, s *Supervisord, v string) error { return setInt(&s.LogfileBackups, v) }},
	{Option{"loglevel", typeLevel, "info", "", ExpandsHere, "least severity that is logged"},
		func(_ *reader, s *Supervisord, v string) (err error) { s.LogLevel, err = logLevel(v); return err }},
	{Option{"pidfile", typePath, "supervisord.pid", "", ExpandsHere, "file with the pid of supervisord"},
		func(r *reader, s *Supervisord, v string) (err error) {
			s.Pidfile, err = r.existingDirPath(v)
			return err
		}},
	{Option{"identifier", typeText, "supervisor", "", ExpandsHere, "name of this instance, in event headers and AUTO log names"},
		func(_ *reader, s *Supervisord, v string) error { s.Identifier = v; return nil }},
	{Option{"nodaemon", typeBool, "false", "", ExpandsHere, "stay in the foreground"},
		func(_ *reader, s *Supervisord, v string) (err error) { s.NoDaemon, err = boolean(v); return err }},
	{Option{"silent", typeBool, "false", "", ExpandsHere, "in the foreground, do not copy the log to stdout"},
		func(_ *reader, s *Supervisord, v string) (err error) { s.Silent, err = boolean(v); return err }},
	{Option{"childlogdir", typeDir, "", "the system's directory for temporary files", ExpandsHere, "directory of AUTO logs"},
		func(r *reader, s *Supervisord, v string) (err error) {
			s.ChildLogDir, err = r.existingDirectory(v)
			return err
		}},
	{Option{"nocleanup", typeBool, "false", "", ExpandsHere, "keep the AUTO logs of earlier runs at the start"},
		func(_ *reader, s *Supervisord, v string) (err error) { s.NoCleanup, err = boolean(v); return err }},
	{Option{"strip_ansi", typeBool, "false", "", ExpandsHere, "remove ANSI escape sequences from child logs"},
		func(_ *reader, s *Supervisord, v string) (err error) { s.StripANSI, err = boolean(v); return err }},
	{Option{"environment", typeEnvironment, "", "empty", ExpandsHost, "variables for all children, and ENV_* in what follows"},
		setGlobalEnvironment},
	{Option{"subreaper", typeBool, "false", "", ExpandsHere, "adopt orphaned descendants, as PID 1 does; Linux, and not in the original"},
		func(_ *reader, s *Supervisord, v string) (err error) { s.Subreaper, err = boolean(v); return err }},
}

// setGlobalEnvironment reads environment=, which the original expands by
// itself, with names of its own.
func setGlobalEnvironment(r *reader, s *Supervisord, v string) error {
	v, err := ini.Expand(v, "environment", r.hostVars())
	if err == nil {
		s.Environment, err = ini.Environment(v)
	}
	return err
}

// setInt writes a whole number.
func setInt(to *int, v string) error {
	n, err := integer(v)
	*to = int(n)
	return err
}

// supervisord reads [supervisord].
func (l *loader) supervisord(c *Config) {
	s := &c.Supervisord
	r := l.reader(l.doc.Section("supervisord"), l.hereVars())
	s.ChildLogDir = l.o.TempDir
	readAll(r, supervisordOptions, s)
	env := maps.Clone(l.env)
	maps.Copy(env, s.Environment)
	l.env, l.global = env, s.Environment
}

// flagOnly are options of the command line that no file has.
var flagOnly = []string{"configuration", "profile_options"}

// override finds the row of an option.
func override(key string) *row[Supervisord] {
	i := slices.IndexFunc(supervisordOptions, func(o row[Supervisord]) bool { return o.Key == key })
	if i < 0 {
		return nil
	}
	return &supervisordOptions[i]
}

// checkOverrides looks at the command line, as the original does before it
// reads any file. Supervisor 4.2.5, options.py, Options.realize.
func (l *loader) checkOverrides() {
	given := map[string]bool{}
	for _, o := range l.o.Overrides {
		if !slices.Contains(flagOnly, o.Option) && override(o.Option) == nil {
			l.flagProblem(o, wrong("option %s not recognized", o.Flag))
			continue
		}
		var unused Supervisord
		if err := l.override(o, &unused); err != nil {
			l.flagProblem(o, wrong("invalid value for %s %s: %v", o.Flag, ini.Repr(o.Value), err))
		}
		if given[o.Option] {
			l.flagProblem(o, wrong("conflicting command line option %s", ini.Repr(o.Flag)))
		}
		given[o.Option] = true
	}
}

// flagProblem records a problem of the command line.
func (l *loader) flagProblem(o Override, err error) {
	l.addProblem(Problem{Text: err.Error()}, err)
}

// override writes one option of the command line over s.
func (l *loader) override(o Override, s *Supervisord) error {
	row := override(o.Option)
	if row == nil {
		return nil
	}
	value := o.Value
	if row.Type == typeBool {
		value = "true" // a flag can only switch on
	}
	return row.set(&reader{loader: l, src: &source{}}, s, value)
}

// applyOverrides writes the command line over what the file says.
func (l *loader) applyOverrides(s *Supervisord) {
	for _, o := range l.o.Overrides {
		_ = l.override(o, s) // checkOverrides has reported it
	}
}

// checkSupervisordUser looks for the user to run as, which the original does
// last of all, and only when it starts.
func (l *loader) checkSupervisordUser(s *Supervisord) {
	if l.userAt == nil || l.o.Live != nil {
		return
	}
	if _, _, err := l.user(s.User); err != nil {
		l.userAt.Text = err.Error()
		l.addProblem(*l.userAt, err)
	}
}
