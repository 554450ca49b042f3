package config

import (
	"slices"
	"strings"
)

// A program is a section of programs while it is read. What is read once
// stands in Process when the copies for the single processes are made.
type program struct {
	Process

	count, first int    // numprocs, numprocs_start
	nameFormat   string // process_name, not expanded
	envFormat    string // environment, not expanded

	stdoutFile, stderrFile logName
}

// A logName is what became of one log file name.
type logName struct {
	syslog bool // the word syslog, which is deprecated
	named  bool // a file name, even an empty one
}

// programOptions are the options read once for all processes of a section, in
// the order in which the original reads them.
// Supervisor 4.2.5, options.py, _processes_from_section.
var programOptions = []row[program]{
	{Option{"priority", typeInt, "999", "", ExpandsProgram, "order of start and stop, low first; of the group and of its processes"},
		func(_ *reader, p *program, v string) error { return setInt(&p.Priority, v) }},
	{Option{"autostart", typeBool, "true", "", ExpandsProgram, "start with supervisord"},
		func(_ *reader, p *program, v string) (err error) { p.AutoStart, err = boolean(v); return err }},
	{Option{"autorestart", typeRestart, "unexpected", "", ExpandsProgram, "start again after an exit: never, always, or after an exit code that is not in exitcodes"},
		func(_ *reader, p *program, v string) (err error) { p.AutoRestart, err = autoRestart(v); return err }},
	{Option{"startsecs", typeInt, "1", "", ExpandsProgram, "seconds a process must stay up to be RUNNING"},
		func(_ *reader, p *program, v string) error {
			n, err := integer(v)
			p.StartWait = seconds(n)
			return err
		}},
	{Option{"startretries", typeInt, "3", "", ExpandsProgram, "failed starts, after the first, before FATAL"},
		func(_ *reader, p *program, v string) error { return setInt(&p.StartRetries, v) }},
	{Option{"stopsignal", typeSignal, "TERM", "", ExpandsProgram, "signal that asks a process to stop"},
		func(_ *reader, p *program, v string) (err error) { p.StopSignal, err = ParseSignal(v); return err }},
	{Option{"stopwaitsecs", typeInt, "10", "", ExpandsProgram, "seconds from the stop signal to SIGKILL"},
		func(_ *reader, p *program, v string) error {
			n, err := integer(v)
			p.StopWait = seconds(n)
			return err
		}},
	{Option{"stopasgroup", typeBool, "false", "", ExpandsProgram, "send the stop signal to the whole process group"},
		func(_ *reader, p *program, v string) (err error) {
			p.StopAsGroup, err = boolean(v)
			p.KillAsGroup = p.StopAsGroup
			return err
		}},
	{Option{"killasgroup", typeBool, "", "as stopasgroup", ExpandsProgram, "send SIGKILL to the whole process group"},
		func(_ *reader, p *program, v string) (err error) { p.KillAsGroup, err = boolean(v); return err }},
	{Option{"exitcodes", typeExitCodes, "0", "", ExpandsProgram, "exit codes that are expected"},
		func(_ *reader, p *program, v string) (err error) { p.ExitCodes, err = exitCodes(v); return err }},
	{Option{"redirect_stderr", typeBool, "false", "", ExpandsProgram, "send stderr where stdout goes"},
		func(_ *reader, p *program, v string) (err error) { p.RedirectStderr, err = boolean(v); return err }},
	{Option{"numprocs", typeInt, "1", "", ExpandsProgram, "number of processes"},
		func(_ *reader, p *program, v string) error {
			err := setInt(&p.count, v)
			if err == nil && p.count > maxProcesses {
				err = wrong("numprocs is above upper bound (%d)", maxProcesses)
			}
			return err
		}},
	{Option{"numprocs_start", typeInt, "0", "", ExpandsProgram, "process_num of the first process"},
		func(_ *reader, p *program, v string) error { return setInt(&p.first, v) }},
	{Option{"environment", typeEnvironment, "", "empty", ExpandsProcess, "variables for the process"},
		func(_ *reader, p *program, v string) error { p.envFormat = v; return nil }},
	{Option{"stdout_capture_maxbytes", typeBytes, "0", "", ExpandsProgram, "most bytes between capture tags on stdout; 0 for no capture mode"},
		func(_ *reader, p *program, v string) (err error) {
			p.Stdout.CaptureMaxBytes, err = byteSize(v)
			return err
		}},
	{Option{"stdout_events_enabled", typeBool, "false", "", ExpandsProgram, "send PROCESS_LOG_STDOUT events"},
		func(_ *reader, p *program, v string) (err error) { p.Stdout.Events, err = boolean(v); return err }},
	{Option{"stderr_capture_maxbytes", typeBytes, "0", "", ExpandsProgram, "most bytes between capture tags on stderr; 0 for no capture mode"},
		func(_ *reader, p *program, v string) (err error) {
			p.Stderr.CaptureMaxBytes, err = byteSize(v)
			return err
		}},
	{Option{"stderr_events_enabled", typeBool, "false", "", ExpandsProgram, "send PROCESS_LOG_STDERR events"},
		func(_ *reader, p *program, v string) (err error) { p.Stderr.Events, err = boolean(v); return err }},
	{Option{"serverurl", typeURL, "AUTO", "", ExpandsProgram, "SUPERVISOR_SERVER_URL of the process; AUTO for our own, empty for none"},
		func(_ *reader, p *program, v string) error {
			p.AutoServerURL = strings.EqualFold(strip(v), "AUTO")
			if p.ServerURL = v; p.AutoServerURL {
				p.ServerURL = ""
			}
			return nil
		}},
	{Option{"user", typeUser, "", "as supervisord", ExpandsProgram, "user the process runs as"},
		func(r *reader, p *program, v string) (err error) {
			p.User = v
			p.UID, _, err = r.loader.user(v)
			if v == "" {
				return err // an empty user would mean none, which may be root
			}
			return r.forgive(err)
		}},
	{Option{"umask", typeOctal, "", "as supervisord", ExpandsProgram, "umask of the process"},
		func(_ *reader, p *program, v string) (err error) { p.Umask, err = octal(v); return err }},
	{Option{"process_name", typeName, "%(program_name)s", "", ExpandsProcess, "name of the process; needs %(process_num) if there are several"},
		func(_ *reader, p *program, v string) (err error) { p.nameFormat, err = checkName(v); return err }},
}

