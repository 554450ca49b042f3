// Package twiddler changes the set of programs while supervisord runs. It is
// the namespace of the Python package supervisor_twiddler 2.0, method for
// method and fault for fault.
//
//	[rpcinterface:twiddler]
//	supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface
//	whitelist = getGroupNames, log
//
// Every method checks in this order: the number of parameters, whether
// supervisord is shutting down, the whitelist, and then what it was given.
package twiddler

import (
	"context"
	"slices"
	"strings"

	"example.org/twiddler/ext"
	"example.org/twiddler/fault"
)

//go:generate go run ../../tools/rpcdoc -type Twiddler -doc ../../docs/reference-twiddler.md

// Factory is what a program lists to offer this extension. Its options are
// whitelist, the names of the methods that may be called, separated by commas,
// all of them if it is absent or empty; and what [ext.Settings] are read from:
// persist or persist_dir, audit_logfile, audit_logfile_maxbytes and
// audit_logfile_backups.
var Factory = ext.Factory{
	Name:     "twiddler",
	Aliases:  []string{"supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface"},
	Settings: settings,
	New:      newTwiddler,
}

// Twiddler is the extension. Its methods are safe for concurrent use.
type Twiddler struct {
	host      ext.Host
	whitelist []string // nil for no restriction
}

func newTwiddler(h ext.Host, options map[string]string) (ext.Extension, error) {
	t := &Twiddler{host: h}
	if _, err := settings(options); err != nil {
		return nil, err
	}
	// Split as Supervisor splits lists: a comma alone makes two empty names,
	// which no method has. Supervisor 4.2.5, datatypes.py, list_of_strings.
	if list := options["whitelist"]; list != "" {
		for name := range strings.SplitSeq(list, ",") {
			t.whitelist = append(t.whitelist, strings.TrimSpace(name))
		}
	}
	return t, nil
}

// GetAPIVersion answers the version of this interface. Clients compare it with
// the one they were written for.
//
//	@return int  the version, as text
//	@role view
//	@scope groups
func (t *Twiddler) GetAPIVersion(ctx context.Context) (any, error) {
	// The result is a string, documented as an int: so is the original's, and
	// clients see both.
	if err := t.admit(ctx, "getAPIVersion"); err != nil {
		return nil, err
	}
	return "1.0", nil
}

// GetGroupNames answers the names of the process groups that are active, in
// the order in which they were added.
//
//	@return array  names of groups
//	@role view
//	@scope groups
func (t *Twiddler) GetGroupNames(ctx context.Context) ([]string, error) {
	if err := t.admit(ctx, "getGroupNames"); err != nil {
		return nil, err
	}
	return t.host.GroupNames(ctx)
}

// Log writes a line to the log of supervisord, if its loglevel lets it
// through.
//
//	@param string message         what to write
//	@param string|int [level=20]  CRIT, ERRO, WARN, INFO, DEBG, TRAC or BLAT in
//	                              any case, or its number: 50, 40, 30, 20, 10, 5, 3
//	@return boolean               always true
//	@role operate
func (t *Twiddler) Log(ctx context.Context, message, level any) (bool, error) {
	if err := t.admit(ctx, "log"); err != nil {
		return false, err
	}
	lv, ok := logLevel(level)
	if !ok {
		return false, fault.Bare(fault.IncorrectParameters)
	}
	t.host.Log(lv, ext.Text(message))
	return true, nil
}

// AddProgramToGroup adds a program to a process group, as if a section
// [program:NAME] with these options had been in the configuration file. If the
// program has several processes, all are added or none. They start by
// themselves soon after, unless autostart is false.
//
//	@param string group_name       name of an active group
//	@param string program_name     name of the new program
//	@param struct program_options  options as in a program section
//	@return boolean                always true
//	@role define
//	@scope groups
func (t *Twiddler) AddProgramToGroup(ctx context.Context, group, program, options any) (bool, error) {
	if err := t.admit(ctx, "addProgramToGroup"); err != nil {
		return false, err
	}
	name, err := groupName(group)
	if err != nil {
		return false, err
	}
	dict, ok := ext.AsStruct(options)
	if !ok {
		return false, t.missingGroupOr(ctx, name, fault.Bare(fault.IncorrectParameters))
	}
	if err := t.host.AddProgram(ctx, name, ext.Text(program), dict); err != nil {
		return false, err
	}
	return true, nil
}

// RemoveProcessFromGroup takes a process that is not running out of its group,
// whether it was added at run time or is in the configuration file. The group
// and the log files stay.
//
//	@param string group_name    name of an active group
//	@param string process_name  name of a process in it
//	@return boolean             always true
//	@role define
//	@scope groups
func (t *Twiddler) RemoveProcessFromGroup(ctx context.Context, group, process any) (bool, error) {
	if err := t.admit(ctx, "removeProcessFromGroup"); err != nil {
		return false, err
	}
	name, err := groupName(group)
	if err != nil {
		return false, err
	}
	switch process := process.(type) {
	case string:
		if err := t.host.RemoveProcess(ctx, name, process); err != nil {
			return false, err
		}
		return true, nil
	case nil:
		// In the original a missing value is no text to name.
		return false, t.missingGroupOr(ctx, name, fault.Bare(fault.BadName))
	case []any, map[string]any:
		return false, t.missingGroupOr(ctx, name, fault.Bare(fault.IncorrectParameters))
	default:
		return false, t.missingGroupOr(ctx, name, fault.New(fault.BadName, ext.Text(process)))
	}
}

// admit makes the checks that come before a method's own. A restart lets calls
// through, as the original does.
func (t *Twiddler) admit(ctx context.Context, method string) error {
	if t.host.State(ctx) == ext.Shutdown {
		return fault.Bare(fault.ShutdownState)
	}
	if t.whitelist != nil && !slices.Contains(t.whitelist, method) {
		return fault.New(fault.NotInWhitelist, method)
	}
	return nil
}

// groupName is the name that a client gave. A value of another type is the
// name of no group, unless Python could not even look it up.
func groupName(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case []any, map[string]any:
		return "", fault.Bare(fault.IncorrectParameters)
	default:
		return "", fault.New(fault.BadName, "group: "+ext.Text(v))
	}
}

// missingGroupOr returns the fault for a group that is not there, or else what
// is wrong beside it: the group is looked up first.
func (t *Twiddler) missingGroupOr(ctx context.Context, group string, other error) error {
	names, err := t.host.GroupNames(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(names, group) {
		return fault.New(fault.BadName, "group: "+group)
	}
	return other
}
