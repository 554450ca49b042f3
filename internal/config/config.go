// Package config is the configuration of supervisord, read, checked and
// typed. Nothing in it changes after it was loaded.
//
// [Load] reads everything, reports every problem it finds, and returns either
// a whole [Config] or an [Errors]. The tables of options in this package are
// the only place that knows a key; [Sections] walks them for the manual.
package config

import (
	"os"

	"example.org/twiddler/internal/proc"
	"example.org/twiddler/level"
)

// A Config is one configuration, loaded whole. It never changes, so any
// number of goroutines may read it and call its methods.
type Config struct {
	Path string // of the main file, as given
	Here string // its directory, absolute

	Supervisord   Supervisord
	Servers       []Server       // in the order they are opened: inet first, then unix
	Accounts      []Account      // in file order
	RPCInterfaces []RPCInterface // in file order
	Groups        []*Group       // by priority, then name; overlays applied
	Overlays      []*Overlay     // those

	// SetAside are the files of overlays that could not be used. A tolerant
	// load goes on without them; they are to be moved out of the way.
	SetAside []string

	// Files are the groups as the configuration files alone have them, in the
	// order of Groups. Without overlays they are the Groups.
	Files []*Group

	// ServerURL is what children reach us by: the first unix server, else the
	// last inet server; "" without any.
	ServerURL string

	Messages []Message // what the parse has to say to the main log

	program programContext // what AddProgram needs to parse one more program
	opened  []Server       // those of the start: reading again does not open others
}

// A Message is one line for the main log.
type Message struct {
	Level level.Level
	Text  string
}

// Supervisord is the [supervisord] section, with the command line applied.
type Supervisord struct {
	Logfile         string // absolute; "" when LogSyslog
	LogSyslog       bool
	LogfileMaxBytes int64
	LogfileBackups  int
	LogLevel        level.Level
	Pidfile         string // absolute
	Umask           os.FileMode
	NoDaemon        bool
	Silent          bool
	MinFDs          int
	MinProcs        int
	NoCleanup       bool
	ChildLogDir     string
	User            string // name or uid; "" for none
	Directory       string // "" for none
	StripANSI       bool
	Environment     map[string]string
	Identifier      string
	Subreaper       bool // ours: adopt orphaned descendants, as PID 1 does
}

// A Server is one [unix_http_server] or [inet_http_server] section.
type Server struct {
	Section  string // the whole section name
	Unix     bool
	File     string // unix: absolute path
	Mode     os.FileMode
	UID, GID int    // unix: owner of the socket; -1 to leave
	Host     string // inet: "" for all
	Port     int
	Username string // "" for no authentication
	Password string // plain, or {SHA} and hexadecimal

	// Ours, for inet alone. Paths are absolute; "" for none.
	TLSCertificate, TLSKey, TLSClientCA string
	AllowUnauthenticatedNetwork         bool
}

// An RPCInterface is one [rpcinterface:x] section.
type RPCInterface struct {
	Section string
	Name    string            // the namespace
	Factory string            // module:callable
	Options map[string]string // all other keys
}

// Kind tells the three kinds of groups apart.
type Kind int

// A group of ordinary programs, a pool of event listeners, and a pool of
// processes that share a listening socket.
const (
	Programs Kind = iota
	EventListener
	FastCGI
)

// A Group is one process group.
type Group struct {
	Name      string
	Priority  int
	Kind      Kind
	Processes []*Process // in configuration order

	// EventListener only.
	BufferSize    int
	Events        []string // sorted
	ResultHandler string

	Socket *Socket // FastCGI only

	// Section is what the group itself was read from if it is not a [group:x]:
	// the section of its only program, of its listeners, of its FastCGI
	// processes. Nil for a [group:x].
	Section *Section

	// Base is the group of the configuration files that this one was changed
	// from at run time: itself as long as nothing was, and nil for a group
	// that no file has.
	Base *Group
}

// A Socket is what the processes of a [fcgi-program:x] share.
type Socket struct {
	URL      string // unix:///path or tcp://host:port, normalised
	Unix     bool
	Path     string // unix
	Host     string // tcp
	Port     int
	UID, GID int         // unix: owner; -1 to leave
	Mode     os.FileMode // unix
	Backlog  int         // 0 for the system's maximum
}

// A Process is the configuration of one process: everything that is needed to
// run it. Two processes of one program differ in name and expansions only.
type Process struct {
	proc.Spec

	Section     *Section
	Num         int    // process_num
	First       int    // process_num of the program's first process
	Count       int    // numprocs, when the section was read
	Program     string // name of the section, without its prefix
	Kind        Kind   // of the section it comes from
	Command     string // as written, after expansion
	Priority    int
	AutoStart   bool
	Directory   string // "" for none
	UID         int    // -1 for none
	User        string // as written; "" for none. Looked up again at each spawn
	Umask       int    // -1 for none
	Environment map[string]string
	ServerURL   string // "" for none; AUTO has been resolved

	// AutoServerURL says that serverurl is AUTO or not set at all. Config info
	// shows "none" then, not ServerURL.
	AutoServerURL bool

	RedirectStderr bool
	Stdout, Stderr Channel
}

// A Channel is the output of a process on one descriptor.
type Channel struct {
	Log             LogKind
	Path            string // LogFile only
	MaxBytes        int64
	Backups         int
	CaptureMaxBytes int64 // 0 for no capture mode
	Events          bool
	Syslog          bool
}

// LogKind says where a child's output goes.
type LogKind int

// No file, a file named by us in childlogdir, a file named by the user.
const (
	LogNone LogKind = iota
	LogAuto
	LogFile
)
