package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"example.org/twiddler/ext"
	"example.org/twiddler/internal/config"
	"example.org/twiddler/internal/event"
	"example.org/twiddler/internal/listener"
	"example.org/twiddler/internal/sys/unix"
	"example.org/twiddler/level"
)

// mainFactory is what stands in every configuration file for the namespace
// "supervisor".
const mainFactory = "supervisor.rpcinterface:make_main_rpcinterface"

// find returns the configuration file, searching for it without -c.
func (d *daemon) find() (string, error) {
	if d.flags.path != "" {
		return d.flags.path, nil
	}
	cwd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot tell the current directory: %v", err)
	}
	path, err := config.Find(d.argv[0], cwd, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
	if err != nil {
		return "", &usageError{err}
	}
	return path, nil
}

// warnRoot is said once, by root without -c, unless the command line is wrong
// already. Supervisor 4.2.5, options.py, Options.realize.
func (d *daemon) warnRoot(err error) {
	var wrong *config.Errors
	if d.flags.path != "" || os.Getuid() != 0 || d.warned || errors.As(err, &wrong) && wrong.Problems[0].File == "" {
		return
	}
	d.warned = true
	fmt.Fprintln(d.stderr, "Warning: Supervisord is running as root and it is searching for its configuration file in "+
		"default locations (including its current working directory); you probably want to specify a \"-c\" argument "+
		"specifying an absolute path to a configuration file for improved security.")
}

// loadOptions is what the configuration is loaded with, and where it is.
func (d *daemon) loadOptions() (config.LoadOptions, error) {
	path, err := d.find()
	if err != nil {
		return config.LoadOptions{}, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return config.LoadOptions{}, fmt.Errorf("cannot tell the current directory: %v", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return config.LoadOptions{}, fmt.Errorf("cannot tell the host name: %v", err)
	}
	return config.LoadOptions{
		Path:      path,
		Overrides: d.flags.overrides,
		Environ:   os.Environ(),
		Hostname:  host,
		Cwd:       cwd,
		TempDir:   tempDir(cwd),
		UID:       os.Getuid(),
		LookupUser: func(name string) (uid, gid int, err error) {
			u, err := unix.LookupUser(name)
			return u.UID, u.GID, err
		},
		LookupGroup: unix.LookupGroup,
		LookupHost:  lookupHost,
		HomeDir:     homeDir,
		KnownFactory: func(spec string) error {
			if spec == mainFactory {
				return nil
			}
			_, err := ext.Lookup(d.factories, spec)
			return err
		},
		KnownHandlers: func(spec string) error {
			if _, ok := listener.ParseHandler(spec); ok {
				return nil
			}
			return errors.New("no such handler is built in")
		},
		KnownEvents: event.Known,
		Overlays: func(s config.Supervisord, sections []config.RPCInterface) ([]*config.Overlay, error) {
			return overlays(path, beside(cwd, filepath.Dir(path)), d.factories, s, sections)
		},
	}, nil
}

// lookupTimeout bounds the time that a name server may take at a start.
const lookupTimeout = 5 * time.Second

func lookupHost(name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}

// tempDir is the default of childlogdir: the first of Python's temporary
// directories that can be written to.
func tempDir(cwd string) string {
	dirs := []string{os.Getenv("TMPDIR"), os.Getenv("TEMP"), os.Getenv("TMP"), "/tmp", "/var/tmp", "/usr/tmp"}
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		if f, err := os.CreateTemp(dir, "twiddler-probe-"); err == nil {
			f.Close()
			if os.Remove(f.Name()) == nil {
				return dir
			}
		}
	}
	return cwd
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

// load reads the configuration for a start. What only concerns one program is
// left to that program.
func (d *daemon) load() (*config.Config, error) {
	o, err := d.loadOptions()
	if err != nil {
		return nil, err
	}
	o.Tolerant = true
	read := o.Overlays
	o.Overlays = func(s config.Supervisord, sections []config.RPCInterface) ([]*config.Overlay, error) {
		if _, _, err := asked(sections, d.factories); err != nil {
			return nil, nil // the section is refused soon, in the original's words
		}
		return read(s, sections)
	}
	cfg, err := config.Load(o)
	d.warnRoot(err)
	if err != nil {
		return nil, &usageError{err}
	}
	return cfg, nil
}

// reload reads the configuration again while it is in force.
func (d *daemon) reload(live *config.Config) (*config.Config, error) {
	o, err := d.loadOptions()
	if err != nil {
		return nil, err
	}
	o.Live = live
	return config.Load(o)
}

// check is supervisord -t: it lists all that is wrong, and all that is odd.
func (d *daemon) check() int {
	o, err := d.loadOptions()
	if err != nil {
		return complain(d.stderr, d.argv[0], err)
	}
	cfg, err := config.Load(o)
	var problems *config.Errors
	switch {
	case errors.As(err, &problems):
		lines := problems.List()
		for _, line := range lines {
			fmt.Fprintf(d.stderr, "error: %s\n", line)
		}
		d.warn(problems.Messages)
		fmt.Fprintf(d.stderr, "%s: %s found\n", o.Path, count(len(lines), "problem"))
		return 2
	case err != nil:
		return complain(d.stderr, d.argv[0], &usageError{err})
	}
	d.warn(cfg.Messages)
	processes := 0
	for _, g := range cfg.Groups {
		processes += len(g.Processes)
	}
	fmt.Fprintf(d.stdout, "%s: good, with %s in %s\n", o.Path, count(processes, "process"), count(len(cfg.Groups), "group"))
	return 0
}

// warn prints what the log would say at WARN.
func (d *daemon) warn(messages []config.Message) {
	for _, m := range messages {
		if m.Level >= level.Warn {
			fmt.Fprintf(d.stderr, "warning: %s\n", m.Text)
		}
	}
}

func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "process":
		return fmt.Sprintf("%d processes", n)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
