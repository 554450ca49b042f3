package ctl

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"

	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/getopt"
	"example.org/twiddler/internal/ini"
)

// optionTable is the command line. Supervisor 4.2.5, options.py,
// ClientOptions. There -r has no effect; here it does what it says.
var optionTable = []getopt.Option{
	{Name: "configuration", Short: 'c', Long: "configuration", Arg: true, Help: "read this configuration file"},
	{Name: "help", Short: 'h', Long: "help", Help: "print this text and exit"},
	{Name: "help", Short: '?'},
	{Name: "interactive", Short: 'i', Long: "interactive", Help: "ask as the shell does, before a shutdown and for a password"},
	{Name: "serverurl", Short: 's', Long: "serverurl", Arg: true, Help: "talk to this server: http://host:port, https://host:port or unix:///path"},
	{Name: "username", Short: 'u', Long: "username", Arg: true, Help: "send this user name"},
	{Name: "password", Short: 'p', Long: "password", Arg: true, Help: "send this password"},
	{Name: "history_file", Short: 'r', Long: "history_file", Arg: true, Help: "keep the history of the shell in this file"},
}

// flags is a command line, read.
type flags struct {
	help     bool
	values   map[string]string // by name of the option; absent if not given
	operands []string
}

func parseFlags(args []string) (*flags, error) {
	settings, operands, err := getopt.Parse(args, optionTable)
	if err != nil {
		return nil, err
	}
	f := &flags{values: map[string]string{}, operands: operands}
	for _, s := range settings {
		if s.Name == "help" {
			f.help = true
			return f, nil
		}
		if s.Name == "serverurl" && !isURL(s.Value) {
			return nil, fmt.Errorf("invalid value for %s %s: value %s is not a URL",
				s.Flag, ini.Repr(s.Value), ini.Repr(s.Value))
		}
		if _, twice := f.values[s.Name]; twice {
			return nil, fmt.Errorf("conflicting command line option '%s'", s.Flag)
		}
		f.values[s.Name] = s.Value
	}
	return f, nil
}

// isURL is Supervisor 4.2.5, datatypes.py, url: there is a scheme, and
// something after it.
func isURL(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || scheme == "" || !isWord(strings.ReplaceAll(scheme, "+", "-")) || scheme[0] < 'A' {
		return false
	}
	rest = strings.TrimPrefix(rest, "//")
	if end := strings.IndexAny(rest, "?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest != ""
}

// options is the command line and the configuration file together.
type options struct {
	program     string
	url         string
	username    string
	password    string
	credentials bool // both were given; sent only then
	prompt      string
	history     string // path; "" for none
	interactive bool
	plugins     []config.RPCInterface

	tlsCA, tlsCertificate, tlsKey string // paths; "" for none
}

// A syntaxError is a file that is no configuration file at all.
type syntaxError struct{ err error }

func (e *syntaxError) Error() string { return e.err.Error() }

// configure reads the configuration file, the one named or the first that is
// found, and lets the command line win. Without a file there are defaults.
func configure(program string, f *flags) (*options, error) {
	control, err := loadControl(program, f)
	if err != nil {
		return nil, err
	}
	o := &options{
		program:  program,
		url:      control.ServerURL,
		username: control.Username,
		password: control.Password,
		prompt:   control.Prompt,
		history:  control.HistoryFile,
		plugins:  control.Plugins,

		tlsCA: control.TLSCA, tlsCertificate: control.TLSCertificate, tlsKey: control.TLSKey,
	}
	for name, into := range map[string]*string{
		"serverurl": &o.url, "username": &o.username, "password": &o.password, "history_file": &o.history,
	} {
		if v, ok := f.values[name]; ok {
			*into = v
		}
	}
	_, hasName := f.values["username"]
	_, hasPassword := f.values["password"]
	o.credentials = (hasName || control.HasUsername) && (hasPassword || control.HasPassword)
	_, o.interactive = f.values["interactive"]
	o.interactive = o.interactive || len(f.operands) == 0
	return o, nil
}

func loadControl(program string, f *flags) (*config.Control, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("cannot tell the current directory: %v", err)
	}
	path, ok := f.values["configuration"]
	if !ok {
		path, err = config.Find(program, cwd, func(path string) bool {
			_, err := os.Stat(path)
			return err == nil
		})
		if err != nil {
			return &config.Control{ServerURL: "http://localhost:9001", Prompt: "supervisor"}, nil
		}
	}
	control, err := config.LoadControl(config.LoadOptions{
		Path: path, Environ: os.Environ(), Cwd: cwd, UID: os.Getuid(), HomeDir: homeDir,
	})
	var problems *config.Errors
	if errors.As(err, &problems) && problems.Problems[0].Line > 0 && problems.Problems[0].Section == "" {
		return nil, &syntaxError{err}
	}
	return control, err
}

func homeDir(name string) (string, bool) {
	var u *user.User
	var err error
	if name == "" {
		u, err = user.Current()
	} else {
		u, err = user.Lookup(name)
	}
	if err != nil || u.HomeDir == "" {
		return "", false
	}
	return u.HomeDir, true
}

func printUsage(w io.Writer, program string) {
	fmt.Fprintf(w, "Usage: %s [options] [command [arguments]]\n\n"+
		"Control the programs of a supervisord. Without a command, a shell reads commands;\n"+
		"\"%s help\" lists them.\n\nOptions:\n", program, program)
	for _, o := range optionTable {
		if o.Help == "" {
			continue
		}
		value := ""
		if o.Arg {
			value = " VALUE"
		}
		forms := fmt.Sprintf("-%c%s, --%s%s", o.Short, value, o.Long, strings.Replace(value, " ", "=", 1))
		fmt.Fprintf(w, "  %-42s %s\n", forms, o.Help)
	}
	fmt.Fprint(w, "\nOptions win over the section [supervisorctl] of the configuration file.\n")
}