// processOptions are the options read for each process.
var processOptions = slices.Concat(
	[]row[program]{
		{Option{"directory", typeText, "", "as supervisord", ExpandsProcess, "directory the process starts in"},
			func(_ *reader, p *program, v string) error { p.Directory = v; return nil }},
	},
	channelOptions("stdout", func(p *program) (*Channel, *logName) { return &p.Stdout, &p.stdoutFile }),
	channelOptions("stderr", func(p *program) (*Channel, *logName) { return &p.Stderr, &p.stderrFile }),
	[]row[program]{
		{Option{"command", typeCommand, "", "an error", ExpandsProcess, "program and arguments"},
			func(_ *reader, p *program, v string) error { p.Command = v; return nil }},
	},
)

// channelOptions are the options of one output of a process.
func channelOptions(std string, of func(*program) (*Channel, *logName)) []row[program] {
	return []row[program]{
		{Option{std + "_logfile", typeLogFile, "AUTO", "", ExpandsTwice, "log of " + std + "; AUTO for a file of its own in childlogdir"},
			func(r *reader, p *program, v string) error {
				channel, file := of(p)
				return setLogFile(r, channel, file, v)
			}},
		{Option{std + "_logfile_backups", typeInt, "10", "", ExpandsProcess, "rotated logs of " + std + " that are kept"},
			func(_ *reader, p *program, v string) error {
				channel, _ := of(p)
				return setInt(&channel.Backups, v)
			}},
		{Option{std + "_logfile_maxbytes", typeBytes, "50MB", "", ExpandsProcess, "size at which the log of " + std + " is rotated; 0 for never"},
			func(_ *reader, p *program, v string) (err error) {
				channel, _ := of(p)
				channel.MaxBytes, err = byteSize(v)
				return err
			}},
		{Option{std + "_syslog", typeBool, "false", "", ExpandsProcess, "send " + std + " to the system's log"},
			func(_ *reader, p *program, v string) (err error) {
				channel, _ := of(p)
				channel.Syslog, err = boolean(v)
				return err
			}},
	}
}

// setLogFile is Supervisor 4.2.5, datatypes.py, logfile_name. An empty name is
// no file.
func setLogFile(r *reader, c *Channel, file *logName, v string) error {
	*file = logName{}
	switch strings.ToLower(v) {
	case "none", "off":
		c.Log, c.Path = LogNone, ""
	case "auto":
		c.Log, c.Path = LogAuto, ""
	case "syslog":
		c.Log, c.Path = LogNone, ""
		file.syslog = true
	default:
		path, err := r.existingDirPath(v)
		file.named = true
		c.Log, c.Path = LogFile, path
		if path == "" {
			c.Log = LogNone
		}
		return r.forgive(err)
	}
	return nil
}
