package config

import "net/netip"

// LoadOptions is all that [Load] takes from outside the configuration files.
// But for the files and directories the configuration names, nothing else of
// the environment is looked at.
type LoadOptions struct {
	Path      string     // of the main file; relative to Cwd
	Overrides []Override // the command line

	Environ  []string // "KEY=value", for %(ENV_KEY)s
	Hostname string   // for %(host_node_name)s, as uname -n has it
	Cwd      string   // absolute; what relative paths are relative to
	TempDir  string   // the default of childlogdir
	UID      int      // we run as

	// LookupUser finds a user by name or by decimal uid, LookupGroup a group.
	// Nil knows nobody. Only the fact of an error counts, not its text.
	LookupUser  func(nameOrUID string) (uid, gid int, err error)
	LookupGroup func(nameOrGID string) (gid int, err error)
	// LookupHost returns the addresses of a host name, to tell whether a server
	// is open to other machines. Nil knows none.
	LookupHost func(name string) ([]netip.Addr, error)
	// HomeDir is the home of a user, of UID for "". It is asked for ~ when
	// Environ has no HOME. Nil knows none.
	HomeDir func(user string) (string, bool)

	// KnownFactory says why an rpcinterface factory cannot be used, and
	// KnownHandlers why a result_handler cannot be; the text follows "cannot be
	// resolved within [section]: ". Nil accepts all.
	KnownFactory  func(spec string) error
	KnownHandlers func(spec string) error
	// KnownEvents reports whether listeners can subscribe to that name, which
	// is in capitals. Nil knows those of Supervisor.
	KnownEvents func(name string) bool

	// Overlays returns what was changed at run time and is to be kept: it is
	// asked when all files have been read, and each overlay is merged into the
	// groups. An error that is an [*Errors] has all that is wrong, with its
	// places. Nil has none.
	Overlays func(Supervisord, []RPCInterface) ([]*Overlay, error)

	// Tolerant loads a program whose user or log directory does not exist, and
	// has a message about it; that program will not start. It is for the
	// start, when other programs should not suffer.
	Tolerant bool
	// Live is the configuration in force when this one is read again. Its
	// server and environment names stay, as Supervisor's do; the user of
	// supervisord is not looked up.
	Live *Config
}

// An Override is one option of supervisord's command line.
type Override struct {
	Option string // "loglevel": as in [supervisord], or configuration or profile_options
	Flag   string // as written: "-e", "--loglevel"; a prefix already completed
	Value  string // "" for those that take none
}
