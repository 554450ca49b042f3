package ext

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"example.org/twiddler/level"
)

// A Level is a severity in supervisord's own log.
type Level = level.Level

// The seven levels, most severe first.
const (
	Critical = level.Critical
	Error    = level.Error
	Warn     = level.Warn
	Info     = level.Info
	Debug    = level.Debug
	Trace    = level.Trace
	Blather  = level.Blather
)

// A State is that of supervisord as a whole. The numbers are those of
// supervisor.getState. Supervisor 4.2.5, states.py, SupervisorStates.
type State int

// Below Running, supervisord is about to end all its processes.
const (
	Fatal      State = 2
	Running    State = 1
	Restarting State = 0
	Shutdown   State = -1
)

// String is the name that clients see, such as RUNNING.
func (s State) String() string {
	switch s {
	case Fatal:
		return "FATAL"
	case Running:
		return "RUNNING"
	case Restarting:
		return "RESTARTING"
	case Shutdown:
		return "SHUTDOWN"
	}
	return fmt.Sprintf("STATE%d", int(s))
}

// A Host is what an extension may ask of supervisord. Only supervisord and
// package exttest implement it, so methods may be added in a minor release.
//
// All methods are safe for concurrent use. Those with an error return faults
// as *fault.Error, with the text for the client; they return ctx.Err() if ctx
// ends first, and then the command may still be carried out.
type Host interface {
	// State is that of supervisord now. It never waits.
	State(ctx context.Context) State

	// GroupNames returns the names of the live groups that the caller of ctx
	// holds, in the order in which they were added, event listener pools and
	// FastCGI groups included.
	GroupNames(ctx context.Context) ([]string, error)

	// AddProgram adds the processes of one program to a live group, all of
	// them or none. The options are those of a [program:x] section, with the
	// values as the client sent them. Processes that are to start by
	// themselves do so soon after.
	//
	// Faults: NOT_PERMITTED if the caller of ctx may not define that there, be
	// there such a group or not; BAD_NAME "group: NAME" if there is no such group,
	// INCORRECT_PARAMETERS if a section with these options would be refused,
	// BAD_NAME with the process if the group has one of that name.
	AddProgram(ctx context.Context, group, program string, options map[string]any) error

	// RemoveProcess takes one process that is not running out of a live
	// group, whether it came from the configuration file or from AddProgram.
	// The group stays, even empty, and so do log files.
	//
	// Faults: NOT_PERMITTED if the caller of ctx may not define in the group, be
	// there one or not; BAD_NAME "group: NAME" if there is no such group, BAD_NAME with
	// the process if it has no such process, STILL_RUNNING.
	RemoveProcess(ctx context.Context, group, process string) error

	// Changes is how to change what runs with more than the two methods above.
	Changes() Changes

	// Log writes a line to supervisord's own log if its loglevel lets it
	// through. The text is written as it is, line ends included. It never
	// waits.
	Log(lv Level, text string)
}

// An Extension is what one [rpcinterface:x] section becomes.
type Extension interface {
	// Methods returns the namespace. It is called once.
	Methods() []Method
}

// A Factory makes extensions. A program lists its factories in main.
type Factory struct {
	// Name is what a configuration file calls the factory, in
	// supervisor.rpcinterface_factory.
	Name string

	// Aliases are further names. A port of a Python package lists the factory
	// it stands in for, as "module:callable", so that old configuration files
	// go on loading.
	Aliases []string

	// Settings reads what the options ask of supervisord; nil for nothing. Only
	// one section of a configuration may ask for something.
	Settings func(options map[string]string) (Settings, error)

	// New makes the extension for one section. The options are those of the
	// section but for the factory, with lower-case keys and expanded values;
	// an unknown one should be an error that names it.
	New func(h Host, options map[string]string) (Extension, error)
}

// Lookup returns the factory that answers to spec, exactly. The error for an
// unknown one says what there is. Lookup panics if a factory has no name or
// no New, or if two answer to the same name: that is a mistake in main.
func Lookup(factories []Factory, spec string) (Factory, error) {
	mustBeDistinct(factories)
	known := make([]string, 0, len(factories))
	for _, f := range factories {
		if f.Name == spec || slices.Contains(f.Aliases, spec) {
			return f, nil
		}
		known = append(known, strings.Join(append([]string{f.Name}, f.Aliases...), " or "))
	}
	has := "has no extension"
	if len(known) > 0 {
		has = "has " + strings.Join(known, ", ")
	}
	return Factory{}, fmt.Errorf("cannot find extension %q: this program %s; "+
		"extensions are Go packages built into it, and examples/extension shows how", spec, has)
}

func mustBeDistinct(factories []Factory) {
	owner := map[string]string{}
	for _, f := range factories {
		if f.Name == "" || f.New == nil {
			panic(fmt.Sprintf("ext: factory %q lacks its Name or New", f.Name))
		}
		for _, name := range append([]string{f.Name}, f.Aliases...) {
			if other, dup := owner[name]; dup {
				panic(fmt.Sprintf("ext: factories %q and %q both answer to %q", other, f.Name, name))
			}
			owner[name] = f.Name
		}
	}
}
