package ext

import (
	"context"
	"fmt"
	"path"
	"slices"

	"example.org/twiddler/fault"
)

// A Caller is who a request comes from, and what it may do. It never changes
// once it is in a context, so any number of goroutines may read it.
type Caller struct {
	// Account is the name of the account, or of the user of the server; "" on
	// a server that asks for none.
	Account string

	// UID and PID are those of the peer of a unix socket, as the kernel knows
	// them; -1 if they are not known.
	UID, PID int

	// Address is where the request comes from: host and port, or the path of
	// the unix socket.
	Address string

	Role Role // the highest it has; each includes those before it

	// Groups are patterns, as of path.Match, of the groups that it holds for;
	// nil for all there are and will be.
	Groups []string

	// Policy bounds what the caller may define; nil for no bounds.
	Policy *Policy
}

// A Policy bounds the programs that an account may define. The lists hold
// patterns; a nil one allows nothing, but for AllowedGroups, where it stands
// for the groups that the account holds.
type Policy struct {
	AllowedUsers       []string // names of users, as of path.Match
	AllowedCommands    []string // absolute paths of executables, as of path.Match
	AllowedDirectories []string // absolute paths, as of path.Match, with all that is below
	AllowedEnvironment []string // names of variables, as of path.Match
	AllowedGroups      []string // names of groups, as of path.Match
	MaxProcesses       int      // in the groups that the account holds
}

// HoldsAll reports whether the caller holds every group there is and will be.
func (c Caller) HoldsAll() bool { return c.Groups == nil || slices.Contains(c.Groups, "*") }

// Holds reports whether the caller holds the group of that name.
func (c Caller) Holds(group string) bool { return c.HoldsAll() || MatchAny(c.Groups, group) }

// May reports whether the caller has a role, for a group or, with "", for all
// of them.
func (c Caller) May(role Role, group string) bool {
	if !c.Role.Valid() || !role.Valid() || role > c.Role {
		return false
	}
	if group == "" {
		return c.HoldsAll()
	}
	return c.Holds(group)
}

// Need returns nil if the caller may, as [Caller.May] has it, and otherwise the
// fault NOT_PERMITTED that says what is missing. It is the same for a group
// that is there and for one that is not.
func (c Caller) Need(role Role, group string) error {
	switch {
	case c.May(role, group):
		return nil
	case !c.Role.Valid() || role > c.Role:
		return fault.Errorf(fault.NotPermitted, "%s has the role %v, and this needs %v", c, c.Role, role)
	case group == "":
		return fault.Errorf(fault.NotPermitted, "%s holds some groups only, and this needs all", c)
	}
	return fault.Errorf(fault.NotPermitted, "%s does not hold the group %q", c, group)
}

// String is what faults and logs call the caller.
func (c Caller) String() string {
	if c.Account == "" {
		return "whoever connects"
	}
	return fmt.Sprintf("account %q", c.Account)
}

// MatchAny reports whether one of the patterns, as of path.Match, matches
// name. A pattern that is malformed matches nothing.
func MatchAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

// callerKey is the key of a *Caller in a context.
type callerKey struct{}

// WithCaller returns a context for what c asked for.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, &c)
}

// CallerOf returns who asked for what runs under ctx. Where nobody did, it is
// supervisord itself, which may do everything: whatever serves requests puts
// their caller into the context first.
func CallerOf(ctx context.Context) Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return *c
	}
	return Caller{Account: "supervisord", UID: -1, PID: -1, Role: Admin}
}
