package supervisor

import "example.org/twiddler/internal/config"

// reload replaces the available configuration and tells how the live groups
// differ from it. They themselves stay as they are.
func (c *Core) reload(in Reload, out []Effect) []Effect {
	live := c.wantedGroups()
	for _, g := range c.groups {
		g.listed = -1
	}
	c.available = in.Groups
	added, changed, removed := config.Diff(live, in.Groups)
	return append(out, Reply{func() { in.Reply(added, changed, removed) }})
}
