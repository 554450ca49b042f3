package client

import (
	"context"
	"time"

	"example.org/twiddler/level"
)

// A Twiddler calls the methods that change groups while they run. The server
// must have the extension configured, [rpcinterface:twiddler]; without it
// every call is a fault.UnknownMethod, and a method that its whitelist leaves
// out is a fault.NotInWhitelist.
type Twiddler struct{ client *Client }

// Twiddler returns the twiddler namespace.
func (c *Client) Twiddler() Twiddler { return Twiddler{c} }

// GetAPIVersion returns the version of the extension's interface.
func (t Twiddler) GetAPIVersion(ctx context.Context) (string, error) {
	return call(ctx, t.client, as[string], "twiddler.getAPIVersion")
}

// GetGroupNames returns the names of the live groups.
func (t Twiddler) GetGroupNames(ctx context.Context) ([]string, error) {
	return call(ctx, t.client, stringList, "twiddler.getGroupNames")
}

// AddProgramToGroup adds a program to a live group. Options are those of a
// [program:x] section; a string is the safe choice for every value. An
// autostart program is started soon after, not within the call.
func (t Twiddler) AddProgramToGroup(ctx context.Context, group, program string, options map[string]any) error {
	return t.client.do(ctx, "twiddler.addProgramToGroup", group, program, options)
}

// RemoveProcessFromGroup removes a stopped process from its group.
func (t Twiddler) RemoveProcessFromGroup(ctx context.Context, group, process string) error {
	return t.client.do(ctx, "twiddler.removeProcessFromGroup", group, process)
}

// Log writes a line to the server's own log.
func (t Twiddler) Log(ctx context.Context, message string, severity level.Level) error {
	return t.client.do(ctx, "twiddler.log", message, int(severity))
}

// Apply carries out a list of changes, all or none. It is a fault.Conflict if
// somebody else has changed the same meanwhile.
func (t Twiddler) Apply(ctx context.Context, changes []Change, how How) (Outcome, error) {
	list, err := encodeChanges(changes)
	if err != nil {
		return Outcome{}, err
	}
	return call(ctx, t.client, outcome, "twiddler.apply", list, encodeHow(how))
}

// Update reads the configuration files again and makes the named groups, all
// for none, what the files say, touching only the processes that differ.
func (t Twiddler) Update(ctx context.Context, groups []string, how How) (Outcome, error) {
	return call(ctx, t.client, outcome, "twiddler.update", names(groups), encodeHow(how))
}

// AddGroup adds a group of a kind, see [KindGroup]; the options of that one are
// priority and programs, a struct of options by name. With a ttl other than 0,
// in whole seconds, it goes by itself after that time.
func (t Twiddler) AddGroup(ctx context.Context, group, kind string, options map[string]any, ttl time.Duration, how How) (Outcome, error) {
	seconds, err := wholeSeconds(ttl)
	if err != nil {
		return Outcome{}, err
	}
	m := encodeHow(how)
	if seconds != 0 {
		m["ttl"] = seconds
	}
	return call(ctx, t.client, outcome, "twiddler.addGroup", group, kind, options, m)
}

// RemoveGroup stops the processes of a group and removes it.
func (t Twiddler) RemoveGroup(ctx context.Context, group string, how How) (Outcome, error) {
	return call(ctx, t.client, outcome, "twiddler.removeGroup", group, encodeHow(how))
}

// Scale gives a program, "group:program" or one word for both, another number
// of processes. Those that stay are not touched.
func (t Twiddler) Scale(ctx context.Context, program string, numprocs int, how How) (Outcome, error) {
	return call(ctx, t.client, outcome, "twiddler.scale", program, numprocs, encodeHow(how))
}

// Run runs a program once: it is added, started, and goes by itself a while
// after its end, with its AUTO logs. Its time to live is in whole seconds. It
// is a fault.NoFile, a fault.NotExecutable or the like if it cannot be started;
// then it is not there.
func (t Twiddler) Run(ctx context.Context, r Run) (Started, error) {
	seconds, err := wholeSeconds(r.TTL)
	if err != nil {
		return Started{}, err
	}
	how := map[string]any{}
	if r.Group != "" {
		how["group"] = r.Group
	}
	if r.Reason != "" {
		how["reason"] = r.Reason
	}
	if seconds != 0 {
		how["ttl"] = seconds
	}
	options := r.Options
	if options == nil {
		options = map[string]any{}
	}
	return call(ctx, t.client, started, "twiddler.run", r.Name, options, how)
}

// Wait waits for the end of a program that was run, "group:process" or one
// word for both. It is a fault.BadName if there is none, or none any more.
func (t Twiddler) Wait(ctx context.Context, name string) (End, error) {
	return call(ctx, t.client, end, "twiddler.wait", name)
}

// Undo takes a change back. It is a fault.Conflict if later ones stand in the
// way.
func (t Twiddler) Undo(ctx context.Context, id int64, how How) (Outcome, error) {
	return call(ctx, t.client, outcome, "twiddler.undo", id, encodeHow(how))
}

// Renew gives a lease, "group:program" or "group:", a new time to live, in
// whole seconds.
func (t Twiddler) Renew(ctx context.Context, name string, ttl time.Duration) error {
	seconds, err := wholeSeconds(ttl)
	if err != nil {
		return err
	}
	return t.client.do(ctx, "twiddler.renew", name, seconds)
}

// GetLeases returns what goes by itself.
func (t Twiddler) GetLeases(ctx context.Context) ([]Lease, error) {
	return call(ctx, t.client, list(lease), "twiddler.getLeases")
}

// History returns up to limit changes, the newest first, after offset of them.
// The server answers 1,000 at most.
func (t Twiddler) History(ctx context.Context, offset, limit int) ([]Record, error) {
	return call(ctx, t.client, list(record), "twiddler.history", offset, limit)
}

// Save writes down what was changed in the named groups, in all for none, so
// that it outlives a restart. It returns the groups whose file was written or
// removed.
func (t Twiddler) Save(ctx context.Context, groups ...string) ([]string, error) {
	return call(ctx, t.client, stringList, "twiddler.save", names(groups))
}

// Diff returns the groups whose changes are not written down as they are.
func (t Twiddler) Diff(ctx context.Context) ([]Unsaved, error) {
	return call(ctx, t.client, list(unsaved), "twiddler.diff")
}

// Export returns what was changed in the named groups, in all for none, as
// text of the form that Save writes.
func (t Twiddler) Export(ctx context.Context, groups ...string) (string, error) {
	return call(ctx, t.client, as[string], "twiddler.export", names(groups))
}

// names is an array also where there are none.
func names(groups []string) []string {
	if groups == nil {
		return []string{}
	}
	return groups
}
