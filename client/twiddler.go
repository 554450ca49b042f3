package client

import (
	"context"

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
