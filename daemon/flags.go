package daemon

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/getopt"
)

// options is the command line of supervisord. Supervisor 4.2.5, options.py,
// ServerOptions. There -t is short for --strip_ansi; here it tests the
// configuration, as it does for other daemons.
var options = []getopt.Option{
	{Name: "configuration", Short: 'c', Long: "configuration", Arg: true, Help: "read this configuration file"},
	{Name: "nodaemon", Short: 'n', Long: "nodaemon", Help: "stay in the foreground (nodaemon=true)"},
	{Name: "silent", Short: 's', Long: "silent", Help: "in the foreground, do not copy the log to standard output"},
	{Name: "test", Short: 't', Long: "test", Help: "check the configuration, list every problem, and exit with 0 or 2"},
	{Name: "help", Short: 'h', Long: "help", Help: "print this text and exit"},
	{Name: "help", Short: '?'},
	{Name: "version", Short: 'v', Long: "version", Help: "print the version and exit"},
	{Name: "user", Short: 'u', Long: "user", Arg: true, Help: "run as this user, by name or uid"},
	{Name: "umask", Short: 'm', Long: "umask", Arg: true, Help: "umask of the daemon, octal (022)"},
	{Name: "directory", Short: 'd', Long: "directory", Arg: true, Help: "working directory of the daemon"},
	{Name: "logfile", Short: 'l', Long: "logfile", Arg: true, Help: "write the main log here"},
	{Name: "logfile_maxbytes", Short: 'y', Long: "logfile_maxbytes", Arg: true, Help: "rotate it at this size (50MB)"},
	{Name: "logfile_backups", Short: 'z', Long: "logfile_backups", Arg: true, Help: "keep this many old ones (10)"},
	{Name: "loglevel", Short: 'e', Long: "loglevel", Arg: true, Help: "critical, error, warn, info, debug, trace or blather"},
	{Name: "pidfile", Short: 'j', Long: "pidfile", Arg: true, Help: "write the pid here"},
	{Name: "identifier", Short: 'i', Long: "identifier", Arg: true, Help: "name of this supervisord (supervisor)"},
	{Name: "childlogdir", Short: 'q', Long: "childlogdir", Arg: true, Help: "directory of automatic child logs"},
	{Name: "nocleanup", Short: 'k', Long: "nocleanup", Help: "keep the automatic child logs of earlier runs"},
	{Name: "minfds", Short: 'a', Long: "minfds", Arg: true, Help: "descriptors that must be available (1024)"},
	{Name: "strip_ansi", Long: "strip_ansi", Help: "strip escape sequences from child logs"},
	{Name: "minprocs", Long: "minprocs", Arg: true, Help: "processes that must be available (200)"},
	{Name: "profile_options", Long: "profile_options", Arg: true, Help: "accepted and ignored"},
}

// flags is a command line, read.
type flags struct {
	path                 string // -c; "" to search
	help, version, check bool
	overrides            []config.Override
}

func parseFlags(argv []string) (*flags, error) {
	settings, operands, err := getopt.Parse(argv[1:], options)
	if err != nil {
		return nil, &usageError{err}
	}
	f := &flags{}
	for _, s := range settings {
		switch s.Name {
		case "help":
			f.help = true
			return f, nil
		case "version":
			f.version = true
			return f, nil
		case "test":
			f.check = true
			continue
		case "configuration":
			f.path = s.Value
		}
		f.overrides = append(f.overrides, config.Override{Option: s.Name, Flag: s.Flag, Value: s.Value})
	}
	if len(operands) > 0 {
		return nil, &usageError{errors.New("positional arguments are not supported: " + list(operands))}
	}
	return f, nil
}

// list words strings as Python prints a list of them.
func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "'" + w + "'"
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func printHelp(w io.Writer, program string) {
	fmt.Fprintf(w, "Usage: %s [options]\n\nKeep programs running, and change which while they run.\n\nOptions:\n", program)
	for _, o := range options {
		if o.Help == "" {
			continue
		}
		var forms []string
		arg := ""
		if o.Arg {
			arg = " VALUE"
		}
		if o.Short != 0 {
			forms = append(forms, fmt.Sprintf("-%c%s", o.Short, arg))
		}
		forms = append(forms, "--"+o.Long+strings.Replace(arg, " ", "=", 1))
		fmt.Fprintf(w, "  %-42s %s\n", strings.Join(forms, ", "), o.Help)
	}
	fmt.Fprint(w, "\nOptions win over the configuration file.\n")
}
