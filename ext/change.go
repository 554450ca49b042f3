package ext

import (
	"context"
	"time"
)

// Changes is how an extension changes what runs. Each method is one command:
// it is checked whole and carried out whole, or not at all. All are safe for
// concurrent use.
//
// The caller is that of ctx, see [CallerOf]: it needs the role Define for the
// groups it changes, and what it adds has to be within its policy. Faults:
// NOT_PERMITTED; SHUTDOWN_STATE; CONFLICT if somebody else changes the same at
// the same time; NOT_SAVED if it should have been written down and could not
// be. Nothing has changed then.
type Changes interface {
	// Apply carries out a list of changes, in order. Faults: BAD_NAME for a
	// group, program or process that is not there, ALREADY_ADDED for one that
	// is, INCORRECT_PARAMETERS with what is wrong.
	Apply(ctx context.Context, changes []Change, how How) (Outcome, error)

	// Update reads the configuration files again and makes the named groups,
	// all of them for none, what the files say. What was changed at run time
	// stays. Fault CANT_REREAD, with what is wrong.
	Update(ctx context.Context, groups []string, how How) (Outcome, error)

	// Undo takes one change back. Fault BAD_NAME for an id that is not known,
	// CONFLICT with the reason if later changes stand in the way.
	Undo(ctx context.Context, id int64, how How) (Outcome, error)

	// Run adds a program that runs once, starts it, and returns the id of the
	// change. A while after its end it goes by itself, with its AUTO logs.
	// Faults: those of Apply and of a start.
	Run(ctx context.Context, r Run) (int64, error)

	// Wait returns when a program that was run has ended. Fault BAD_NAME if
	// there is none of that name, or none any more.
	Wait(ctx context.Context, group, process string) (End, error)

	// Renew gives the lease of a group, or with a program of that, a new time
	// to live. Fault BAD_NAME if there is no lease.
	Renew(ctx context.Context, group, program string, ttl time.Duration) error

	// Leases lists what will go by itself, by group and program.
	Leases(ctx context.Context) ([]Lease, error)

	// History returns up to limit changes, the newest first, after offset of
	// them.
	History(ctx context.Context, offset, limit int) ([]Record, error)

	// Save writes down what was changed in the named groups, in all for none,
	// and returns the names of the groups whose file it wrote or removed.
	Save(ctx context.Context, groups []string) ([]string, error)

	// Unsaved lists the groups whose changes are not written down as they are.
	Unsaved(ctx context.Context) ([]Unsaved, error)

	// Export returns what was changed in the named groups, in all for none, as
	// text of the form that Save writes.
	Export(ctx context.Context, groups []string) (string, error)
}

// The actions of a [Change].
const (
	Add     = "add"     // a program to a group, or a group
	Replace = "replace" // the options of a program or a group
	Remove  = "remove"  // a program, a process or a group, stopped first
	Scale   = "scale"   // the number of processes of a program
)

// The kinds of groups that a [Change] can make: of any programs, or one that
// a [program:x], [eventlistener:x] or [fcgi-program:x] section makes by
// itself.
const (
	KindGroup    = "group"
	KindProgram  = "program"
	KindListener = "eventlistener"
	KindFastCGI  = "fcgi-program"
)

// A Change is one change of what is to run. Fields that an action has no use
// for must be zero.
type Change struct {
	Action  string
	Group   string // name of the group
	Program string // name of a program in it; "" for the group itself
	Process string // Remove: one process of the group, instead of a program

	// Kind is that of a group that is added or replaced; "" for that of the group
	// that is replaced, or else for KindProgram if there are Options other than
	// priority and no Programs, and for KindGroup if not.
	Kind string
	// Options are those of the section, as a client sends them: of the program,
	// or of the group. A KindGroup takes priority only.
	Options map[string]any
	// Programs are what a KindGroup consists of: options by name of program.
	Programs map[string]map[string]any

	Numprocs int           // Scale: how many processes
	TTL      time.Duration // Add: it goes by itself after that; 0 for never
}

// A Run is a program that is to run once.
type Run struct {
	Name    string         // of the program
	Group   string         // that is there; "" for a group of its own, of that name
	Options map[string]any // of a [program:x], but for those that make no sense
	TTL     time.Duration  // it is stopped after that; 0 for never
	Reason  string         // for the history
}

// An End is how a program has ended.
type End struct {
	State  string // EXITED, STOPPED, FATAL, UNKNOWN
	Status int    // exit status; -1 if a signal ended it
	Signal int    // that; 0 for none
	Error  string // why it could not be started, and the like
}

// How says how a change is made.
type How struct {
	DryRun  bool
	Persist *bool  // whether it is written down; nil for as configured
	NoWait  bool   // answer before what has to stop is down
	Reason  string // for the history
}

// An Outcome is what a change does, or would do.
type Outcome struct {
	ID        int64 // of the change in the history; 0 if nothing was changed
	Persisted bool
	Steps     []Step
}

// A Step is what happens to one process, or to a group itself: one that is added
// or removed, or whose settings change, has a step of its own, before those of
// its processes.
type Step struct {
	Group, Process string // Process is "" for the group itself

	// Action is add (made, not started), start, stop (and forgotten), remove (it
	// was down), restart, change (without a restart) or keep.
	Action  string
	Changes []OptionChange
}

// An OptionChange is one option with another value. Values of an environment
// are hidden.
type OptionChange struct{ Option, Old, New string }

// A Record is one change in the history.
type Record struct {
	ID      int64
	Time    time.Time
	Account string // "" on a server without accounts; a lease that ran out is "lease"
	UID     int    // -1 if it is not known
	Address string
	Method  string // "apply", "update", "undo", "addProgramToGroup", ...
	Reason  string
	Steps   []Step // without those that kept something
	Result  string // "ok", or why it was not done after all
	Saved   bool   // it was written down to outlive a restart
	Undone  int64  // the change that took it back; 0 for none
	Undoes  int64  // the change that it took back; 0 for none
}

// A Lease says when something goes by itself.
type Lease struct {
	Group, Program string // Program is "" for the whole group
	Left           time.Duration
}

// Unsaved is a group whose changes are not written down as they are.
type Unsaved struct {
	Group string
	Saved string // the text that is written down; "" for none
	Live  string // what Save would write; "" for nothing
}

// Settings are what the section of an extension asks of supervisord.
type Settings struct {
	PersistDir string // where changes are written down; "" for nowhere
	PersistAll bool   // all of them, not only those that ask for it

	AuditFile     string // log of changes, a JSON object in each line; "" for none
	AuditMaxBytes string // size at which it is rotated, as in a configuration file
	AuditBackups  int    // rotated ones that are kept, at least one
}
